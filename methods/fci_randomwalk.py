"""FCI causal graph, scored by a random walk from the SLI."""

from __future__ import annotations

from methods.graph.blame import Walk
from methods.graph.discovery import Fci
from methods.graph.method import GraphMethod


class FciRandomWalk(GraphMethod):
    """FCI causal graph, scored by a random walk from the SLI.

    Idea: FCI is PC without the assumption that everything was measured: it also conditions on signals beyond the
        neighbours, and its edges say where a hidden common cause is possible. A walk then starts at the SLI, climbs
        its edges from effects to causes and prefers signals that resemble the SLI: where it spends its time is
        suspect. A component is as suspect as its best signal.

    Formula: as PC for the skeleton, then once more with S out of Possible-D-Sep; arrowheads by R0, R1 to R4 and R8 to
        R10 of Zhang. A step from e to c is possible where the mark at c is no arrowhead: e ← c, e ←o c, e o–o c, and
        both ways for e ↔ c. Score: v = (1 - d) s + d Qᵀ v, s the SLI's node, Q as in `methods.graph.random_walk`:
        weights |ρ(c, SLI)| to a cause, `rho` times that back to an effect, and what exceeds all causes to stay.

    Inputs: metrics (T × N), each signal in any unit: only correlations count. Gaps are filled with the last value or
        the median. The SLI: the latency of the front door.

    Parameters: `alpha`: 0.05, the level of each test (the paper leaves it open; causal-learn's default); `rho`: 0.5
        and `damping`: 0.85, d (a walk of 6.7 steps on average); MonitorRank and CloudRanger tune them by deployment.

    Fails when: signals are related non-linearly or with lags longer than a sample, when samples are autocorrelated
        (the tests then keep edges too many), and with few samples: each wrong test can turn many marks. The walk
        cannot reach what the graph does not connect to the SLI; such signals are unranked. NoRanking without edges,
        with fewer than 8 samples or 2 signals that vary, without an SLI, or when no edge leads away from it. Also no
        ranking when the tests would exceed the budget, known before they are made.

    Cost: as PC, plus the sets out of Possible-D-Sep, which can be most of N. Bounded by
        `methods.graph.skeleton.TEST_BUDGET`: when the next size of set does not fit, the search stops and says so.
        The walk is one linear system, O(N³).

    Reference: Spirtes, Meek & Richardson, Causal inference in the presence of latent variables and selection bias,
        UAI 1995; Zhang, On the completeness of orientation rules for causal discovery in the presence of latent
        confounders and selection bias, Artificial Intelligence 172, 2008; the walk: Kim, Sumbaly & Shah, Root cause
        detection in a service-oriented architecture, SIGMETRICS 2013, and Wang et al., CloudRanger, CCGRID 2018.

    Deviations: no selection bias (R5 to R7 are left out). Possible-D-Sep is found for all pairs before edges are
        taken out, so that the order of signals has no say. The public code lets an edge x o→ y be walked from x to y,
        from a possible cause to its effect, but a sure edge x → y from effect to cause; here every edge is walked
        from effect to possible cause. Copies of a signal are merged and share its score. The walk is really made,
        with expected visits in place of sampled ones; in the public code all weights are 0, every step is uniform,
        and the graph has no influence on the ranking. The SLI, as the symptom, is not ranked itself.
    """

    name = "fci_randomwalk"

    def __init__(self, alpha: float = 0.05, rho: float = 0.5, damping: float = 0.85) -> None:
        super().__init__(Fci(alpha), Walk(rho, damping))
