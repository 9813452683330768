from __future__ import annotations

import numpy as np
import pytest

from cluster.incident.tiny import incident
from methods.answer.types import NoRanking, Ranking
from methods.cholesky import Cholesky, discover
from methods.telemetry.matrix import Floats


def example_1(rng: np.random.Generator, samples: int, fault: int = -1, size: float = 0.0) -> Floats:
    """Example 1 of the paper: C; X = 2 C + e; K = C - X + e. A fault in X moves K as far, whose sd is smaller."""
    added = np.where(np.arange(3) == fault, size, 0.0)
    c = 1 + rng.normal(size=samples) + added[0]
    x = 1 + 2 * c + rng.normal(size=samples) + added[1]
    k = 1 - x + c + rng.normal(size=samples) + added[2]
    return np.column_stack([c, x, k])


@pytest.mark.parametrize("fault", [0, 1, 2])
def test_the_papers_example_where_the_z_score_fails(fault: int) -> None:
    rng = np.random.default_rng(0)
    normal = example_1(rng, 2000)
    right = right_by_z = 0
    for _ in range(40):
        shift = example_1(rng, 1, fault, 10.0)[0] - normal.mean(axis=0)
        right += int(np.argmax(discover(np.cov(normal.T), shift, 5, rng)[0]) == fault)
        right_by_z += int(np.argmax(shift**2 / normal.var(axis=0)) == fault)
    assert right >= 38
    if fault == 1:
        assert right_by_z <= 8


def test_without_noise_the_cause_stands_alone() -> None:
    # A chain 0 -> 1 -> 2, weights and noise variances 1, a fault of 5 in variable 1: in causal order the whitened
    # sample is (0, 5, 0), and in no order is 0 or 2 the only one that is not 0.
    covariance = np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 2.0], [1.0, 2.0, 3.0]])
    scores, orders = discover(covariance, np.array([0.0, 5.0, 5.0]), 20, np.random.default_rng(0))
    assert np.argmax(scores) == 1
    assert scores[1] > 1e6
    assert scores[[0, 2]] == pytest.approx([0, scores[1] / 2])
    assert orders == 20 * 2


def test_who_is_never_the_largest_comes_last_by_its_z() -> None:
    scores, _ = discover(np.eye(3), np.array([9.0, 2.0, 1.0]), 5, np.random.default_rng(0))
    assert scores[0] == pytest.approx(3.5)
    assert scores[1] == pytest.approx(3.5 / 2)
    assert scores[2] == pytest.approx(3.5 / 2 / 4)


def test_a_covariance_that_cannot_be_inverted_still_gives_scores() -> None:
    scores, _ = discover(np.ones((3, 3)), np.array([1.0, 4.0, 1.0]), 5, np.random.default_rng(0))
    assert np.isfinite(scores).all()
    assert np.argmax(scores) == 1


def test_the_cause_of_a_live_incident_comes_first_and_its_unit_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    late = np.arange(400) >= 200
    cause = rng.normal(size=400) + 6 * late
    effect = 3 * cause + rng.normal(size=400)
    symptom = effect - cause + rng.normal(size=400)
    for unit in (1.0, 1000.0):
        case = incident(
            metrics={
                ("a", "x"): unit * effect,
                ("b", "x"): cause,
                ("c", "x"): symptom,
                ("d", "x"): rng.normal(size=400),
            }
        )
        ranking = Cholesky().rank(case, np.random.default_rng(0))
        assert isinstance(ranking, Ranking)
        assert ranking.top == ("b",)


def test_one_signal_has_no_covariance() -> None:
    case = incident(metrics={("a", "x"): np.arange(40.0)})
    found = Cholesky().rank(case, np.random.default_rng(0))
    assert isinstance(found, NoRanking)
    assert "2 signals" in found.detail


def test_of_more_signals_than_the_samples_allow_the_most_moved_are_kept() -> None:
    rng = np.random.default_rng(0)
    late = np.arange(40) >= 20
    metrics = {(f"c{i}", "x"): rng.normal(size=40) + (8.0 if i == 3 else 0.0) * late for i in range(12)}
    ranking = Cholesky(samples_per_signal=5).rank(incident(metrics=metrics), np.random.default_rng(0))
    assert isinstance(ranking, Ranking)
    assert len(ranking.components) == 4
    assert ranking.top == ("c3",)
