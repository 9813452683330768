"""PC causal graph, scored by a random walk from the SLI."""

from __future__ import annotations

from methods.graph.blame import Walk
from methods.graph.discovery import Pc
from methods.graph.method import GraphMethod


class PcRandomWalk(GraphMethod):
    """PC causal graph, scored by a random walk from the SLI.

    Idea: PC starts with an edge between all signals and takes away those whose ends become independent once some of
        their neighbours are held fixed; what is left, with the directions that the separating sets reveal, is a
        causal graph. A walk then starts at the SLI, climbs its edges from effects to causes and prefers signals that
        resemble the SLI: where it spends its time is suspect. A component is as suspect as its best signal.

    Formula: no edge x – y if |ρ(x, y | S)| < tanh(z(1 - α/2) / sqrt(T - |S| - 3)) for a set S of neighbours; x → y ←
        z if y is in no such S of x and z; then Meek's rules. Score: v = (1 - d) s + d Qᵀ v, s the SLI's node, Q as in
        `methods.graph.random_walk`: weights |ρ(c, SLI)| to a cause, `rho` times that back to an effect, and what
        exceeds all causes to stay.

    Inputs: metrics (T × N), each signal in any unit: only correlations count. Gaps are filled with the last value or
        the median. The SLI: the latency of the front door.

    Parameters: `alpha`: 0.05, the level of each test (the paper leaves it open; causal-learn's default); `rho`: 0.5
        and `damping`: 0.85, d (a walk of 6.7 steps on average); MonitorRank and CloudRanger tune them by deployment.

    Fails when: signals are related non-linearly or with lags longer than a sample, when samples are autocorrelated
        (the tests then count more samples than there are, and keep edges too many), and when everything moves with
        the load. The walk cannot reach what the graph does not connect to the SLI; such signals are unranked.
        NoRanking without edges, with fewer than 8 samples or 2 signals that vary, without an SLI, or when no edge
        leads away from it. Also no ranking when the tests would exceed the budget, known before they are made.

    Cost: O(N² · N^d) tests in the worst case, d the largest set that is tried, each of about d multiplications; in
        practice 10⁴ to 10⁶ tests. Bounded by `methods.graph.skeleton.TEST_BUDGET`: when the next d does not fit, the
        search stops and says so. The walk is one linear system, O(N³).

    Reference: Spirtes & Glymour, An algorithm for fast recovery of sparse causal graphs, Social Science Computer
        Review 9(1), 1991; the walk: Kim, Sumbaly & Shah, Root cause detection in a service-oriented architecture,
        SIGMETRICS 2013, and Wang et al., CloudRanger, CCGRID 2018.

    Deviations: the stable search (Colombo & Maathuis, 2014), so that the order of signals has no say in the skeleton;
        signals stand in an order that their content decides. A signal that a set determines is not tested given that
        set (the public code stops with an error on singular matrices); copies of a signal are merged and share its
        score. The walk is really made, with expected visits in place of sampled ones; in the public code all weights
        are 0, every step is uniform, and the graph has no influence on the ranking. The SLI, as the symptom, is not
        ranked itself.
    """

    name = "pc_randomwalk"

    def __init__(self, alpha: float = 0.05, rho: float = 0.5, damping: float = 0.85) -> None:
        super().__init__(Pc(alpha), Walk(rho, damping))
