"""Traces in the order that a person asks for, and one trace as a tree."""

from __future__ import annotations

import dataclasses

import pytest

from cluster.incident import tiny
from cluster.incident.model import Incident, empty_spans
from methods.telemetry.trace_book import Order, TraceBook, phases, read, tree

EDGES = (("gateway", "replica-0"), ("gateway", "replica-1"))


def spans() -> list:
    rows = []
    for i in range(20):
        at, slow, failed = 1001.0 + 9 * i, 2.0 if i >= 15 else 0.0, i == 3
        replica = f"replica-{i % 2}"
        rows += [
            (f"t{i}", f"a{i}", None, "gateway", "gateway request", at, 0.5 + slow, False),
            (f"t{i}", f"b{i}", f"a{i}", replica, "route_to_replica", at + 0.01, 0.48 + slow, failed),
            (f"t{i}", f"c{i}", f"b{i}", replica, "engine decode", at + 0.1 + slow, 0.3, False),
            (f"t{i}", f"d{i}", f"b{i}", replica, "engine queue", at + 0.05, 0.02, False),
        ]
    return rows


def incident(rows: list | None = None) -> Incident:
    return tiny.incident(calls=EDGES, spans=spans() if rows is None else rows)


def book_of(rows: list | None = None) -> TraceBook:
    book = read(incident(rows))
    assert book is not None
    return book


def test_traces_are_ordered_as_asked() -> None:
    book = book_of()
    slowest = book.select(Order.SLOWEST)
    assert [book.ids[t] for t in slowest[:5]] == ["t15", "t16", "t17", "t18", "t19"]
    assert book.duration[slowest[0]] == pytest.approx(2.5)
    assert book.ids[book.select(Order.FAILED)[0]] == "t3"
    assert book.ids[book.select(Order.NEWEST)[0]] == "t19"


def test_traces_are_selected_by_component_and_words() -> None:
    book = book_of()
    assert len(book.select(Order.SLOWEST, "replica-1")) == 10
    assert len(book.select(Order.SLOWEST, words="DECODE")) == 20
    assert [book.ids[t] for t in book.select(Order.SLOWEST, words="t19")] == ["t19"]
    assert len(book.select(Order.SLOWEST, "node")) == 0


def test_where_the_time_of_a_trace_went() -> None:
    book = book_of()
    trace = book.ids.index("t19")
    assert book.operation(int(book.longest[trace])) == ("replica-1", "route_to_replica")
    first = phases(book, trace)[0]
    assert first.operation == "route_to_replica"
    assert first.seconds == pytest.approx(2.16) and first.usual == pytest.approx(0.16)
    assert book.times_usual(int(book.longest[trace])) == pytest.approx(2.48 / 0.48)


def test_a_tree_has_children_after_their_parents_by_start() -> None:
    book = book_of()
    rows = [(book.operation(row)[1], depth) for row, depth in tree(book, 0)]
    assert rows == [("gateway request", 0), ("route_to_replica", 1), ("engine queue", 2), ("engine decode", 2)]


def test_a_child_that_outlives_its_parent_is_charged_to_the_span_that_it_ends_within() -> None:
    handed_over = [
        ("x", "1", None, "gateway", "request", 1001.0, 10.0, False),
        ("x", "2", "1", "replica-0", "route", 1001.5, 0.5, False),
        ("x", "3", "2", "replica-0", "handle", 1001.9, 9.0, False),
    ]
    book = book_of(handed_over)
    assert book.operation(int(book.longest[0])) == ("replica-0", "handle")
    spent = {phase.operation: phase.seconds for phase in phases(book, 0)}
    assert spent == pytest.approx({"request": 0.6, "route": 0.5, "handle": 9.0})


def test_spans_that_are_their_own_ancestors_come_once() -> None:
    loop = [
        ("x", "1", "2", "gateway", "a", 1001.0, 1.0, False),
        ("x", "2", "1", "gateway", "b", 1002.0, 1.0, False),
        ("x", "3", "3", "gateway", "c", 1003.0, 1.0, False),
    ]
    book = book_of(loop)
    assert sorted(row for row, _ in tree(book, 0)) == [0, 1, 2]
    assert book.duration[0] == pytest.approx(1.0)


def test_a_chain_of_ten_thousand_spans_is_no_recursion() -> None:
    chain = [
        ("x", str(i), str(i - 1) if i else None, "gateway", f"op{i % 3}", 1000.0 + i / 100, 1.0, False)
        for i in range(10_000)
    ]
    book = book_of(chain)
    assert [depth for _, depth in tree(book, 0)] == list(range(10_000))


def test_without_an_onset_all_traces_count_as_usual() -> None:
    book = read(dataclasses.replace(incident(), onset=None))
    assert book is not None and book.times_usual(0) is not None


def test_without_spans_there_is_no_book() -> None:
    bare = incident()
    assert read(dataclasses.replace(bare, telemetry=dataclasses.replace(bare.telemetry, spans=empty_spans()))) is None
