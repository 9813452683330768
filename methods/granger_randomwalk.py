"""Granger causality graph, then a random walk from the SLI to causes."""

from __future__ import annotations

from methods.graph.blame import Walk
from methods.graph.discovery import Granger
from methods.graph.method import GraphMethod


class GrangerRandomWalk(GraphMethod):
    """Granger causality graph, then a random walk from the SLI to causes.

    Idea:
        A signal Granger-causes another one if its past improves the prediction of the other beyond the other's own
        past. Such pairs are the edges of the graph. A random walk starts at the SLI, follows the edges from effects to
        causes and prefers signals that correlate with the SLI. Where it spends its time is suspect. A component is as
        suspect as its best signal.

    Formula:
        F = ((RSS₁ - RSS₂) / L) / (RSS₂ / (T - 3L - 1)) for L = 1 … `lags`. RSS₁ is of x_i on its own L lags, RSS₂ also
        on those of x_j. The smallest p of all L, times their number, enters Benjamini and Hochberg's rule over all
        ordered pairs. Score: v = (1 - d) s + d Qᵀ v with s the node of the SLI. Q (`methods.graph.random_walk`) weighs
        a step to a cause c by |ρ(c, SLI)|, a step back to an effect by `rho` times that, and staying by what exceeds
        all causes.

    Inputs:
        Metrics (T × N), each signal in any unit, at an even step. Gaps are filled with the last value or the median.
        The SLI: the latency of the front door. Of more than 1,000 signals, those that changed most
        (`methods.graph.screening`).

    Parameters:
        lags: largest number of past samples, 3.
        rate: share of false edges among those drawn, 0.05. The paper has neither parameter: it defines the relation,
            not a procedure for many signals.
        rho: weight of a step back, 0.5.
        damping: d, 0.85: 6.7 steps on average before a restart. MonitorRank and CloudRanger tune both by deployment.

    Fails when:
        Effects arrive within one sample, so that no past predicts them. A third signal drives both at different lags:
        each test sees two signals only. Signals drift or jump: such signals predict each other whatever their cause.
        The walk cannot reach signals without a path from the SLI: they are unranked. A front door at fault shows by its
        resources only.

        NoRanking without edges, with fewer than 8 samples or 2 varying signals, without an SLI, or without an edge from
        it to a possible cause.

    Cost:
        O(T N² L²): one Gram matrix for each lag order, and N² systems of L × L equations. The walk is one linear
        system, O(N³).

    Reference:
        Granger, Investigating causal relations by econometric models and cross-spectral methods, Econometrica 37(3),
        1969. The walk: Kim, Sumbaly & Shah, Root cause detection in a service-oriented architecture, SIGMETRICS 2013,
        and Wang et al., CloudRanger, CCGRID 2018.

    Deviations:
        The public code draws an edge when the mean of four p-values is below 0.05 at any of three lags, for each pair
        alone: with 60 signals it draws some 400 false edges in pure noise. Here the F test alone counts (the other
        three are its large-sample relatives), and the false discovery rate is controlled. Pairs with collinear lags
        have no edge; the public code then guesses. Copies of a signal are merged and share its score. The walk uses the
        weights, as expected visits instead of sampled ones; in the public code all weights are 0, so every step is
        uniform and the graph has no influence. The SLI and what else users notice at the front door (latencies, errors,
        numbers of requests) are symptoms, which resemble the SLI whatever its cause: the walk passes through them, but
        they are not ranked.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.granger_randomwalk import GrangerRandomWalk
        >>> ranking = GrangerRandomWalk().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'node', 'replica-0']
        >>> print(ranking.explanation.steps[-1].claim)
        A walk from gateway:latency_p90 that prefers signals similar to it spends 22 % of its steps at
        replica-1:latency_p90 (similarity 0.991).
    """

    name = "granger_randomwalk"

    def __init__(self, lags: int = 3, rate: float = 0.05, rho: float = 0.5, damping: float = 0.85) -> None:
        super().__init__(Granger(lags, rate), Walk(rho, damping))
