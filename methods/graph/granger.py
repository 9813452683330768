"""Granger causality between all pairs of signals: does the past of j improve the prediction of i?

Reference: Granger, Investigating causal relations by econometric models and cross-spectral methods, Econometrica 37(3),
1969.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from methods.graph.mixed import Bools
from methods.telemetry.matrix import Floats

SINGULAR = 1e-9


def f_test(values: Floats, lag: int) -> tuple[Floats, Floats]:
    """F statistics and p-values of "j does not Granger-cause i", for all i and j at once.

        F = ((RSS₁ - RSS₂) / L) / (RSS₂ / (T - 3L - 1)),  RSS₁ of x_i on its own L lags, RSS₂ with those of x_j too,
        each with an intercept, over the T - L samples that have L predecessors

    Both sums of squares come from one Gram matrix of all lagged signals: taking i's own lags out of it (a Schur
    complement) leaves one L × L system for each j.

    Args:
        values: (T, N).
        lag: L, at least 1.

    Returns:
        (N, N) each, at [i, j]. F is NaN and p is 1 on the diagonal, where no freedom is left (T <= 3L + 1), and where
        the lags of j add nothing new to those of i.
    """
    samples, n = values.shape
    statistic = np.full((n, n), np.nan)
    freedom = samples - 3 * lag - 1
    if freedom <= 0:
        return statistic, np.ones((n, n))
    now = values[lag:]
    past = np.stack([values[lag - k : samples - k] for k in range(1, lag + 1)], axis=2).reshape(len(now), n * lag)
    now = now - now.mean(axis=0)
    past = past - past.mean(axis=0)
    scale = np.sqrt(np.mean(past**2, axis=0))
    past = past / np.where(scale > 0, scale, 1.0)
    gram = past.T @ past / len(now)
    onto = past.T @ now / len(now)
    total = np.mean(now**2, axis=0)
    blocks = np.stack([gram[j : j + lag, j : j + lag] for j in range(0, n * lag, lag)])
    for i in range(n):
        own = slice(i * lag, (i + 1) * lag)
        inverse = np.linalg.pinv(gram[own, own], rcond=SINGULAR, hermitian=True)
        coefficients = inverse @ onto[own, i]
        alone = total[i] - onto[own, i] @ coefficients
        cross = gram[:, own].reshape(n, lag, lag)
        rest = blocks - cross @ inverse @ cross.transpose(0, 2, 1)
        explained = onto[:, i].reshape(n, lag) - cross @ coefficients
        gain = _explained(rest, explained)
        unexplained = alone - gain
        usable = np.isfinite(gain) & (unexplained > SINGULAR * total[i]) & (np.arange(n) != i)
        statistic[i, usable] = (gain[usable] / lag) / (unexplained[usable] / freedom)
        perfect = np.isfinite(gain) & ~usable & (np.arange(n) != i) & (alone > SINGULAR * total[i])
        statistic[i, perfect] = np.inf
    p_values = np.where(np.isnan(statistic), 1.0, stats.f.sf(np.nan_to_num(statistic), lag, freedom))
    return statistic, p_values


def _explained(rest: Floats, onto: Floats) -> Floats:
    """(N,) onto · rest⁻¹ · onto for each j; NaN where `rest` (N, L, L) is singular: j's past is in i's own."""
    smallest = np.linalg.eigvalsh(rest)[:, 0]
    regular = smallest > SINGULAR
    found = np.full(len(rest), np.nan)
    if regular.any():
        solved = np.linalg.solve(rest[regular], onto[regular][..., None])[..., 0]
        found[regular] = np.sum(onto[regular] * solved, axis=1)
    return found


def false_discovery(p_values: Floats, rate: float) -> Bools:
    """Which off-diagonal hypotheses to reject so that the expected share of false ones among them is below `rate`.

    The step-up rule of Benjamini & Hochberg, Journal of the Royal Statistical Society B 57(1), 1995.

    Args:
        p_values: (N, N).
        rate: in (0, 1).
    """
    n = len(p_values)
    tested = ~np.eye(n, dtype=np.bool_)
    ordered = np.sort(p_values[tested])
    below = ordered <= rate * np.arange(1, len(ordered) + 1) / len(ordered)
    if not below.any():
        return np.zeros_like(tested)
    bound = ordered[np.nonzero(below)[0][-1]]
    rejected: Bools = tested & (p_values <= bound)
    return rejected
