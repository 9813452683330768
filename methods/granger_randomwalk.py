"""Granger causal graph, scored by a random walk from the SLI."""

from __future__ import annotations

from methods.graph.blame import Walk
from methods.graph.discovery import Granger
from methods.graph.method import GraphMethod


class GrangerRandomWalk(GraphMethod):
    """Granger causal graph, scored by a random walk from the SLI.

    Idea: A signal Granger-causes another if its past helps to foretell the other beyond the other's own past: an edge
        of the graph. A walk then starts at the SLI, climbs its edges from effects to causes and prefers signals that
        resemble the SLI: where it spends its time is suspect. A component is as suspect as its best signal.

    Formula: F = ((RSS₁ - RSS₂) / L) / (RSS₂ / (T - 3L - 1)) for L = 1 … `lags`, RSS₁ of x_i on its own L lags and
        RSS₂ with those of x_j too; the smallest p of the lag orders times their number, then Benjamini and Hochberg's
        rule over all ordered pairs. Score: v = (1 - d) s + d Qᵀ v, s the SLI's node, Q as in
        `methods.graph.random_walk`: weights |ρ(c, SLI)| to a cause, `rho` times that back to an effect, and what
        exceeds all causes to stay.

    Inputs: metrics (T × N), each signal in any unit, at an even step. Gaps are filled with the last value or the
        median. The SLI: the latency of the front door.

    Parameters: `lags`: 3 samples, `rate`: 0.05, the share of false edges among those drawn (the paper has neither: it
        defines the relation, not a procedure for many signals); `rho`: 0.5 and `damping`: 0.85, d (a walk of 6.7
        steps on average); MonitorRank and CloudRanger tune them by deployment.

    Fails when: effects arrive within one sample, so that no past foretells them, when a third signal drives both at
        different lags (the test is of pairs), and for signals that drift or jump: they foretell each other whatever
        their cause. The walk cannot reach what the graph does not connect to the SLI; such signals are unranked.
        NoRanking without edges, with fewer than 8 samples or 2 signals that vary, without an SLI, or when no edge
        leads away from it.

    Cost: O(T N² L²) for one Gram matrix per lag order and N² systems of L × L. The walk is one linear system, O(N³).

    Reference: Granger, Investigating causal relations by econometric models and cross-spectral methods, Econometrica
        37(3), 1969; the walk: Kim, Sumbaly & Shah, Root cause detection in a service-oriented architecture,
        SIGMETRICS 2013, and Wang et al., CloudRanger, CCGRID 2018.

    Deviations: the public code draws an edge when the mean of four p-values is below 0.05 at any of three lags, for
        each pair alone: with 60 signals some 400 false edges are expected of pure noise. Here the F test alone is
        used (the other three are its large-sample relatives), and the rates are controlled. Pairs whose lags are
        collinear have no edge; the public code gives up and guesses. Copies of a signal are merged and share its
        score. The walk is really made, with expected visits in place of sampled ones; in the public code all weights
        are 0, every step is uniform, and the graph has no influence on the ranking. The SLI, as the symptom, is not
        ranked itself.
    """

    name = "granger_randomwalk"

    def __init__(self, lags: int = 3, rate: float = 0.05, rho: float = 0.5, damping: float = 0.85) -> None:
        super().__init__(Granger(lags, rate), Walk(rho, damping))
