"""MicroRank: weights against a dense walk over single traces, spectra by hand."""

from __future__ import annotations

import numpy as np
import outcomes
import pytest

from cluster.incident import tiny
from methods.answer.types import NoRanking
from methods.microrank import MicroRank
from methods.telemetry.spans import NO_PARENT, SpanTable, encode
from methods.telemetry.trace_coverage import coverage, weights


def requests(side: float, kinds: list[list[tuple[str, str, float]]]) -> list[tuple]:
    return [s for i, path in enumerate(kinds) for s in tiny.request(f"{side}-{i}", side + i, path)]


def encoded(spans: list[tuple]) -> SpanTable:
    table = encode(tiny.incident(spans=spans))
    assert not isinstance(table, NoRanking)
    return table


def dense(table: SpanTable, chosen: np.ndarray, rare: float, damping: float, omega: float) -> np.ndarray:
    """The same weights, trace by trace and pair by pair, as the formula is written."""
    traces = np.flatnonzero(chosen)
    size = len(table.operations)
    covers = np.zeros((len(traces), size), dtype=bool)
    calls = np.zeros((size, size), dtype=bool)
    for row in range(table.spans):
        if chosen[table.trace[row]]:
            covers[np.searchsorted(traces, table.trace[row]), table.operation[row]] = True
            if table.parent[row] != NO_PARENT:
                calls[table.operation[row], table.operation[table.parent[row]]] = True
    kind = np.array([(covers == row).all(axis=1).sum() for row in covers], dtype=float)
    n = covers.sum(axis=1)
    theta = rare * (1 / kind) / (1 / kind).sum() + (1 - rare) * (1 / n) / (1 / n).sum()
    p_sr = (covers / n[:, None]).T
    p_rs = covers / np.maximum(covers.sum(axis=0), 1)
    p_ss = calls / np.maximum(calls.sum(axis=0), 1)
    s, r = np.ones(size), np.ones(len(traces))
    for _ in range(2000):
        s, r = damping * (p_sr @ r + omega * p_ss @ s), damping * p_rs @ s + (1 - damping) * theta
        s, r = s / s.max(), r / r.max()
    present = covers.any(axis=0)
    return np.where(present, s * s[present].mean(), 0.0)


@pytest.mark.parametrize("rare", [1.0, 0.5])
def test_walking_over_kinds_is_walking_over_traces(rare: float) -> None:
    rng = np.random.default_rng(4)
    operations = [(c, o, 1.0) for c in "abc" for o in ("x", "y")]
    paths = [[operations[i] for i in rng.choice(6, size=rng.integers(1, 5), replace=False)] for _ in range(30)]
    table = encoded(requests(1000.0, paths) + requests(1150.0, paths[:5]))
    chosen = ~table.late
    found = weights(coverage(table, chosen), rare=rare, damping=0.85, call_weight=0.01)
    assert found is not None
    assert found == pytest.approx(dense(table, chosen, rare, 0.85, 0.01), rel=1e-6)


def test_the_spectrum_by_hand() -> None:
    """Two abnormal traces cover {g, x}, three normal ones {g, y}; without call edges all weights are 1.

    g: ef = 2, nf = 0, ep = 3, so 4 / 3. x: ef = 2, nf = 0, in no normal trace, so ep = 1 and the score is 4.
    y is in no abnormal trace: it is not ranked.
    """
    calm = [[("g", "in", 1.0), ("x", "do", 0.5)], [("g", "in", 1.0), ("y", "do", 0.5)]]
    slow = [("g", "in", 9.0), ("x", "do", 8.5)]
    spans = requests(1000.0, calm * 3) + requests(1120.0, [slow] * 2) + requests(1150.0, [calm[1]] * 3)
    found = outcomes.scores(MicroRank(omega=0.0).rank(tiny.incident(spans=spans), outcomes.rng()))
    assert found == pytest.approx({"g": 4 / 3, "x": 4.0})


def test_a_trace_that_fails_fast_is_abnormal() -> None:
    calm = [("g", "in", 1.0), ("x", "do", 0.5)]
    spans = requests(1000.0, [calm] * 4) + requests(1120.0, [calm] * 2)
    spans += tiny.request("bad", 1130.0, [("g", "in", 0.1), ("y", "do", 0.05)], failed=True)
    found = outcomes.scores(MicroRank().rank(tiny.incident(spans=spans), outcomes.rng()))
    assert set(found) == {"g", "y"}
    assert found["y"] > found["g"]


def test_calm_traces_are_not_applicable() -> None:
    calm = [("g", "in", 1.0), ("x", "do", 0.5)]
    spans = requests(1000.0, [calm] * 4) + requests(1150.0, [calm] * 4)
    assert "slower than expected" in outcomes.detail(MicroRank().rank(tiny.incident(spans=spans), outcomes.rng()))
