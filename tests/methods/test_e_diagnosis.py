"""ε-Diagnosis against scipy's energy distance, and a case by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import energy_distance

from methods.answer.types import NoRanking, Ranking, Reason
from methods.e_diagnosis import EDiagnosis, _energy_tests


def test_the_statistic_is_scipys_energy_distance() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(0, 1, 40), rng.normal(0.5, 2, 25)
    late = np.r_[np.zeros(40, bool), np.ones(25, bool)]
    inhomogeneity, _ = _energy_tests(np.r_[x, y][:, None], late, late[None])
    across = np.abs(x[:, None] - y).mean()
    assert inhomogeneity[0] == pytest.approx(energy_distance(x, y) ** 2 / (2 * across))


def test_constants_that_differ_are_as_different_as_can_be() -> None:
    # By hand: E|X-X'| = E|Y-Y'| = 0, E|X-Y| = 3, so H = 2·3 / (2·3) = 1.
    values = np.r_[np.full(6, 2.0), np.full(6, 5.0)][:, None]
    late = values[:, 0] > 3
    draws = np.random.default_rng(0).permuted(np.tile(late, (199, 1)), axis=1)
    inhomogeneity, p_values = _energy_tests(values, late, draws)
    assert inhomogeneity[0] == pytest.approx(1.0)
    # 12 choose 6 = 924 splits, two of them as extreme as this one.
    assert p_values[0] < 0.02


def test_equal_samples_score_nothing() -> None:
    values = np.tile([1.0, 2.0, 3.0, 4.0, 5.0], 2)[:, None]
    late = np.arange(10) >= 5
    inhomogeneity, p_values = _energy_tests(values, late, late[None])
    assert inhomogeneity[0] == pytest.approx(0.0)
    assert p_values[0] == 1.0


def test_the_hurt_replica_comes_first(make_incident) -> None:
    outcome = EDiagnosis().rank(make_incident(target="replica-2"), np.random.default_rng(0))
    assert isinstance(outcome, Ranking)
    assert "replica-2" in outcome.top


def test_a_calm_service_gets_no_ranking(make_incident) -> None:
    # White noise, so that samples are exchangeable as the test assumes.
    incident = make_incident(target=None, few=True)
    rng = np.random.default_rng(7)
    metrics = incident.telemetry.metrics
    metrics.iloc[:, :] = rng.normal(size=metrics.shape)
    outcome = EDiagnosis(alpha=0.005).rank(incident, rng)
    assert isinstance(outcome, NoRanking)
    assert outcome.reason is Reason.NOT_APPLICABLE
