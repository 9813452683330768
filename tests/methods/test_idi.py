from __future__ import annotations

import numpy as np
import pytest

from cluster.incident.model import Incident
from cluster.incident.tiny import incident
from methods.answer.types import NoRanking, Ranking
from methods.idi import Idi

CALLS = (("door", "left"), ("door", "right"), ("left", "deep"))


def tree(faults: dict[str, float], seed: int = 0) -> Incident:
    """door = left + 2 right, left = deep, each plus noise of 0.01; a fault adds to its component's own latency."""
    rng = np.random.default_rng(seed)
    late = np.arange(200) >= 100

    def noise(component: str) -> np.ndarray:
        return 0.01 * rng.normal(size=200) + faults.get(component, 0.0) * late

    deep = 1.0 + 0.1 * rng.normal(size=200) + faults.get("deep", 0.0) * late
    right = 1.0 + 0.1 * rng.normal(size=200) + faults.get("right", 0.0) * late
    left = deep + noise("left")
    door = left + 2 * right + noise("door")
    return incident(
        calls=CALLS,
        front_door="door",
        latencies={("door", "left"): left, ("door", "right"): right, ("left", "deep"): deep},
        metrics={("door", "latency_p90"): door},
    )


def scores(case: Incident, **parameters: float) -> dict[str, float]:
    ranking = Idi(**parameters).rank(case, np.random.default_rng(0))  # type: ignore[arg-type]
    assert isinstance(ranking, Ranking)
    return {scored.component: scored.score for scored in ranking.components}


@pytest.mark.parametrize("at_fault", ["door", "left", "right", "deep"])
def test_one_fault_leaves_one_candidate(at_fault: str) -> None:
    assert list(scores(tree({at_fault: 3.0}))) == [at_fault]


def test_the_repair_takes_away_what_the_fault_has_added() -> None:
    # The sd of the front door is about sqrt(0.1² + 0.2²); a fault of 3 in `right` moves it by 6.
    found = scores(tree({"right": 3.0}))
    sd = np.hypot(0.1, 0.2)
    assert found["right"] == pytest.approx(6 / sd, rel=0.1)


def test_of_two_faults_the_one_that_matters_more_comes_first() -> None:
    found = scores(tree({"right": 3.0, "deep": 2.0}))
    assert list(found) == ["right", "deep"]
    assert found["right"] == pytest.approx(3 * found["deep"], rel=0.1)


def test_a_component_with_an_anomalous_callee_is_no_candidate() -> None:
    assert "left" not in scores(tree({"deep": 3.0, "left": 3.0}))


def test_below_the_threshold_nobody_is_a_candidate() -> None:
    found = Idi(threshold=50.0).rank(tree({"deep": 1.0}), np.random.default_rng(0))
    assert isinstance(found, NoRanking)
    assert "50 standard deviations" in found.detail


def test_units_do_not_matter() -> None:
    case = tree({"right": 3.0, "deep": 2.0})
    telemetry = case.telemetry
    for frame in (telemetry.metrics, telemetry.edge_metrics):
        frame *= 1000
    assert scores(case) == pytest.approx(scores(tree({"right": 3.0, "deep": 2.0})))
