"""LiNGAM causal graph, then a random walk from the SLI to causes."""

from __future__ import annotations

from methods.graph.blame import Walk
from methods.graph.discovery import Lingam
from methods.graph.method import GraphMethod


class LingamRandomWalk(GraphMethod):
    """LiNGAM causal graph, then a random walk from the SLI to causes.

    Idea:
        If effects are linear and the noises are not Gaussian, the independent components of the signals are their
        noises. The unmixing matrix then reveals the causal graph, directions included. A random walk starts at the SLI,
        follows the edges from effects to causes and prefers signals that correlate with the SLI. Where it spends its
        time is suspect. A component is as suspect as its best signal.

    Formula:
        x = B x + e with independent e, so I - B is the unmixing matrix of FastICA (g = tanh). Its rows are permuted
        until no diagonal entry is small, and scaled to a diagonal of 1. The causal order is the permutation that leaves
        least of B above the diagonal. The adaptive lasso with BIC then refits the entries of B. Score: v = (1 - d) s +
        d Qᵀ v with s the node of the SLI. Q (`methods.graph.random_walk`) weighs a step to a cause c by |ρ(c, SLI)|, a
        step back to an effect by `rho` times that, and staying by what exceeds all causes.

    Inputs:
        Metrics (T × N), each signal in any unit: signals are standardised. Gaps are filled with the last value or the
        median. The SLI: the latency of the front door. Of more than T/2 signals, those that changed most
        (`methods.graph.screening`).

    Parameters:
        rho: weight of a step back, 0.5.
        damping: d, 0.85: 6.7 steps on average before a restart. MonitorRank and CloudRanger tune both by deployment.

    Fails when:
        Noises are Gaussian, effects are cyclic or non-linear, or T is not many times N: with 60 signals and 240 samples
        the order is little better than a guess. Other starts of FastICA then give other graphs, and so does
        the rounding of another processor. The walk cannot reach signals without a path from the SLI: they are
        unranked. A front door at fault shows by its resources only.

        NoRanking without edges, with fewer than 8 samples or 2 varying signals, without an SLI, or without an edge from
        it to a possible cause. NOT_CONVERGED when FastICA does not converge from three starts.

    Cost:
        O(N² T) for each of about 100 iterations of FastICA, and O(N⁴) for the pruning. The walk is one linear system,
        O(N³).

    Reference:
        Shimizu, Hoyer, Hyvärinen & Kerminen, A linear non-Gaussian acyclic model for causal discovery, JMLR 7, 2006.
        Pruning: Zou, The adaptive lasso and its oracle properties, JASA 101, 2006. The walk: Kim, Sumbaly & Shah, Root
        cause detection in a service-oriented architecture, SIGMETRICS 2013, and Wang et al., CloudRanger, CCGRID 2018.

    Deviations:
        FastICA starts from `rng` and halves its step when it oscillates; the public code starts unseeded. Signals are
        standardised, so that units do not decide what is pruned. The adaptive lasso prunes, as in the public code; the
        paper has a Wald test. Linear combinations of other signals are left out; the public code fails on them. Copies
        of a signal are merged and share its score. The walk uses the weights, as expected visits instead of sampled
        ones; in the public code all weights are 0, so every step is uniform and the graph has no influence. The SLI and
        what else users notice at the front door (latencies, errors, numbers of requests) are symptoms, which resemble
        the SLI whatever its cause: the walk passes through them, but they are not ranked.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.lingam_randomwalk import LingamRandomWalk
        >>> ranking = LingamRandomWalk().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'node', 'replica-0']
        >>> print(ranking.explanation.steps[-1].claim)  # doctest: +ELLIPSIS
        A walk from gateway:latency_p90 that prefers signals similar to it spends ... % of its steps at
        replica-1:... (similarity 0.99...).
    """

    name = "lingam_randomwalk"

    def __init__(self, rho: float = 0.5, damping: float = 0.85) -> None:
        super().__init__(Lingam(), Walk(rho, damping))
