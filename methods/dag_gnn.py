"""DAG-GNN (Yu et al., ICML 2019): a weighted directed acyclic graph out of samples, learned by gradient descent.

The structural model is `f2(X) = A^T f2(X) + Z`: with H = f1(X) the encoder gives Z = (I - A^T) H, the decoder
f2((I - A^T)^-1 Z). Both maps are the same small network for every variable, 1 -> 64 -> 1 with ReLU.

Two observations make it cheap, and change no number:

- Z is not sampled, so the decoder's inverse undoes the encoder's product: its input is H again. The reconstruction does
  not depend on A, which is fitted by the KL term alone, and no inverse is needed.
- A 1 -> 64 -> 1 ReLU network is a piecewise linear function with 64 knots. Finding the piece of a sample costs six
  comparisons; its gradients are sums per piece. That replaces 64 multiplications a sample in each direction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]

_HIDDEN = 64


@dataclass(frozen=True, slots=True)
class Schedule:
    """The augmented Lagrangian's settings; the defaults are those of DAG-GNN's and CausalRCA's papers and code."""

    outer_steps: int = 100
    epochs: int = 500
    growth: float = 10.0
    progress: float = 0.25
    tolerance: float = 1e-8
    penalty_limit: float = 1e20
    learning_rate: float = 1e-3


@dataclass(frozen=True, slots=True)
class Fit:
    """A learned graph.

    Attributes:
        adjacency: N x N; [i, j] is the weight of the edge from cause i to effect j.
        acyclicity: h(A) at the end; 0 for a graph without a directed cycle.
        loss: reconstruction plus KL at the end.
        outer_steps, epochs: how much work it was.
        converged: h(A) fell below the tolerance.
    """

    adjacency: Array
    acyclicity: float
    loss: float
    outer_steps: int
    epochs: int
    converged: bool


def fit(
    samples: Array,
    rng: np.random.Generator,
    schedule: Schedule | None = None,
    report: Callable[[int, float], None] | None = None,
) -> Fit:
    """Learn the graph.

    Args:
        samples: T x N, standardised columns.
        rng: draws the networks' initial weights (Xavier normal).
        schedule: of the augmented Lagrangian.
        report: called with (outer step, h) after each.
    """
    schedule = schedule or Schedule()
    count = samples.shape[1]
    data = np.ascontiguousarray(samples, dtype=np.float64)
    state = _State.fresh(count, rng)
    multiplier, penalty, previous_h = 0.0, 1.0, np.inf
    epochs = 0
    h, loss = np.inf, np.inf
    step = 0
    for step in range(1, schedule.outer_steps + 1):
        while True:
            rate = _rate(schedule.learning_rate, penalty)
            h, loss = _train(data, state.arrays(), multiplier, penalty, rate, schedule.epochs)
            epochs += schedule.epochs
            if h <= schedule.progress * previous_h or penalty >= schedule.penalty_limit:
                break
            penalty *= schedule.growth
        previous_h = h
        multiplier += penalty * h
        if report is not None:
            report(step, h)
        if h <= schedule.tolerance or penalty >= schedule.penalty_limit:
            break
    return Fit(np.sinh(3.0 * state.raw), float(h), float(loss), step, epochs, bool(h <= schedule.tolerance))


def _rate(base: float, penalty: float) -> float:
    """The learning rate shrinks with the penalty's order of magnitude, within [1e-4, 1e-2]."""
    magnitude = np.log10(penalty)
    return 1e-2 if magnitude <= 0 else float(np.clip(base / magnitude, 1e-4, 1e-2))


@dataclass(frozen=True, slots=True)
class _State:
    """What training changes, in place: the raw adjacency, both networks, the offset, and Adam's moments of each."""

    raw: Array
    networks: Array
    offset: Array
    moments: tuple[Array, ...]
    clock: Array

    @classmethod
    def fresh(cls, count: int, rng: np.random.Generator) -> _State:
        raw = np.zeros((count, count))
        spread = np.sqrt(2.0 / (1 + _HIDDEN))
        networks = np.zeros((2, 4, _HIDDEN))
        networks[:, 0] = rng.normal(0.0, spread, (2, _HIDDEN))
        networks[:, 1] = rng.uniform(-1.0, 1.0, (2, _HIDDEN))
        networks[:, 2] = rng.normal(0.0, spread, (2, _HIDDEN))
        networks[:, 3, 0] = rng.uniform(-1.0 / 8, 1.0 / 8, 2)
        offset = np.zeros(1)
        moments = tuple(np.zeros_like(a) for a in (raw, raw, networks, networks, offset, offset))
        return cls(raw, networks, offset, moments, np.zeros(1, dtype=np.float64))

    def arrays(self) -> tuple[Array, ...]:
        return (self.raw, self.networks, self.offset, *self.moments, self.clock)


@njit(cache=True, nogil=True)
def _pieces(network, knots, slope, intercept):  # type: ignore[no-untyped-def]
    """Slope and intercept of each linear piece; returns the hidden units in the order of their knots."""
    raw = np.empty(_HIDDEN)
    for j in range(_HIDDEN):
        w = network[0, j]
        if abs(w) < 1e-12:
            raw[j] = -np.inf if network[1, j] > 0 else np.inf
        else:
            raw[j] = -network[1, j] / w
    order = np.argsort(raw)
    s, c = 0.0, network[3, 0]
    for j in range(_HIDDEN):
        if network[0, j] < 0:
            s += network[2, j] * network[0, j]
            c += network[2, j] * network[1, j]
    slope[0], intercept[0] = s, c
    for p in range(_HIDDEN):
        j = order[p]
        knots[p] = raw[j]
        sign = -1.0 if network[0, j] < 0 else 1.0
        s += sign * network[2, j] * network[0, j]
        c += sign * network[2, j] * network[1, j]
        slope[p + 1], intercept[p + 1] = s, c
    return order


@njit(cache=True, nogil=True)
def _forward(x, network, knots, slope, intercept, piece, out):  # type: ignore[no-untyped-def]
    order = _pieces(network, knots, slope, intercept)
    for i in range(x.size):
        low, high = 0, _HIDDEN
        while low < high:
            middle = (low + high) >> 1
            if knots[middle] < x[i]:
                low = middle + 1
            else:
                high = middle
        piece[i] = low
        out[i] = slope[low] * x[i] + intercept[low]
    return order


@njit(cache=True, nogil=True)
def _backward(x, piece, order, network, upstream, gradient):  # type: ignore[no-untyped-def]
    """Gradients of the network's weights; those of its input are `upstream * slope[piece]`."""
    plain, weighted = np.zeros(_HIDDEN + 1), np.zeros(_HIDDEN + 1)
    for i in range(x.size):
        plain[piece[i]] += upstream[i]
        weighted[piece[i]] += upstream[i] * x[i]
    total, total_x = plain.sum(), weighted.sum()
    left, left_x = 0.0, 0.0
    gradient[:] = 0.0
    gradient[3, 0] = total
    for p in range(_HIDDEN):
        j = order[p]
        left += plain[p]
        left_x += weighted[p]
        w, b, v = network[0, j], network[1, j], network[2, j]
        active, active_x = (left, left_x) if w < 0 else (total - left, total_x - left_x)
        gradient[0, j] = v * active_x
        gradient[1, j] = v * active
        gradient[2, j] = w * active_x + b * active


@njit(cache=True, nogil=True)
def _power(matrix, exponent):  # type: ignore[no-untyped-def]
    result = np.eye(matrix.shape[0])
    base = matrix
    while exponent > 0:
        if exponent & 1:
            result = result @ base
        exponent >>= 1
        if exponent:
            base = base @ base
    return result


@njit(cache=True, nogil=True)
def _adam(value, gradient, first, second, rate, t):  # type: ignore[no-untyped-def]
    v, g, m, s = value.ravel(), gradient.ravel(), first.ravel(), second.ravel()
    slow, fast = 1.0 - 0.9**t, 1.0 - 0.999**t
    for i in range(v.size):
        m[i] = 0.9 * m[i] + 0.1 * g[i]
        s[i] = 0.999 * s[i] + 0.001 * g[i] * g[i]
        v[i] -= rate * (m[i] / slow) / (np.sqrt(s[i] / fast) + 1e-8)


@njit(cache=True, nogil=True)
def _train(data, state, multiplier, penalty, rate, epochs):  # type: ignore[no-untyped-def]
    """Run `epochs` full-batch Adam steps in place; returns (h, reconstruction + KL) of the last."""
    raw, networks, offset, m_raw, s_raw, m_networks, s_networks, m_offset, s_offset, clock = state
    rows, count = data.shape
    x = data.ravel()
    size = x.size
    identity = np.eye(count)
    knots, slope, intercept = np.empty((2, _HIDDEN)), np.empty((2, _HIDDEN + 1)), np.empty((2, _HIDDEN + 1))
    piece = np.empty((2, size), dtype=np.int64)
    hidden, rebuilt = np.empty(size), np.empty(size)
    g_networks = np.empty_like(networks)
    h, loss = 0.0, 0.0
    for _ in range(epochs):
        encoder = _forward(x, networks[0], knots[0], slope[0], intercept[0], piece[0], hidden)
        decoder = _forward(hidden, networks[1], knots[1], slope[1], intercept[1], piece[1], rebuilt)
        adjacency = np.sinh(3.0 * raw)
        keep = identity - adjacency
        shifted = hidden.reshape(rows, count) + offset[0]
        noise = shifted @ keep - offset[0]

        off = rebuilt - x
        loss = 0.5 * ((off * off).sum() + (noise * noise).sum()) / rows
        g_rebuilt = off / rows
        g_noise = noise / rows
        g_shifted = g_noise @ keep.T
        _backward(hidden, piece[1], decoder, networks[1], g_rebuilt, g_networks[1])
        g_hidden = g_shifted.copy().ravel()
        for i in range(size):
            g_hidden[i] += g_rebuilt[i] * slope[1, piece[1, i]]
        _backward(x, piece[0], encoder, networks[0], g_hidden, g_networks[0])

        walk = identity + adjacency * adjacency / count
        power = _power(walk, count - 1)
        h = (power * walk.T).sum() - count
        g_adjacency = -(shifted.T @ g_noise) + (multiplier + penalty * h) * 2.0 * adjacency * power.T
        for i in range(count):
            g_adjacency[i, i] += 200.0 * adjacency[i, i]
        g_raw = g_adjacency * 3.0 * np.cosh(3.0 * raw)
        g_offset = np.array([g_shifted.sum() - g_noise.sum()])

        clock[0] += 1.0
        _adam(raw, g_raw, m_raw, s_raw, rate, clock[0])
        _adam(networks, g_networks, m_networks, s_networks, rate, clock[0])
        _adam(offset, g_offset, m_offset, s_offset, rate, clock[0])
    return h, loss
