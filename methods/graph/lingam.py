"""ICA-LiNGAM: the causal order of linear, non-Gaussian signals out of their independent components.

If x = B x + e with independent, non-Gaussian e and no cycles, then e = (I - B) x: unmixing the signals gives I - B up
to the order and scale of its rows, and only one order leaves no zero on the diagonal.

Reference: Shimizu, Hoyer, Hyvärinen & Kerminen, A linear non-Gaussian acyclic model for causal discovery, JMLR 7, 2006;
unmixing: Hyvärinen, Fast and robust fixed-point algorithms for independent component analysis, IEEE Transactions on
Neural Networks 10(3), 1999; pruning: Zou, The adaptive lasso and its oracle properties, JASA 101, 2006.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr
from scipy.optimize import linear_sum_assignment

from methods.graph.lasso import lasso_path
from methods.telemetry.matrix import Floats

# Of a pivot of the standardised signals; what is below is a combination of the signals before it.
SINGULAR = 1e-6
TOLERANCE = 1e-4
ITERATIONS = 1000
RESTARTS = 3
SPARE_SAMPLES = 5
LEAST_PENALTY = 1.2e-7
"""Of the lasso for each sample: below it, coefficients are those of least squares."""


class NotConverged(Exception):
    """Independent component analysis did not converge."""


@dataclass(frozen=True, eq=False)
class LingamGraph:
    """A directed acyclic graph.

    Attributes:
        effects: (N, N), [j, i] is the direct effect of i on j, in standard deviations; 0 for none.
        order: positions of the signals used, causes before effects.
        left_out: positions of signals that are combinations of others; they have no edges.
        iterations: of the component analysis.
    """

    effects: Floats
    order: tuple[int, ...]
    left_out: tuple[int, ...]
    iterations: int


def ica_lingam(values: Floats, rng: np.random.Generator) -> LingamGraph:
    """ICA-LiNGAM over N standardised signals.

    Args:
        values: (T, N), mean 0 and standard deviation 1 each.
        rng: starts the component analysis; nothing else is random.

    Raises:
        ValueError: fewer than N + `SPARE_SAMPLES` samples.
        NotConverged: the component analysis did not converge from `RESTARTS` starts.
    """
    samples, n = values.shape
    if samples < n + SPARE_SAMPLES:
        raise ValueError(f"{n} signals need at least {n + SPARE_SAMPLES} samples, there are {samples}")
    used, left_out = _independent(values)
    chosen = values[:, used]
    for _ in range(RESTARTS):
        unmixing, iterations = fast_ica(chosen, rng)
        if iterations < ITERATIONS:
            break
    else:
        raise NotConverged(f"the components of {len(used)} signals did not converge in {RESTARTS} x {ITERATIONS} steps")
    order = causal_order(unmixing)
    small = pruned(chosen, order)
    effects = np.zeros((n, n))
    effects[np.ix_(used, used)] = small
    return LingamGraph(effects, tuple(used[i] for i in order), left_out, iterations)


def fast_ica(values: Floats, rng: np.random.Generator) -> tuple[Floats, int]:
    """Symmetric FastICA with g = tanh: an (N, N) matrix that turns (T, N) values into independent components.

    The plain fixed-point step can swing between two points; the stride is halved whenever a step comes back to where
    the one before it began, as in Hyvärinen's own programme.

    Returns:
        The matrix W (components are W x), and the iterations made, `ITERATIONS` if it did not converge.
    """
    samples, n = values.shape
    variances, axes = np.linalg.eigh(values.T @ values / samples)
    whitener = (axes / np.sqrt(variances)).T
    white = whitener @ values.T
    turn = _orthogonal(rng.standard_normal((n, n)))
    before = np.zeros_like(turn)
    stride = 1.0
    iteration = 0
    for iteration in range(1, ITERATIONS + 1):
        response = np.tanh(turn @ white)
        slope = 1.0 - np.mean(response**2, axis=1)
        step = _orthogonal(response @ white.T / samples - slope[:, None] * turn)
        step *= np.where(np.sum(step * turn, axis=1) < 0, -1.0, 1.0)[:, None]
        moved = _orthogonal(turn + stride * (step - turn)) if stride < 1 else step
        if _apart(moved, turn) < TOLERANCE * stride:
            turn = moved
            break
        if _apart(moved, before) < _apart(moved, turn) / 10 or iteration % 100 == 0:
            stride = max(stride / 2, 1 / 64)
        before, turn = turn, moved
    return turn @ whitener, iteration


def causal_order(unmixing: Floats) -> list[int]:
    """Positions of N signals from causes to effects, by the steps of the paper.

    Rows of W are assigned to signals so that 1 / |diagonal| is smallest in total and scaled to a diagonal of 1; then
    B = I - W. The smallest entries of B are taken for 0 until it is acyclic: first N (N + 1) / 2 of them, then one more
    at a time.
    """
    n = len(unmixing)
    with np.errstate(divide="ignore"):
        cost = 1.0 / np.abs(unmixing)
    rows, columns = linear_sum_assignment(np.minimum(cost, 1e12))
    permuted = np.empty_like(unmixing)
    permuted[columns] = unmixing[rows]
    effects = np.eye(n) - permuted / np.diag(permuted)[:, None]
    np.fill_diagonal(effects, 0.0)
    smallest = np.argsort(np.abs(effects), axis=None, kind="stable")
    removed = n * (n + 1) // 2
    effects.flat[smallest[:removed]] = 0.0
    while (order := _acyclic_order(effects)) is None:
        effects.flat[smallest[removed]] = 0.0
        removed += 1
    return order


def pruned(values: Floats, order: list[int]) -> Floats:
    """(N, N) direct effects, [j, i] of i on j: each signal on those before it in the order, by the adaptive lasso.

    Each predecessor is weighted by the size of its least-squares coefficient; of the solutions along the lasso path the
    one with the smallest BIC is taken, and its predecessors refitted by least squares.
    """
    samples, n = values.shape
    gram = values.T @ values
    effects = np.zeros((n, n))
    for place in range(1, n):
        target, earlier = order[place], order[:place]
        inner, onto, total = gram[np.ix_(earlier, earlier)], gram[earlier, target], gram[target, target]
        plain = np.linalg.lstsq(inner, onto, rcond=None)[0]
        noise = (total - plain @ onto) / (samples - place - 1)
        weight = np.abs(plain)
        scaled = inner * np.outer(weight, weight)
        path = lasso_path(scaled, onto * weight, samples * LEAST_PENALTY)
        residual = total + np.sum(path * (path @ scaled - 2 * onto * weight), axis=1)
        bic = residual / max(noise, 1e-12) + np.log(samples) * np.count_nonzero(path, axis=1)
        kept = np.nonzero(path[np.argmin(bic)])[0]
        if kept.size:
            parents = [earlier[k] for k in kept]
            effects[target, parents] = np.linalg.solve(gram[np.ix_(parents, parents)], gram[parents, target])
    return effects


def _independent(values: Floats) -> tuple[list[int], tuple[int, ...]]:
    """Positions of signals none of which is a combination of the others, and those of the rest."""
    triangle, pivots = qr(values, mode="r", pivoting=True)
    size = np.abs(np.diag(triangle))
    rank = int(np.sum(size > SINGULAR * size[0]))
    return sorted(int(p) for p in pivots[:rank]), tuple(sorted(int(p) for p in pivots[rank:]))


def _orthogonal(matrix: Floats) -> Floats:
    """The orthogonal matrix closest to it."""
    left, _, right = np.linalg.svd(matrix)
    closest: Floats = left @ right
    return closest


def _apart(one: Floats, other: Floats) -> float:
    """How far the rows of two orthogonal matrices are from each other, 0 for the same up to sign."""
    return float(np.max(np.abs(np.abs(np.sum(one * other, axis=1)) - 1)))


def _acyclic_order(effects: Floats) -> list[int] | None:
    """An order in which no effect goes backwards, None when there is a cycle."""
    depends = effects != 0
    left = np.ones(len(effects), dtype=np.bool_)
    order: list[int] = []
    while left.any():
        free = np.nonzero(left & ~depends[:, left].any(axis=1))[0]
        if not free.size:
            return None
        order.extend(free.tolist())
        left[free] = False
    return order
