"""PageRank over a causal graph, from effects to causes, solved exactly.

Reference: Page, Brin, Motwani & Winograd, The PageRank citation ranking: bringing order to the web, Stanford, 1999.
"""

from __future__ import annotations

import numpy as np

from methods.graph.mixed import Bools
from methods.telemetry.matrix import Floats


def pagerank(steps: Bools | Floats, damping: float = 0.85) -> Floats:
    """(N,) the share of time that a reader of the graph spends at each node; sums to 1.

        x = (1 - d) / N + d · Pᵀ x

    with P[e, c] = w(e, c) / Σ w(e, ·) for each step e → c. A node without a step out jumps anywhere, so isolated nodes
    keep a share and are told apart from nodes that effects lead to.

    Args:
        steps: (N, N), the weight w >= 0 at [e, c] with which the surfer goes from effect e to its cause c; True for 1.
        damping: d in [0, 1), the probability of following a step instead of jumping anywhere.
    """
    n = len(steps)
    out = steps.sum(axis=1, keepdims=True)
    transition = np.where(out > 0, steps / np.where(out > 0, out, 1), 1.0 / n)
    rank: Floats = np.linalg.solve(np.eye(n) - damping * transition.T, np.full(n, (1 - damping) / n))
    rank /= rank.sum()
    return rank
