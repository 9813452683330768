"""TraceRCA: closed sets against brute force, scores by hand."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import outcomes
import pytest

from cluster.incident import tiny
from methods.answer.types import Ranking
from methods.telemetry import item_sets
from methods.telemetry.item_sets import closed_sets
from methods.tracerca import TraceRca


def brute_force(transactions: np.ndarray, counts: list[int], least: float) -> set[tuple[int, ...]]:
    items = range(transactions.shape[1])
    found = set()
    for subset in chain.from_iterable(combinations(items, k) for k in range(1, len(items) + 1)):
        holding = transactions[:, list(subset)].all(axis=1)
        support = np.dot(counts, holding) / sum(counts)
        larger = (set(subset) | {i} for i in items if i not in subset)
        closed = not any(transactions[:, sorted(s)].all(axis=1)[holding].all() for s in larger)
        if support >= least and support > 0 and closed:
            found.add(subset)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_closed_sets_are_those_of_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    transactions = np.unique(rng.random((8, 6)) < 0.6, axis=0)
    counts = rng.integers(1, 5, size=len(transactions)).tolist()
    found, complete = closed_sets(transactions, counts, 0.2)
    assert complete
    assert set(found) == brute_force(transactions, counts, 0.2)


def test_too_many_sets_are_cut_short_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_sets, "MOST_SETS", 50)
    transactions = ~np.eye(16, dtype=bool)
    found, complete = closed_sets(transactions, [1] * 16, 0.0)
    assert not complete
    assert 0 < len(found) <= 2 * 51


def serve(replica: str, seconds: float) -> list[tuple[str, str, float]]:
    return [("gateway", "POST", seconds + 0.1), (replica, "serve", seconds)]


def spans(plan: list[tuple[float, list[tuple[str, str, float]]]]) -> list[tuple]:
    return [s for i, (at, path) in enumerate(plan) for s in tiny.request(f"t{i}", at + i, path)]


def test_abnormal_calls_that_end_at_a_replica_blame_it_and_not_the_gateway() -> None:
    """After the onset two of four requests, those to r1, are slow, at the gateway and at r1 alike.

    The only set is {gateway, r1}: support 1, confidence 1, JI 1. in(r1) = 1, out(r1) = 0: score 1.
    in(gateway) = 1 (from the users), out(gateway) = 1 (to r1): score 0.
    """
    before = [(1000.0, serve("r0", 0.5)), (1000.0, serve("r1", 0.5))] * 3
    after = [(1120.0, serve("r0", 0.5)), (1120.0, serve("r1", 5.0))] * 2
    found = outcomes.scores(TraceRca().rank(tiny.incident(spans=spans(before + after)), outcomes.rng()))
    assert found == pytest.approx({"r1": 1.0, "gateway": 0.0})


def test_confidence_and_support_by_hand() -> None:
    """One of the three requests to r1 after the onset is slow, and it is the only abnormal one.

    {gateway, r1}: support 1, confidence 1 / 3, JI = 1 / (1 + 3 - 1) = 1 / 3.
    """
    before = [(1000.0, serve("r0", 0.5)), (1000.0, serve("r1", 0.5))] * 3
    after = [(1120.0, serve("r0", 0.5)), (1120.0, serve("r1", 0.5)), (1120.0, serve("r1", 0.5))]
    slow = [(1120.0, serve("r1", 5.0))]
    found = outcomes.scores(TraceRca().rank(tiny.incident(spans=spans(before + after + slow)), outcomes.rng()))
    assert found == pytest.approx({"r1": 1 / 3, "gateway": 0.0})


def test_the_callers_own_span_around_a_call_shows_a_slow_network() -> None:
    def call(seconds: float) -> list[tuple[str, str, float]]:
        return [("gateway", "POST", seconds + 0.2), ("gateway", "call", seconds + 0.1), ("r0", "serve", 0.5)]

    plan = [(1000.0, call(0.5))] * 4 + [(1120.0, call(3.0))] * 4
    found = outcomes.scores(TraceRca().rank(tiny.incident(spans=spans(plan)), outcomes.rng()))
    assert found == pytest.approx({"r0": 1.0, "gateway": 0.0})


def test_an_operation_that_the_baseline_never_saw_is_evidence_and_listed() -> None:
    plan = [(1000.0, serve("r0", 0.5))] * 4 + [(1120.0, serve("r0", 0.5))] * 2
    plan += [(1130.0, [("gateway", "POST", 0.6), ("r1", "retry", 0.5)])]
    outcome = TraceRca().rank(tiny.incident(spans=spans(plan)), outcomes.rng())
    assert outcomes.scores(outcome) == pytest.approx({"r1": 1.0, "gateway": 0.0})
    assert isinstance(outcome, Ranking)
    assert "r1 retry" in outcome.explanation.steps[1].claim


def test_calm_calls_are_not_applicable() -> None:
    plan = [(1000.0, serve("r0", 0.5))] * 4 + [(1120.0, serve("r0", 0.5))] * 4
    assert "is abnormal" in outcomes.detail(TraceRca().rank(tiny.incident(spans=spans(plan)), outcomes.rng()))
