"""Granger causal graph, scored by PageRank."""

from __future__ import annotations

from methods.graph.blame import PageRank
from methods.graph.discovery import Granger
from methods.graph.method import GraphMethod


class GrangerPageRank(GraphMethod):
    """Granger causal graph, scored by PageRank.

    Idea: A signal Granger-causes another if its past helps to foretell the other beyond the other's own past: an edge
        of the graph. PageRank then flows over its edges from effects to causes: what many effects lead back to is
        suspect. A component is as suspect as its best signal.

    Formula: F = ((RSS₁ - RSS₂) / L) / (RSS₂ / (T - 3L - 1)) for L = 1 … `lags`, RSS₁ of x_i on its own L lags and
        RSS₂ with those of x_j too; the smallest p of the lag orders times their number, then Benjamini and Hochberg's
        rule over all ordered pairs. Score: x = (1 - d) / N + d Pᵀ x with P[e, c] = 1 / (possible causes of e).

    Inputs: metrics (T × N), each signal in any unit, at an even step. Gaps are filled with the last value or the
        median.

    Parameters: `lags`: 3 samples, `rate`: 0.05, the share of false edges among those drawn (the paper has neither: it
        defines the relation, not a procedure for many signals); `damping`: 0.85, d, the paper's.

    Fails when: effects arrive within one sample, so that no past foretells them, when a third signal drives both at
        different lags (the test is of pairs), and for signals that drift or jump: they foretell each other whatever
        their cause. PageRank does not know which signals are in trouble: a cause of many healthy signals scores too.
        NoRanking without edges, with fewer than 8 samples or 2 signals that vary.

    Cost: O(T N² L²) for one Gram matrix per lag order and N² systems of L × L. PageRank is one linear system, O(N³).

    Reference: Granger, Investigating causal relations by econometric models and cross-spectral methods, Econometrica
        37(3), 1969; Page, Brin, Motwani & Winograd, The PageRank citation ranking: bringing order to the web,
        Stanford, 1999.

    Deviations: the public code draws an edge when the mean of four p-values is below 0.05 at any of three lags, for
        each pair alone: with 60 signals some 400 false edges are expected of pure noise. Here the F test alone is
        used (the other three are its large-sample relatives), and the rates are controlled. Pairs whose lags are
        collinear have no edge; the public code gives up and guesses. Copies of a signal are merged and share its
        score. All signals take part in PageRank; the public code leaves out those without an edge, and so shifts the
        scores against the names. An empty graph is no ranking; the public code returns the order of columns.
    """

    name = "granger_pagerank"

    def __init__(self, lags: int = 3, rate: float = 0.05, damping: float = 0.85) -> None:
        super().__init__(Granger(lags, rate), PageRank(damping))
