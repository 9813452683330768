"""RCD against scipy's contingency test and scikit-learn's bins, and a planted intervention."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2, chi2_contingency
from sklearn.preprocessing import KBinsDiscretizer

from methods.answer.types import Ranking
from methods.rcd import Rcd, _chi_square, _Search
from methods.telemetry.discretize import natural_bins


def test_the_unconditional_test_is_pearsons() -> None:
    rng = np.random.default_rng(3)
    x, f = rng.integers(0, 5, 200), rng.integers(0, 2, 200)
    table = np.zeros((5, 2))
    np.add.at(table, (x, f), 1)
    expected = chi2_contingency(table, correction=False).pvalue
    assert _chi_square(x, f, np.empty((200, 0), dtype=int)) == pytest.approx(expected)


def test_the_conditional_test_adds_up_the_strata() -> None:
    rng = np.random.default_rng(4)
    x, f, z = rng.integers(0, 3, 300), rng.integers(0, 2, 300), rng.integers(0, 2, 300)
    statistic = freedom = 0.0
    for stratum in (0, 1):
        table = np.zeros((3, 2))
        np.add.at(table, (x[z == stratum], f[z == stratum]), 1)
        part = chi2_contingency(table, correction=False)
        statistic, freedom = statistic + part.statistic, freedom + part.dof
    assert _chi_square(x, f, z[:, None]) == pytest.approx(chi2.sf(statistic, freedom))


@pytest.mark.parametrize("seed", range(5))
def test_bins_are_scikit_learns(seed: int) -> None:
    values = np.random.default_rng(seed).gamma(3.0, size=300)
    library = KBinsDiscretizer(5, encode="ordinal", strategy="kmeans").fit_transform(values[:, None])[:, 0]
    assert np.array_equal(natural_bins(values, 5), library)


def test_a_mediator_separates_its_effect_from_the_indicator() -> None:
    # f → x → y: given x, y no longer depends on f; x depends on f whatever is given.
    rng = np.random.default_rng(5)
    f = np.repeat([0, 1], 500)
    x = np.where(rng.random(1000) < 0.85, f, 1 - f)
    y = np.where(rng.random(1000) < 0.85, x, 1 - x)
    search = _Search(np.column_stack([x, y]), f)
    found = search.neighbours([0, 1], alpha=0.01)
    assert list(found) == [0]
    assert found[0] == (search.p_value(0, ()), ())  # y was out before anybody asked about x given y
    x_and_noise = _Search(np.column_stack([x, rng.integers(0, 2, 1000), np.where(rng.random(1000) < 0.9, f, 1 - f)]), f)
    weaker = x_and_noise.neighbours([0, 1, 2], alpha=0.01)
    assert weaker[0] == (x_and_noise.p_value(0, (2,)), (2,))


def test_the_hurt_replica_comes_first_more_often_than_not(make_incident) -> None:
    first = 0
    for seed in range(5):
        outcome = Rcd().rank(make_incident(target="replica-2", seed=seed), np.random.default_rng(seed))
        assert isinstance(outcome, Ranking)
        first += "replica-2" in outcome.top
    assert first >= 3


def test_the_explanation_adds_up_to_the_score(make_incident) -> None:
    outcome = Rcd().rank(make_incident(), np.random.default_rng(0))
    assert isinstance(outcome, Ranking)
    first = outcome.explanation.steps[2].numbers
    assert first["levels"] + 1 - first["p"] == pytest.approx(outcome.components[0].score)
    assert first["score"] == pytest.approx(outcome.components[0].score)
