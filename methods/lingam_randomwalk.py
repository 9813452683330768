"""LiNGAM causal graph, scored by a random walk from the SLI."""

from __future__ import annotations

from methods.graph.blame import Walk
from methods.graph.discovery import Lingam
from methods.graph.method import GraphMethod


class LingamRandomWalk(GraphMethod):
    """LiNGAM causal graph, scored by a random walk from the SLI.

    Idea: If effects are linear and noises are not Gaussian, the independent components of the signals are their
        noises, and the unmixing matrix reveals who acts on whom, directions included. A walk then starts at the SLI,
        climbs its edges from effects to causes and prefers signals that resemble the SLI: where it spends its time is
        suspect. A component is as suspect as its best signal.

    Formula: e = (I - B) x with independent e: I - B is the unmixing matrix W of FastICA (g = tanh) with its rows put
        in the one order that leaves no small entry on the diagonal, and scaled to a diagonal of 1; the causal order
        is the one in which B has least above the diagonal; B's entries are then refitted by the adaptive lasso with
        BIC. Score: v = (1 - d) s + d Qᵀ v, s the SLI's node, Q as in `methods.graph.random_walk`: weights |ρ(c, SLI)|
        to a cause, `rho` times that back to an effect, and what exceeds all causes to stay.

    Inputs: metrics (T × N), each signal in any unit (it is standardised). Gaps are filled with the last value or the
        median. The SLI: the latency of the front door.

    Parameters: `rho`: 0.5 and `damping`: 0.85, d (a walk of 6.7 steps on average); MonitorRank and CloudRanger tune
        them by deployment.

    Fails when: noises are Gaussian, effects are cyclic or non-linear, or T is not many times N: with 60 signals and
        240 samples the order is little better than a guess. The walk cannot reach what the graph does not connect to
        the SLI; such signals are unranked. NoRanking without edges, with fewer than 8 samples or 2 signals that vary,
        without an SLI, or when no edge leads away from it. Also no ranking with fewer than N + 5 samples, and
        NOT_CONVERGED when the components do not settle from three starts.

    Cost: O(N² T) a step of FastICA, some 100 steps, and O(N⁴) for the pruning. The walk is one linear system, O(N³).

    Reference: Shimizu, Hoyer, Hyvärinen & Kerminen, A linear non-Gaussian acyclic model for causal discovery, JMLR 7,
        2006; pruning by Zou, The adaptive lasso and its oracle properties, JASA 101, 2006; the walk: Kim, Sumbaly &
        Shah, Root cause detection in a service-oriented architecture, SIGMETRICS 2013, and Wang et al., CloudRanger,
        CCGRID 2018.

    Deviations: FastICA starts from `rng` and halves its stride when it swings; the public code starts unseeded.
        Signals are standardised, so that units do not decide what is pruned. Pruning is the adaptive lasso, as in the
        public code, where the paper has a Wald test. Signals that are combinations of others are set aside; the
        public code ends with an error. Copies of a signal are merged and share its score. The walk is really made,
        with expected visits in place of sampled ones; in the public code all weights are 0, every step is uniform,
        and the graph has no influence on the ranking. The SLI, as the symptom, is not ranked itself.
    """

    name = "lingam_randomwalk"

    def __init__(self, rho: float = 0.5, damping: float = 0.85) -> None:
        super().__init__(Lingam(), Walk(rho, damping))
