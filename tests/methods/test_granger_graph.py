"""Granger: F tests of all pairs at once against statsmodels' pair by pair."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from graphs import lagged

from methods.graph.granger import f_test, false_discovery

# statsmodels 0.15, grangercausalitytests(lagged()[:, [i, j]], [3])[3][0]["ssr_ftest"]; see the last test.
F_AT_3 = [[np.nan, 1.399276, 1.39501], [15.20793, np.nan, 0.867829], [2.447815, 9.386945, np.nan]]
P_AT_1 = [[1.0, 0.5393521457, 0.2328967863], [0.0208752699, 1.0, 0.5071408236], [0.6666108466, 2.19685608e-07, 1.0]]


def test_statistics_and_p_values_are_those_of_statsmodels() -> None:
    statistic, _ = f_test(lagged(), 3)
    np.testing.assert_allclose(statistic, F_AT_3, rtol=1e-5)
    _, p_values = f_test(lagged(), 1)
    np.testing.assert_allclose(p_values, P_AT_1, rtol=1e-7)


def test_statsmodels_still_says_so() -> None:
    from statsmodels.tsa.stattools import grangercausalitytests

    values = lagged()
    for lag in (1, 2, 3):
        statistic, p_values = f_test(values, lag)
        for i in range(3):
            for j in range(3):
                if i != j:
                    with contextlib.redirect_stdout(io.StringIO()):
                        theirs = grangercausalitytests(values[:, [i, j]], [lag])[lag][0]["ssr_ftest"]
                    assert (statistic[i, j], p_values[i, j]) == pytest.approx(theirs[:2], rel=1e-8)


def test_only_the_true_directions_pass() -> None:
    _, p_values = f_test(lagged(400), 2)
    passed = false_discovery(p_values, 0.01)
    assert passed[1, 0] and passed[2, 1]
    assert not passed[0, 1] and not passed[1, 2] and not passed[0, 2]


def test_noise_has_hardly_any_edges() -> None:
    values = np.random.default_rng(1).normal(size=(240, 40))
    passed = false_discovery(f_test(values, 1)[1], 0.05)
    assert passed.sum() <= 2


def test_the_rule_of_benjamini_and_hochberg() -> None:
    # 6 hypotheses, bounds 0.05 k / 6: 0.0083 0.0167 0.025 0.033 0.0417 0.05; the largest k that fits is 4.
    p_values = np.array([[1, 0.001, 0.02], [0.024, 1, 0.03], [0.2, 0.9, 1]])
    assert false_discovery(p_values, 0.05).tolist() == [[False, True, True], [True, False, True], [False, False, False]]


def test_collinear_pasts_and_too_few_samples_have_no_edge() -> None:
    values = lagged()
    twins = np.column_stack([values[:, 0], 2 * values[:, 0], np.arange(120.0)])
    statistic, p_values = f_test(twins, 2)
    assert np.isnan(statistic[0, 1]) and p_values[0, 1] == 1.0
    assert np.all(f_test(values[:9], 3)[1] == 1.0)


def test_a_series_that_another_predicts_without_error_is_caused_by_it() -> None:
    lead = np.random.default_rng(2).normal(size=200)
    follow = np.concatenate([[0.0], lead[:-1]])
    _, p_values = f_test(np.column_stack([lead, follow]), 1)
    assert p_values[1, 0] == 0.0
    assert p_values[0, 1] > 0.01
