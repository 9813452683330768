"""The lasso path by least-angle regression, out of sums of products instead of samples.

For penalties t from the largest down to 0 the lasso's coefficients b minimise b'Gb/2 - c'b + t Σ|b_i|. Between two
changes of the set A of coefficients that are not 0, b moves along one line: what is left of the correlations of A,
c - Gb, keeps its signs s and falls at the same pace. The line ends where another correlation is as large, and that one
enters, or where a coefficient reaches 0, and that one leaves.

Reference: Efron, Hastie, Johnstone & Tibshirani, Least angle regression, The Annals of Statistics 32(2), 2004.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_DEGENERATE = 1e-7
"""Length of a regressor outside the others' space, below which it is a combination of them and never enters."""
_ROUNDING = 1e-9
_NONE = -1


def _compiled(function: Any) -> Any:
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)


@_compiled
def lasso_path(gram: Any, onto: Any, least: float) -> Any:
    """The path's corners.

    Args:
        gram: (N, N) sums of products of the regressors.
        onto: (N,) those of each with the target.
        least: penalty at which the path ends.

    Returns:
        (K, N) coefficients, the first 0; at most 8 N + 1 corners.
    """
    n = len(onto)
    path = np.zeros((8 * n + 1, n))
    factor, signs, direction = np.zeros((n, n)), np.zeros(n), np.zeros(n)
    active = np.full(n, _NONE)
    outside = np.ones(n, dtype=np.bool_)
    size, corner, left = 0, 0, _NONE
    correlation = onto.copy()
    penalty = np.abs(onto).max()
    while penalty > least and corner < 8 * n:
        entering = _largest(correlation, outside) if left == _NONE else _NONE
        if entering != _NONE and abs(correlation[entering]) > (1.0 - _ROUNDING) * penalty:
            outside[entering] = False
            active[size], signs[size] = entering, np.sign(correlation[entering])
            size += _append(factor, gram, active, size)
        _solve(factor, signs, size, direction)
        pace = np.zeros(n)
        for k in range(size):
            pace += direction[k] * gram[active[k]]
        stride = _to_next(correlation, pace, outside, left, penalty)
        leaving = _NONE
        for k in range(size):
            until = -path[corner, active[k]] / direction[k]
            if 0.0 < until < stride:
                stride, leaving = until, k
        path[corner + 1] = path[corner]
        corner += 1
        for k in range(size):
            path[corner, active[k]] += stride * direction[k]
        correlation -= stride * pace
        penalty -= stride
        left = _NONE
        if leaving != _NONE:
            left = active[leaving]
            path[corner, left] = 0.0
            outside[left] = True
            size -= 1
            active[leaving:size], signs[leaving:size] = active[leaving + 1 : size + 1], signs[leaving + 1 : size + 1]
            for k in range(leaving, size):
                _append(factor, gram, active, k)
    return path[: corner + 1]


@_compiled
def _largest(correlation: Any, outside: Any) -> int:
    """The regressor that may enter with the largest correlation; `_NONE` where there is none."""
    best, size = _NONE, -1.0
    for j in range(len(correlation)):
        if outside[j] and abs(correlation[j]) > size:
            best, size = j, abs(correlation[j])
    return best


@_compiled
def _append(factor: Any, gram: Any, active: Any, size: int) -> Any:
    """Row `size` of the Cholesky factor of the active regressors; False where it is a combination of those before."""
    rest = gram[active[size], active[size]]
    for a in range(size):
        value = gram[active[size], active[a]]
        for b in range(a):
            value -= factor[size, b] * factor[a, b]
        factor[size, a] = value / factor[a, a]
        rest -= factor[size, a] ** 2
    factor[size, size] = np.sqrt(max(rest, _DEGENERATE**2))
    return rest > _DEGENERATE**2


@_compiled
def _solve(factor: Any, signs: Any, size: int, out: Any) -> None:
    """The direction along which the active correlations fall by one sign each."""
    for a in range(size):
        value = signs[a]
        for b in range(a):
            value -= factor[a, b] * out[b]
        out[a] = value / factor[a, a]
    for a in range(size - 1, -1, -1):
        value = out[a]
        for b in range(a + 1, size):
            value -= factor[b, a] * out[b]
        out[a] = value / factor[a, a]


@_compiled
def _to_next(correlation: Any, pace: Any, outside: Any, left: int, penalty: float) -> float:
    """How far until a correlation outside is as large as the active ones; until the penalty is 0 where none is.

    The regressor that has just left has the same size and becomes smaller, but it may come back with the other sign.
    """
    stride = penalty
    for j in range(len(correlation)):
        for side in (1.0, -1.0):
            if outside[j] and not (j == left and side * correlation[j] > 0.0):
                closing = 1.0 - side * pace[j]
                if closing > 0.0:  # one that is as large already enters at once
                    stride = min(stride, max(penalty - side * correlation[j], 0.0) / closing)
    return stride
