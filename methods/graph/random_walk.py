"""A random walk over a causal graph that starts at the SLI and steps to causes; expected visits, solved exactly.

Each node weighs |ρ(node, SLI)|. From a node i the walk goes

    to a possible cause c      with weight  |ρ(c, SLI)|
    back to an effect e        with weight  rho · |ρ(e, SLI)|        (where no step to a cause leads there too)
    or stays                   with weight  max(0, |ρ(i, SLI)| - max over its causes |ρ(c, SLI)|)

each divided by the sum of them. It is similar to the walks of MonitorRank and CloudRanger, on a graph of signals rather
than of services. After each step the walk restarts at the SLI with probability 1 - d. Instead of sampling walks,
the expected share of time at each node is solved for: v = (1 - d) · s + d · Qᵀ v, so the answer has no randomness.

Reference: Kim, Sumbaly & Shah, Root cause detection in a service-oriented architecture, SIGMETRICS 2013;
Wang et al., CloudRanger: root cause identification for cloud native systems, CCGRID 2018.
"""

from __future__ import annotations

import numpy as np

from methods.graph.mixed import Bools
from methods.telemetry.matrix import Floats


def transitions(steps: Bools, likeness: Floats, rho: float) -> Floats:
    """(N, N) row-stochastic: where the walk goes next. Rows of nodes without any weight around them stay in place.

    Args:
        steps: (N, N), True at [e, c] where c may be a cause of e.
        likeness: (N,) in [0, 1], similarity of each node to the SLI.
        rho: in [0, 1], the weight of a step back from a cause to its effect.
    """
    forward = np.where(steps, likeness, 0.0)
    backward = np.where(steps.T & ~steps, rho * likeness, 0.0)
    stay = np.maximum(0.0, likeness - forward.max(axis=1, initial=0.0))
    weights: Floats = np.asarray(forward + backward + np.diag(stay), dtype=np.float64)
    stuck = weights.sum(axis=1) == 0
    weights[stuck, stuck] = 1.0
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def visits(moves: Floats, start: int, damping: float = 0.85) -> Floats:
    """(N,) the expected share of steps at each node of a walk that restarts at `start`; sums to 1.

    Args:
        moves: (N, N) row-stochastic.
        start: the node of the SLI.
        damping: d in [0, 1), the probability of walking on; a walk is 1 / (1 - d) steps long on average.
    """
    begin = np.zeros(len(moves))
    begin[start] = 1 - damping
    shares = np.linalg.solve(np.eye(len(moves)) - damping * moves.T, begin)
    return np.asarray(np.clip(shares, 0.0, None), dtype=np.float64)


def mean_visits(moves: Floats, start: int, steps: int) -> Floats:
    """(N,) the expected share of its steps that a walk of `steps` steps from `start` spends at each node; sums to 1."""
    place = np.zeros(len(moves))
    place[start] = 1.0
    total = np.zeros(len(moves))
    for _ in range(steps):
        place = place @ moves
        total += place
    return total / steps
