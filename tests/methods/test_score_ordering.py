from __future__ import annotations

import numpy as np
import pytest

from cluster.incident.model import Incident
from cluster.incident.tiny import incident
from methods.answer.types import Ranking
from methods.score_ordering import ScoreOrdering
from methods.telemetry.surprise import largest, mean_surprise, surprise

OLD = np.arange(-3.0, 4.0)


def p(x: float, old: np.ndarray = OLD) -> float:
    return float(np.exp(-surprise(old[:, None], np.array([[x]]))).item())


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        # The example in the documentation of dowhy.gcm.RankBasedAnomalyScorer.
        (2.5, 2 * 2 / 8),
        (9.0, 2 * 1 / 8),
        (-9.0, 2 * 1 / 8),
        (3.0, 2 * 2 / 8),
        (0.0, 1.0),
    ],
)
def test_the_rank_p_value_is_that_of_the_definition(x: float, expected: float) -> None:
    assert p(x) == pytest.approx(expected)


def test_a_baseline_that_never_moves_gives_no_more_than_any_other() -> None:
    still = np.full(7, 5.0)
    assert p(5.0, still) == 1.0
    assert p(5.0 + 1e-9, still) == p(1e9) == pytest.approx(np.exp(-largest(7)))


def test_units_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=(30, 2)), rng.normal(1.0, size=(10, 2))
    assert mean_surprise(1000 * before, 1000 * after) == pytest.approx(mean_surprise(before, after))


def test_gaps_are_left_out() -> None:
    before = np.array([[1.0, np.nan], [2.0, np.nan], [np.nan, np.nan]])
    after = np.array([[9.0, 1.0], [np.nan, 1.0]])
    found = mean_surprise(before, after)
    assert found[0] == pytest.approx(-np.log(2 / 3))
    assert np.isnan(found[1])


def three_in_a_row(seed: int) -> Incident:
    """cause -> effect -> symptom, each with a new noise as large as what it inherits: a fault fades on its way."""
    rng = np.random.default_rng(seed)
    fault = np.where(np.arange(200) < 100, 0.0, 2.5)
    cause = rng.normal(size=200) + fault
    effect = 0.7 * cause + rng.normal(size=200)
    symptom = 0.7 * effect + rng.normal(size=200)
    return incident(
        metrics={("a", "x"): symptom, ("b", "x"): effect, ("c", "x"): cause, ("d", "x"): rng.normal(size=200)}
    )


def test_a_fading_anomaly_is_ordered_from_cause_to_symptom() -> None:
    orders = []
    for seed in range(10):
        ranking = ScoreOrdering().rank(three_in_a_row(seed), np.random.default_rng(0))
        assert isinstance(ranking, Ranking)
        orders.append([scored.component for scored in ranking.components[:2]])
    assert orders == [["c", "b"]] * 10


def test_what_stays_beyond_the_baseline_ties() -> None:
    step = np.repeat([0.0, 1.0], 20)
    wave = np.tile([0.0, 0.5], 20)
    case = incident(metrics={("a", "x"): step, ("b", "x"): 1e6 * step + wave, ("c", "x"): wave})
    ranking = ScoreOrdering().rank(case, np.random.default_rng(0))
    assert isinstance(ranking, Ranking)
    assert ranking.top == ("a", "b")
    assert ranking.components[0].score == pytest.approx(np.log(21 / 2))
    assert ranking.components[2].score == 0
