"""CIRCA: regressions against statsmodels, the adjustment by hand, a planted cause."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from methods.answer.types import Ranking
from methods.circa import Circa, _nearest_abnormal, _residuals


def test_residual_scores_are_those_of_ordinary_least_squares() -> None:
    rng = np.random.default_rng(0)
    parent = rng.normal(size=100)
    child = 2 * parent + rng.normal(size=100)
    child[60:] += 4
    values = np.column_stack([parent, child])
    parents = np.array([[False, True], [False, False]])
    found = _residuals(values, 60, parents, np.zeros(2))
    model = sm.OLS(child[:60], sm.add_constant(parent[:60])).fit()
    residual = child - model.predict(sm.add_constant(parent))
    assert found.scores[1] == pytest.approx(np.abs(residual[60:]).max() / np.sqrt(model.mse_resid))
    assert found.scores[0] == pytest.approx(np.abs(parent[60:] - parent[:60].mean()).max() / parent[:60].std(ddof=1))


def test_an_effect_that_follows_its_cause_has_no_residual() -> None:
    rng = np.random.default_rng(1)
    cause = np.r_[rng.normal(size=500), rng.normal(size=40) + 20]
    values = np.column_stack([cause, cause + rng.normal(size=540)])
    found = _residuals(values, 500, np.array([[False, True], [False, False]]), np.zeros(2))
    assert found.scores[0] > 10 > 5 > found.scores[1]


def test_descendants_count_through_normal_nodes_only() -> None:
    # 0 → 1 → 2 → 3 with scores 5, 1, 4, 6: 0 reaches 2 through the normal 1, and stops there.
    parents = np.zeros((4, 4), dtype=bool)
    parents[0, 1] = parents[1, 2] = parents[2, 3] = True
    assert _nearest_abnormal(parents, np.array([5.0, 1.0, 4.0, 6.0]), 3.0) == [{2}, {2}, {3}, set()]


def test_a_cycle_ends() -> None:
    parents = np.array([[False, True], [True, False]])
    assert _nearest_abnormal(parents, np.array([1.0, 1.0]), 3.0) == [set(), set()]


def test_the_hurt_replica_comes_first_and_the_explanation_adds_up_to_its_score(make_incident) -> None:
    outcome = Circa().rank(make_incident(target="replica-2"), np.random.default_rng(0))
    assert isinstance(outcome, Ranking)
    assert "replica-2" in outcome.top
    first = outcome.explanation.steps[2].numbers
    assert first["z"] + first["descendant"] == pytest.approx(outcome.components[0].score)
    assert first["score"] == pytest.approx(outcome.components[0].score)
