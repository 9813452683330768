"""LiNGAM causal graph, scored by PageRank."""

from __future__ import annotations

from methods.graph.blame import PageRank
from methods.graph.discovery import Lingam
from methods.graph.method import GraphMethod


class LingamPageRank(GraphMethod):
    """LiNGAM causal graph, scored by PageRank.

    Idea: If effects are linear and noises are not Gaussian, the independent components of the signals are their
        noises, and the unmixing matrix reveals who acts on whom, directions included. PageRank then flows over its
        edges from effects to causes: what many effects lead back to is suspect. A component is as suspect as its best
        signal.

    Formula: e = (I - B) x with independent e: I - B is the unmixing matrix W of FastICA (g = tanh) with its rows put
        in the one order that leaves no small entry on the diagonal, and scaled to a diagonal of 1; the causal order
        is the one in which B has least above the diagonal; B's entries are then refitted by the adaptive lasso with
        BIC. Score: x = (1 - d) / N + d Pᵀ x with P[e, c] = 1 / (possible causes of e).

    Inputs: metrics (T × N), each signal in any unit (it is standardised). Gaps are filled with the last value or the
        median.

    Parameters: `damping`: 0.85, d, the paper's.

    Fails when: noises are Gaussian, effects are cyclic or non-linear, or T is not many times N: with 60 signals and
        240 samples the order is little better than a guess. PageRank does not know which signals are in trouble: a
        cause of many healthy signals scores too. NoRanking without edges, with fewer than 8 samples or 2 signals that
        vary. Also no ranking with fewer than N + 5 samples, and NOT_CONVERGED when the components do not settle from
        three starts.

    Cost: O(N² T) a step of FastICA, some 100 steps, and O(N⁴) for the pruning. PageRank is one linear system, O(N³).

    Reference: Shimizu, Hoyer, Hyvärinen & Kerminen, A linear non-Gaussian acyclic model for causal discovery, JMLR 7,
        2006; pruning by Zou, The adaptive lasso and its oracle properties, JASA 101, 2006; Page, Brin, Motwani &
        Winograd, The PageRank citation ranking: bringing order to the web, Stanford, 1999.

    Deviations: FastICA starts from `rng` and halves its stride when it swings; the public code starts unseeded.
        Signals are standardised, so that units do not decide what is pruned. Pruning is the adaptive lasso, as in the
        public code, where the paper has a Wald test. Signals that are combinations of others are set aside; the
        public code ends with an error. Copies of a signal are merged and share its score. All signals take part in
        PageRank; the public code leaves out those without an edge, and so shifts the scores against the names. An
        empty graph is no ranking; the public code returns the order of columns.
    """

    name = "lingam_pagerank"

    def __init__(self, damping: float = 0.85) -> None:
        super().__init__(Lingam(), PageRank(damping))
