"""The verdict in one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from verdicts import NOBODY, UNKNOWN, verdict

from methods.verdict.types import Verdict
from rca_tui.draw.verdict import one_line


def test_who_measured_it_goes_before_the_signals() -> None:
    measured = verdict(
        headline="replica-1, strong: latency p90 518 ms → 25.1 s as gateway measures it, requests 1 → 0 /s since "
        "21:11:01 UTC, peers unchanged."
    )
    assert one_line(measured, 90)[1] == ": latency p90 518 ms → 25.1 s, requests 1 → 0 /s since 21:11:01 UTC"
    assert one_line(measured, 76)[1] == ": latency p90 518 ms → 25.1 s since 21:11:01 UTC"


@pytest.mark.parametrize("answer", [verdict(), NOBODY, UNKNOWN])
@given(width=st.integers(1, 260))
def test_a_line_is_cut_by_importance_and_never_too_long(answer: Verdict, width: int) -> None:
    who, what = one_line(answer, width)
    assert len(who) + len(what) <= width
    if width >= 40 and answer.named:
        assert who == "replica-1, strong"
    if width >= 72 and answer.named:
        assert "latency p90 600 ms → 2.2 s" in what and "since 22:15:20 UTC" in what
    if width >= 240 and answer.next:
        assert "next: the CPU" in what
