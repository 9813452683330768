"""Linear data with a known graph, and graphs as readable edges, for the tests of the graph algorithms."""

from __future__ import annotations

import numpy as np

ENDS = {(3, 3): "--", (3, 2): "->", (2, 2): "<->", (1, 1): "o-o", (1, 2): "o->"}
# causal-learn: graph[j, i] is the mark at j of the edge i - j; -1 tail, 1 arrow, 2 circle.
OF_CAUSAL_LEARN = {0: 0, -1: 3, 1: 2, 2: 1}


def weights(seed: int, n: int, density: float) -> np.ndarray:
    """(N, N) strictly lower triangular: [j, i] is the effect of i on j."""
    rng = np.random.default_rng(seed)
    return np.tril(rng.uniform(0.5, 1.2, (n, n)) * (rng.random((n, n)) < density), -1)


def linear(seed: int, n: int, samples: int, density: float, hidden: int = 0) -> np.ndarray:
    """(T, N) of a linear Gaussian model of N + hidden signals in a random order, `hidden` of them left out."""
    rng = np.random.default_rng(seed)
    size = n + hidden
    effects = np.tril(rng.uniform(0.5, 1.2, (size, size)) * (rng.random((size, size)) < density), -1)
    values = rng.normal(size=(samples, size)) @ np.linalg.inv(np.eye(size) - effects).T
    return values[:, rng.permutation(size)[:n]]


def lagged(samples: int = 120) -> np.ndarray:
    """(T, 3): 0 drives 1 two samples later, 1 drives 2 one sample later."""
    noise = np.random.default_rng(4).normal(size=(samples, 3))
    values = noise.copy()
    for t in range(2, samples):
        values[t, 0] = 0.6 * values[t - 1, 0] + noise[t, 0]
        values[t, 1] = 0.3 * values[t - 1, 1] + 0.5 * values[t - 2, 0] + noise[t, 1]
        values[t, 2] = 0.2 * values[t - 1, 2] + 0.4 * values[t - 1, 1] + noise[t, 2]
    return values


def edges(marks: np.ndarray) -> set[str]:
    """ "0 -> 1", "1 -- 2", "2 <-> 3", "0 o-> 3": what a mark matrix says."""
    found = set()
    for i, j in zip(*np.nonzero(marks), strict=True):
        ends = (int(marks[j, i]), int(marks[i, j]))
        if ends in ENDS and (ends[0] != ends[1] or i < j):
            found.add(f"{i} {ENDS[ends]} {j}")
    return found


def from_causal_learn(graph: np.ndarray) -> set[str]:
    return edges(np.vectorize(OF_CAUSAL_LEARN.get)(graph.T))
