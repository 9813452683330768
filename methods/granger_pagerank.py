"""Granger causality graph, then PageRank from effects to causes."""

from __future__ import annotations

from methods.graph.blame import PageRank
from methods.graph.discovery import Granger
from methods.graph.method import GraphMethod


class GrangerPageRank(GraphMethod):
    """Granger causality graph, then PageRank from effects to causes.

    Idea:
        A signal Granger-causes another one if its past improves the prediction of the other beyond the other's own
        past. Such pairs are the edges of the graph. PageRank follows the edges from effects to causes, so it is large
        where many effects lead. A component is as suspect as its best signal.

    Formula:
        F = ((RSS₁ - RSS₂) / L) / (RSS₂ / (T - 3L - 1)) for L = 1 … `lags`. RSS₁ is of x_i on its own L lags, RSS₂ also
        on those of x_j. The smallest p of all L, times their number, enters Benjamini and Hochberg's rule over all
        ordered pairs. Score: x = (1 - d) / N + d Pᵀ x with P[e, c] = 1 / (number of possible causes of e).

    Inputs:
        Metrics (T × N), each signal in any unit, at an even step. Gaps are filled with the last value or the median. Of
        more than 1,000 signals, those that changed most (`methods.graph.screening`).

    Parameters:
        lags: largest number of past samples, 3.
        rate: share of false edges among those drawn, 0.05. The paper has neither parameter: it defines the relation,
            not a procedure for many signals.
        damping: d, 0.85 as in the paper.

    Fails when:
        Effects arrive within one sample, so that no past predicts them. A third signal drives both at different lags:
        each test sees two signals only. Signals drift or jump: such signals predict each other whatever their cause.
        PageRank does not know which signals are abnormal, so a cause of many healthy signals scores high too.

        NoRanking without edges, and with fewer than 8 samples or 2 varying signals.

    Cost:
        O(T N² L²): one Gram matrix for each lag order, and N² systems of L × L equations. PageRank is one linear
        system, O(N³).

    Reference:
        Granger, Investigating causal relations by econometric models and cross-spectral methods, Econometrica 37(3),
        1969. PageRank: Page, Brin, Motwani & Winograd, The PageRank citation ranking: bringing order to the web,
        Stanford, 1999.

    Deviations:
        The public code draws an edge when the mean of four p-values is below 0.05 at any of three lags, for each pair
        alone: with 60 signals it draws some 400 false edges in pure noise. Here the F test alone counts (the other
        three are its large-sample relatives), and the false discovery rate is controlled. Pairs with collinear lags
        have no edge; the public code then guesses. Copies of a signal are merged and share its score. All signals take
        part in PageRank; the public code leaves out those without an edge and so assigns the scores to the wrong names.
        An empty graph gives NoRanking; the public code returns the order of columns.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.granger_pagerank import GrangerPageRank
        >>> ranking = GrangerPageRank().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'gateway', 'node', 'replica-0']
        >>> print(ranking.explanation.steps[-1].claim)
        PageRank flows from effects to causes. replica-1:latency_p90 has 16 % of it, 1.44 times an even share (11 %).
    """

    name = "granger_pagerank"

    def __init__(self, lags: int = 3, rate: float = 0.05, damping: float = 0.85) -> None:
        super().__init__(Granger(lags, rate), PageRank(damping))
