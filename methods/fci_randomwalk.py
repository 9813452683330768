"""FCI causal graph, then a random walk from the SLI to causes."""

from __future__ import annotations

from methods.graph.blame import Walk
from methods.graph.discovery import Fci
from methods.graph.method import GraphMethod


class FciRandomWalk(GraphMethod):
    """FCI causal graph, then a random walk from the SLI to causes.

    Idea:
        FCI is PC without the assumption that every common cause was measured. It also conditions on signals beyond the
        neighbours, and the marks at its edges say where a hidden common cause is possible. A random walk starts at the
        SLI, follows the edges from effects to causes and prefers signals that correlate with the SLI. Where it spends
        its time is suspect. A component is as suspect as its best signal.

    Formula:
        The skeleton is that of PC, tested again with S from Possible-D-Sep. Arrowheads follow from Zhang's rules R0, R1
        to R4 and R8 to R10. A step from e to c is possible where the mark at c is no arrowhead: e ← c, e ←o c, e o–o c,
        and in both directions for e ↔ c. Score: v = (1 - d) s + d Qᵀ v with s the node of the SLI. Q
        (`methods.graph.random_walk`) weighs a step to a cause c by |ρ(c, SLI)|, a step back to an effect by `rho` times
        that, and staying by what exceeds all causes.

    Inputs:
        Metrics (T × N), each signal in any unit: only correlations count. Gaps are filled with the last value or the
        median. The SLI: the latency of the front door. Of more than 250 signals, those that changed most
        (`methods.graph.screening`).

    Parameters:
        alpha: level of each test, 0.05 (open in the paper; causal-learn's default).
        rho: weight of a step back, 0.5.
        damping: d, 0.85: 6.7 steps on average before a restart. MonitorRank and CloudRanger tune both by deployment.

    Fails when:
        Signals are related non-linearly or with lags of more than a sample. Samples are autocorrelated: the tests keep
        too many edges. Samples are few: one wrong test can change many marks. The walk cannot reach signals without a
        path from the SLI: they are unranked. A front door at fault shows by its resources only.

        NoRanking without edges, with fewer than 8 samples or 2 varying signals, without an SLI, or without an edge from
        it to a possible cause.

    Cost:
        As PC, plus the sets from Possible-D-Sep, which can hold most of the N signals.
        `methods.graph.skeleton.TEST_BUDGET` bounds the tests: when the next size does not fit, the search stops and the
        explanation says so. The walk is one linear system, O(N³).

    Reference:
        Spirtes, Meek & Richardson, Causal inference in the presence of latent variables and selection bias, UAI 1995.
        Zhang, On the completeness of orientation rules for causal discovery in the presence of latent confounders and
        selection bias, Artificial Intelligence 172, 2008. The walk: Kim, Sumbaly & Shah, Root cause detection in a
        service-oriented architecture, SIGMETRICS 2013, and Wang et al., CloudRanger, CCGRID 2018.

    Deviations:
        No selection bias: R5 to R7 are left out. Possible-D-Sep is computed for all pairs before edges are removed, so
        the order of signals does not matter. Where rules contradict each other the first one wins; signals are taken in
        an order that depends on neither names nor units. Every edge is walked from effect to possible cause; the public
        code walks x o→ y from the possible cause to the effect. Copies of a signal are merged and share its score. The
        walk uses the weights, as expected visits instead of sampled ones; in the public code all weights are 0, so
        every step is uniform and the graph has no influence. The SLI and what else users notice at the front door
        (latencies, errors, numbers of requests) are symptoms, which resemble the SLI whatever its cause: the walk
        passes through them, but they are not ranked.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.fci_randomwalk import FciRandomWalk
        >>> ranking = FciRandomWalk().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'node']
        >>> print(ranking.explanation.steps[-1].claim)
        A walk from gateway:latency_p90 that prefers signals similar to it spends 32 % of its steps at
        replica-1:latency_p90 (similarity 0.991).
    """

    name = "fci_randomwalk"

    def __init__(self, alpha: float = 0.05, rho: float = 0.5, damping: float = 0.85) -> None:
        super().__init__(Fci(alpha), Walk(rho, damping))
