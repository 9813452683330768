"""The lasso path against its optimality conditions, and against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import lars_path_gram

from methods.graph.lasso import lasso_path


def problem(seed: int, regressors: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Correlated regressors, so that some of them leave the path again."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(40, regressors)) + 2.0 * rng.normal(size=(40, 1))
    target = values @ (rng.normal(size=regressors) * (rng.random(regressors) < 0.4)) + rng.normal(size=40)
    return values.T @ values, values.T @ target


def test_every_corner_is_a_solution() -> None:
    for seed in range(40):
        gram, onto = problem(seed)
        path = lasso_path(gram, onto, 1e-6)
        penalties = []
        for coefficients in path:
            left = onto - gram @ coefficients
            penalties.append(float(np.abs(left).max()))
            active = coefficients != 0
            assert np.allclose(left[active], penalties[-1] * np.sign(coefficients[active]), atol=1e-8)
        assert penalties == sorted(penalties, reverse=True)
        assert np.allclose(path[-1], np.linalg.solve(gram, onto), atol=1e-6)


def test_the_path_is_that_of_scikit_learn() -> None:
    left = 0
    for seed in range(20):
        gram, onto = problem(seed)
        _, _, theirs = lars_path_gram(onto, gram, n_samples=1, method="lasso")
        ours = lasso_path(gram, onto, 1.2e-7)
        assert np.allclose(ours, theirs.T, atol=1e-8)
        left += len(ours) - 1 - len(onto)
    assert left > 0, "no regressor left the path: the problems do not try that"


def test_a_combination_of_other_regressors_never_enters() -> None:
    gram, onto = problem(3, 6)
    double = np.vstack([np.eye(6), [0.4, 0.4, 0, 0, 0, 0]])
    path = lasso_path(double @ gram @ double.T, double @ onto, 1e-6)
    assert np.allclose(double.T @ path[-1], np.linalg.solve(gram, onto), atol=1e-5)


def test_a_target_without_correlation_has_no_path() -> None:
    assert lasso_path(np.eye(3), np.zeros(3), 1e-7).tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize("gram", [np.eye(3), np.eye(3) / 2 + 0.5])
def test_regressors_that_are_alike_to_the_last_bit_all_enter(gram: np.ndarray) -> None:
    path = lasso_path(gram, np.ones(3), 1e-7)
    assert np.allclose(path[-1], np.linalg.solve(gram, np.ones(3)))
    assert not np.any(path[:-1] < 0)
