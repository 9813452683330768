from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from cluster.incident.model import Incident
from cluster.incident.tiny import incident, slow_replica
from methods.anomaly_attribution import AnomalyAttribution
from methods.answer.types import NoRanking, Ranking

needs_dowhy = pytest.mark.skipif(importlib.util.find_spec("dowhy") is None, reason="dowhy is not installed")


def chain(at_fault: str) -> Incident:
    """door -> shop -> cart: each waits for the next, and adds 0.1 s of its own."""
    rng = np.random.default_rng(0)
    late = np.arange(200) >= 100
    own = {c: 0.1 * rng.exponential(size=200) + 2.0 * late * (c == at_fault) for c in ("door", "shop", "cart")}
    cart = own["cart"]
    shop = own["shop"] + cart
    return incident(
        calls=(("door", "shop"), ("shop", "cart")),
        front_door="door",
        latencies={("door", "shop"): shop, ("shop", "cart"): cart},
        metrics={("door", "latency_p90"): own["door"] + shop},
    )


def rank(case: Incident, seed: int = 0) -> Ranking:
    ranking = AnomalyAttribution().rank(case, np.random.default_rng(seed))
    assert isinstance(ranking, Ranking)
    return ranking


def test_without_dowhy_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = AnomalyAttribution().rank(slow_replica(), np.random.default_rng(0))
    assert isinstance(found, NoRanking)
    assert "rca-tui[beyond]" in found.detail


@needs_dowhy
@pytest.mark.slow
@pytest.mark.parametrize("at_fault", ["door", "shop", "cart"])
def test_the_share_is_that_of_the_component_at_fault(at_fault: str) -> None:
    ranking = rank(chain(at_fault))
    assert ranking.top == (at_fault,)
    # The sample is beyond all 3000 draws: (0 + 0.5) / (3000 + 0.5).
    assert sum(scored.score for scored in ranking.components) == pytest.approx(-np.log(0.5 / 3000.5))


@needs_dowhy
@pytest.mark.slow
def test_numpys_global_generator_neither_matters_nor_moves() -> None:
    np.random.seed(1)
    before = np.random.get_state()[1].copy()  # type: ignore[index, union-attr]
    first = rank(slow_replica())
    assert (np.random.get_state()[1] == before).all()  # type: ignore[index]
    np.random.seed(2)
    assert rank(slow_replica()) == first
