"""Spans as arrays: parents, own time, entries, sides of the onset."""

from __future__ import annotations

import numpy as np
import pytest

from cluster.incident import tiny
from methods.answer.types import NoRanking
from methods.telemetry.spans import NO_PARENT, encode


def span(trace: str, name: str, parent: str | None, component: str, start: float, seconds: float) -> tuple:
    return (trace, name, parent, component, "op", start, seconds, None)


def test_own_time_is_what_no_child_covers() -> None:
    # The children cover [1, 4] and [3, 6] of [0, 10], and the last one overruns: [9, 12] counts to 10.
    table = encode(
        tiny.incident(
            spans=[
                span("t", "root", None, "a", 1000.0, 10.0),
                span("t", "x", "root", "b", 1001.0, 3.0),
                span("t", "y", "root", "b", 1003.0, 3.0),
                span("t", "z", "root", "b", 1009.0, 3.0),
                span("u", "root", None, "a", 1150.0, 2.0),
            ]
        )
    )
    assert not isinstance(table, NoRanking)
    assert table.own_time.tolist() == pytest.approx([4.0, 3.0, 3.0, 3.0, 2.0])
    # The same id in another trace is another span.
    assert table.parent.tolist() == [NO_PARENT, 0, 0, 0, NO_PARENT]
    assert table.late.tolist() == [False, True]


def test_an_entry_is_where_a_trace_comes_into_a_component() -> None:
    spans = [
        span("t", "1", None, "a", 1000.0, 9.0),
        span("t", "2", "1", "a", 1000.0, 8.0),
        span("t", "3", "2", "b", 1000.0, 7.0),
        span("t", "4", "3", "b", 1000.0, 6.0),
        span("t", "5", "lost", "b", 1000.0, 6.0),
        span("u", "1", None, "a", 1150.0, 1.0),
    ]
    table = encode(tiny.incident(spans=spans))
    assert not isinstance(table, NoRanking)
    assert table.is_entry.tolist() == [True, False, True, False, True, True]


def test_spans_of_strangers_and_without_numbers_are_left_out() -> None:
    incident = tiny.incident(
        spans=[
            span("t", "1", None, "a", 1000.0, 1.0),
            span("t", "2", "1", "a", np.nan, 1.0),
            span("u", "1", None, "a", 1150.0, 1.0),
        ]
    )
    incident.telemetry.spans.loc[3] = span("u", "2", "1", "stranger", 1150.0, 1.0)
    table = encode(incident)
    assert not isinstance(table, NoRanking)
    assert table.spans == 2
    assert table.components == ("a",)


def test_one_side_only_is_not_applicable() -> None:
    found = encode(tiny.incident(spans=[span("t", "1", None, "a", 1000.0, 1.0)]))
    assert isinstance(found, NoRanking)
    assert "0 traces begin after the onset" in found.detail
