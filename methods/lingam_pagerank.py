"""LiNGAM causal graph, then PageRank from effects to causes."""

from __future__ import annotations

from methods.graph.blame import PageRank
from methods.graph.discovery import Lingam
from methods.graph.method import GraphMethod


class LingamPageRank(GraphMethod):
    """LiNGAM causal graph, then PageRank from effects to causes.

    Idea:
        If effects are linear and the noises are not Gaussian, the independent components of the signals are their
        noises. The unmixing matrix then reveals the causal graph, directions included. PageRank follows the edges from
        effects to causes, so it is large where many effects lead. A component is as suspect as its best signal.

    Formula:
        x = B x + e with independent e, so I - B is the unmixing matrix of FastICA (g = tanh). Its rows are permuted
        until no diagonal entry is small, and scaled to a diagonal of 1. The causal order is the permutation that leaves
        least of B above the diagonal. The adaptive lasso with BIC then refits the entries of B. Score: x = (1 - d) / N
        + d Pᵀ x with P[e, c] = 1 / (number of possible causes of e).

    Inputs:
        Metrics (T × N), each signal in any unit: signals are standardised. Gaps are filled with the last value or the
        median. Of more than T/2 signals, those that changed most (`methods.graph.screening`).

    Parameters:
        damping: d, 0.85 as in the paper.

    Fails when:
        Noises are Gaussian, effects are cyclic or non-linear, or T is not many times N: with 60 signals and 240 samples
        the order is little better than a guess. Other starts of FastICA then give other graphs, and so does
        the rounding of another processor. PageRank does not know which signals are abnormal, so a cause of many
        healthy signals scores high too.

        NoRanking without edges, and with fewer than 8 samples or 2 varying signals. NOT_CONVERGED when FastICA does not
        converge from three starts.

    Cost:
        O(N² T) for each of about 100 iterations of FastICA, and O(N⁴) for the pruning. PageRank is one linear system,
        O(N³).

    Reference:
        Shimizu, Hoyer, Hyvärinen & Kerminen, A linear non-Gaussian acyclic model for causal discovery, JMLR 7, 2006.
        Pruning: Zou, The adaptive lasso and its oracle properties, JASA 101, 2006. PageRank: Page, Brin, Motwani &
        Winograd, The PageRank citation ranking: bringing order to the web, Stanford, 1999.

    Deviations:
        FastICA starts from `rng` and halves its step when it oscillates; the public code starts unseeded. Signals are
        standardised, so that units do not decide what is pruned. The adaptive lasso prunes, as in the public code; the
        paper has a Wald test. Linear combinations of other signals are left out; the public code fails on them. Copies
        of a signal are merged and share its score. All signals take part in PageRank; the public code leaves out those
        without an edge and so assigns the scores to the wrong names. An empty graph gives NoRanking; the public code
        returns the order of columns.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.lingam_pagerank import LingamPageRank
        >>> ranking = LingamPageRank().rank(slow_replica(), np.random.default_rng(1))
        >>> [scored.component for scored in ranking.components[:2]]  # of 12 starts, one has the slow replica first
        ['gateway', 'replica-1']
        >>> print(ranking.explanation.steps[-1].claim)  # doctest: +ELLIPSIS
        PageRank flows from effects to causes. gateway:latency_p90 has ... % of it, ... times an even share (11 %).
    """

    name = "lingam_pagerank"

    def __init__(self, damping: float = 0.85) -> None:
        super().__init__(Lingam(), PageRank(damping))
