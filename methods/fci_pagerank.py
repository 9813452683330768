"""FCI causal graph, then PageRank from effects to causes."""

from __future__ import annotations

from methods.graph.blame import PageRank
from methods.graph.discovery import Fci
from methods.graph.method import GraphMethod


class FciPageRank(GraphMethod):
    """FCI causal graph, then PageRank from effects to causes.

    Idea:
        FCI is PC without the assumption that every common cause was measured. It also conditions on signals beyond the
        neighbours, and the marks at its edges say where a hidden common cause is possible. PageRank follows the edges
        from effects to causes, so it is large where many effects lead. A component is as suspect as its best signal.

    Formula:
        The skeleton is that of PC, tested again with S from Possible-D-Sep. Arrowheads follow from Zhang's rules R0, R1
        to R4 and R8 to R10. A step from e to c is possible where the mark at c is no arrowhead: e ← c, e ←o c, e o–o c,
        and in both directions for e ↔ c. Score: x = (1 - d) / N + d Pᵀ x with P[e, c] = 1 / (number of possible causes
        of e).

    Inputs:
        Metrics (T × N), each signal in any unit: only correlations count. Gaps are filled with the last value or the
        median. Of more than 250 signals, those that changed most (`methods.graph.screening`).

    Parameters:
        alpha: level of each test, 0.05 (open in the paper; causal-learn's default).
        damping: d, 0.85 as in the paper.

    Fails when:
        Signals are related non-linearly or with lags of more than a sample. Samples are autocorrelated: the tests keep
        too many edges. Samples are few: one wrong test can change many marks. PageRank does not know which signals are
        abnormal, so a cause of many healthy signals scores high too (see the example).

        NoRanking without edges, and with fewer than 8 samples or 2 varying signals.

    Cost:
        As PC, plus the sets from Possible-D-Sep, which can hold most of the N signals.
        `methods.graph.skeleton.TEST_BUDGET` bounds the tests: when the next size does not fit, the search stops and the
        explanation says so. PageRank is one linear system, O(N³).

    Reference:
        Spirtes, Meek & Richardson, Causal inference in the presence of latent variables and selection bias, UAI 1995.
        Zhang, On the completeness of orientation rules for causal discovery in the presence of latent confounders and
        selection bias, Artificial Intelligence 172, 2008. PageRank: Page, Brin, Motwani & Winograd, The PageRank
        citation ranking: bringing order to the web, Stanford, 1999.

    Deviations:
        No selection bias: R5 to R7 are left out. Possible-D-Sep is computed for all pairs before edges are removed, so
        the order of signals does not matter. Where rules contradict each other the first one wins; signals are taken in
        an order that depends on neither names nor units. Every edge is walked from effect to possible cause; the public
        code walks x o→ y from the possible cause to the effect. Copies of a signal are merged and share its score. All
        signals take part in PageRank; the public code leaves out those without an edge and so assigns the scores to the
        wrong names. An empty graph gives NoRanking; the public code returns the order of columns.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.fci_pagerank import FciPageRank
        >>> ranking = FciPageRank().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-0', 'replica-1', 'gateway', 'node']
        >>> print(ranking.explanation.steps[-1].claim)
        PageRank flows from effects to causes. replica-0:cpu_usage has 21 % of it, 1.92 times an even share (11 %).
    """

    name = "fci_pagerank"

    def __init__(self, alpha: float = 0.05, damping: float = 0.85) -> None:
        super().__init__(Fci(alpha), PageRank(damping))
