"""DAG-GNN (Yu et al., ICML 2019): a weighted directed acyclic graph out of samples, learned by gradient descent.

The structural model is `f2(X) = A^T f2(X) + Z`: with H = f1(X) the encoder gives Z = (I - A^T) H, the decoder
f2((I - A^T)^-1 Z). Both maps are the same small network for every variable, 1 -> 64 -> 1 with ReLU.

The epochs run in `methods.graph.dag_gnn_training`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.graph.dag_gnn_training import HIDDEN, train

Array = NDArray[np.float32]


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
        epochs: how many it took.
        converged: h(A) fell below the tolerance.
    """

    adjacency: NDArray[np.float64]
    acyclicity: float
    loss: float
    epochs: int
    converged: bool


def fit(
    samples: NDArray[np.float64],
    rng: np.random.Generator,
    schedule: Schedule | None = None,
) -> Fit:
    """Learn the graph.

    Args:
        samples: T x N, standardised columns.
        rng: draws the networks' initial weights (Xavier normal).
        schedule: of the augmented Lagrangian.
    """
    schedule = schedule or Schedule()
    count = samples.shape[1]
    data = np.ascontiguousarray(samples, dtype=np.float32)
    state = _State.fresh(count, rng)
    multiplier, penalty, previous_h = 0.0, 1.0, np.inf
    epochs = 0
    h, loss = np.inf, np.inf
    for _ in range(schedule.outer_steps):
        while True:
            rate = _rate(schedule.learning_rate, penalty)
            h, loss = train(data, state.arrays(), multiplier, penalty, rate, schedule.epochs)
            epochs += schedule.epochs
            if h <= schedule.progress * previous_h or penalty >= schedule.penalty_limit:
                break
            penalty *= schedule.growth
        previous_h = h
        multiplier += penalty * h
        if h <= schedule.tolerance or penalty >= schedule.penalty_limit:
            break
    return Fit(
        np.sinh(3.0 * state.raw.astype(np.float64)), float(h), float(loss), epochs, bool(h <= schedule.tolerance)
    )


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
    clock: NDArray[np.float64]

    @classmethod
    def fresh(cls, count: int, rng: np.random.Generator) -> _State:
        raw = np.zeros((count, count), dtype=np.float32)
        spread = np.sqrt(2.0 / (1 + HIDDEN))
        networks = np.zeros((2, 4, HIDDEN), dtype=np.float32)
        networks[:, 0] = rng.normal(0.0, spread, (2, HIDDEN))
        networks[:, 1] = rng.uniform(-1.0, 1.0, (2, HIDDEN))
        networks[:, 2] = rng.normal(0.0, spread, (2, HIDDEN))
        networks[:, 3, 0] = rng.uniform(-1.0 / 8, 1.0 / 8, 2)
        offset = np.zeros(1, dtype=np.float32)
        moments = tuple(np.zeros_like(a) for a in (raw, raw, networks, networks, offset, offset))
        return cls(raw, networks, offset, moments, np.zeros(1))

    def arrays(self) -> tuple[NDArray[np.floating], ...]:
        return (self.raw, self.networks, self.offset, *self.moments, self.clock)
