from __future__ import annotations

import numpy as np
import pytest

from cluster.incident.model import Incident
from cluster.incident.tiny import incident
from methods.answer.types import NoRanking, Ranking
from methods.smooth_traversal import SmoothTraversal

CALLS = (("door", "shop"), ("shop", "cart"), ("shop", "ads"))


def shop(seed: int, at_fault: str | None) -> Incident:
    """door -> shop -> cart and ads: everyone waits for those that it calls."""
    rng = np.random.default_rng(seed)
    late = np.where(np.arange(200) < 100, 0.0, 0.5)
    own = {c: 0.1 + 0.02 * rng.exponential(size=200) + late * (c == at_fault) for c in ("door", "shop", "cart", "ads")}
    cart, ads = own["cart"], own["ads"]
    whole = own["shop"] + cart + ads
    return incident(
        calls=CALLS,
        front_door="door",
        latencies={("door", "shop"): whole, ("shop", "cart"): cart, ("shop", "ads"): ads},
        metrics={("door", "latency_p90"): own["door"] + whole},
    )


@pytest.mark.parametrize("at_fault", ["door", "shop", "cart", "ads"])
def test_the_jump_is_at_the_component_at_fault(at_fault: str) -> None:
    for seed in range(5):
        ranking = SmoothTraversal().rank(shop(seed, at_fault), np.random.default_rng(0))
        assert isinstance(ranking, Ranking)
        assert ranking.top == (at_fault,)
        assert ranking.components[0].score > 2 * ranking.components[1].score


def test_a_caller_whose_callee_is_as_surprising_has_no_jump() -> None:
    ranking = SmoothTraversal().rank(shop(0, "cart"), np.random.default_rng(0))
    assert isinstance(ranking, Ranking)
    assert {c.component: c.score for c in ranking.components}["shop"] == 0


def test_without_a_change_there_is_no_answer() -> None:
    calls = (("door", "shop"),)
    case = incident(calls=calls, front_door="door", latencies={calls[0]: np.ones(40)})
    assert isinstance(SmoothTraversal().rank(case, np.random.default_rng(0)), NoRanking)
