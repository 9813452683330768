"""MicroCause: PCMCI against tigramite, the extreme-value bound, and a planted cause."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest
from graphs import lagged, linear
from synthetic_incident import make_incident

from methods.answer.types import Ranking
from methods.graph.pcmci import TooLarge, partial_correlation, pcmci
from methods.graph.signals import Signals, distinct
from methods.microcause import MicroCause
from methods.telemetry.spot import extreme_bound

# tigramite 5.2.10, PCMCI(ParCorr()).run_pcmci(tau_max=2, pc_alpha=0.1) of `lagged()`: val_matrix[i, j, lag].
EXPECTED = {
    (0, 0, 1): 0.47901327,
    (0, 1, 2): 0.46443162,
    (1, 1, 1): 0.33820757,
    (1, 2, 1): 0.4073897,
    (2, 2, 1): 0.17711659,
    (0, 1, 0): -0.15851804,
    (2, 0, 2): -0.0972407,
}


def test_links_are_those_of_tigramite() -> None:
    found = pcmci(lagged(), 2, 0.1)
    for link, value in EXPECTED.items():
        assert found.correlation[link] == pytest.approx(value, abs=1e-7)
    strong = {tuple(int(k) for k in link) for link in np.argwhere(found.p_values < 0.001)}
    assert strong == {(0, 0, 1), (0, 1, 2), (1, 1, 1), (1, 2, 1)}, "0 acts on 1 after two samples, 1 on 2 after one"


@pytest.mark.skipif(importlib.util.find_spec("tigramite") is None, reason="tigramite is not installed")
def test_tigramite_still_says_so() -> None:
    from tigramite.data_processing import DataFrame
    from tigramite.independence_tests.parcorr import ParCorr
    from tigramite.pcmci import PCMCI

    noise = np.random.default_rng(0).normal(size=(100, 5))
    for values, tau_max in ((lagged(), 2), (linear(3, 5, 100, 0.4).cumsum(axis=0) * 0.1 + noise, 3)):
        theirs = PCMCI(DataFrame(values), ParCorr(), verbosity=0).run_pcmci(tau_max=tau_max, pc_alpha=0.1)
        ours = pcmci(values, tau_max, 0.1)
        np.testing.assert_allclose(ours.correlation, theirs["val_matrix"], atol=1e-10)
        np.testing.assert_allclose(ours.p_values, theirs["p_matrix"], atol=1e-10)


def test_partial_correlation_by_hand() -> None:
    # (0.5 - 0.6 x 0.4) / sqrt((1 - 0.36) (1 - 0.16))
    correlation = np.array([[1, 0.5, 0.6], [0.5, 1, 0.4], [0.6, 0.4, 1]])
    assert partial_correlation(correlation, 0, 1, [2]) == pytest.approx(0.26 / math.sqrt(0.64 * 0.84))
    assert partial_correlation(correlation, 0, 1, []) == pytest.approx(0.5)
    assert partial_correlation(np.ones((3, 3)), 0, 1, [2]) == 0.0


def test_too_many_lagged_signals_are_refused_up_front() -> None:
    with pytest.raises(TooLarge, match="1k metrics at 10 lags would need 11M tests"):
        pcmci(np.zeros((100, 1000)), 10, 0.1)


def test_the_extreme_bound_of_an_exponential_tail() -> None:
    # P(X > z) = exp(-z), so the bound for a risk of 0.001 is ln 1000.
    deviations = np.random.default_rng(0).exponential(size=20_000)
    assert extreme_bound(deviations, 0.001) == pytest.approx(math.log(1000), rel=0.1)


def test_the_extreme_bound_of_few_or_constant_values_is_the_largest() -> None:
    assert extreme_bound(np.array([0.0, 1.0, 2.0, 3.0]), 0.001) == 3.0
    assert extreme_bound(np.zeros(100), 0.001) == 0.0


@pytest.mark.parametrize("target", ["replica-0", "replica-2"])
def test_the_faulty_replica_stands_above_the_others(target: str) -> None:
    outcome = MicroCause().rank(make_incident(target=target), np.random.default_rng(0))
    assert isinstance(outcome, Ranking)
    ranks = {c.component: c.rank for c in outcome.components}
    assert ranks[target] <= 2
    assert all(
        ranks[target] < ranks[other] for other in ("head", "replica-0", "replica-1", "replica-2") if other != target
    )


def test_without_an_onset_visits_decide_and_the_explanation_says_so() -> None:
    outcome = MicroCause().rank(make_incident().at(None), np.random.default_rng(0))
    assert isinstance(outcome, Ranking)
    assert any("Only the visits count" in step.claim for step in outcome.explanation.steps)
    assert outcome.explanation.steps[-1].claim.endswith("by visits alone.")


def test_the_anomaly_degree_is_how_far_beyond_its_own_bound_a_signal_went() -> None:
    incident = make_incident(target="replica-2")
    signals = distinct(incident, 24)
    assert isinstance(signals, Signals) and incident.onset is not None
    anomaly = MicroCause()._anomaly(incident, signals)
    assert anomaly is not None
    early = signals.matrix.times < incident.onset.time
    for i, column in enumerate(signals.matrix.values.T):
        strays = np.abs(column - np.median(column[early]))
        bound = extreme_bound(strays[early], MicroCause().risk)
        if bound > 0:
            assert anomaly.eta[i] == pytest.approx(max(0.0, strays[~early].max() / bound - 1))
        else:
            assert anomaly.eta[i] == pytest.approx(9.0 if strays[~early].any() else 0.0)
    assert anomaly.eta.max() > 9
