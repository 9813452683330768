"""Multi-source BARO: scores by hand, and units that do not matter."""

from __future__ import annotations

import dataclasses
import math

import outcomes
import pytest

from cluster.incident import tiny
from cluster.window import Window
from methods.answer.types import Ranking
from methods.mmbaro import MmBaro
from methods.telemetry.deviation import NORMAL_RANGE

# Median 3, quartiles 2 and 4; then 9: (9 - 3) / 2 = 3 ranges.
CPU = [1, 2, 3, 4, 5, 3, 3, 9, 3, 3]


def test_metrics_by_hand() -> None:
    incident = tiny.incident(metrics={("a", "cpu"): CPU, ("b", "cpu"): [1, 2, 3, 4, 5, 3, 3, 1, 3, 3]})
    assert outcomes.scores(MmBaro().rank(incident, outcomes.rng())) == pytest.approx({"a": 3.0, "b": 1.0})


def test_bytes_do_not_beat_seconds() -> None:
    metrics = {("a", "latency"): CPU, ("b", "memory"): [1e9 * v for v in (1, 2, 3, 4, 5, 3, 3, 5, 3, 3)]}
    found = outcomes.scores(MmBaro().rank(tiny.incident(metrics=metrics), outcomes.rng()))
    assert found == pytest.approx({"a": 3.0, "b": 1.0})


def test_a_template_that_appears_once_after_the_onset_counts_as_what_was_never_seen() -> None:
    logs = [(1000.0 + 5 * i, "b", "INFO", f"tick {i}") for i in range(40)]
    logs += [(1130.0, "a", "ERROR", "out of memory")]
    outcome = MmBaro().rank(tiny.incident(logs=logs), outcomes.rng())
    # One of 20 buckets, where 0 of 20 lead one to expect 1 in 22.
    divergence = 0.05 * math.log(0.05 * 22) + 0.95 * math.log(0.95 / (21 / 22))
    expected = math.sqrt(2 * 20 * divergence) / NORMAL_RANGE
    assert outcomes.scores(outcome) == pytest.approx({"a": expected, "b": 0.0})
    assert isinstance(outcome, Ranking)
    assert "not seen before the onset" in outcome.explanation.steps[0].claim


def test_latency_is_latency_and_not_a_count() -> None:
    # As many spans as before, and three times as slow.
    spans = []
    for i in range(40):
        work = (0.9 if i % 2 else 1.1) * (1.0 if i < 20 else 3.0)
        spans += tiny.request(f"t{i}", 1000.0 + 5 * i, [("a", "serve", work), ("b", "store", 0.1)])
    found = outcomes.scores(MmBaro().rank(tiny.incident(spans=spans), outcomes.rng()))
    # Before: 0.9 and 1.1 in turn, so median 1 and range 0.2; the largest after is 3.3.
    assert found == pytest.approx({"a": 2.3 / 0.2, "b": 0.0})


def test_nothing_moves_nothing_is_ranked() -> None:
    still = tiny.incident(metrics={("a", "cpu"): [1.0] * 10})
    assert "changes after the onset" in outcomes.detail(MmBaro().rank(still, outcomes.rng()))


@pytest.mark.parametrize(("start", "end"), [(1000.0, 1197.0), (1003.0, 1200.0), (1003.0, 1197.0)])
def test_a_bucket_that_was_seen_only_in_part_is_no_fall(start: float, end: float) -> None:
    logs = [(float(second), "b", "INFO", "tick") for second in range(int(start), int(end) + 1)]
    seen = dataclasses.replace(tiny.incident(logs=logs), window=Window(start, end + 1))
    assert "changes after the onset" in outcomes.detail(MmBaro().rank(seen, outcomes.rng()))
