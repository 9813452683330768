"""PC causal graph, then a random walk from the SLI to causes."""

from __future__ import annotations

from methods.graph.blame import Walk
from methods.graph.discovery import Pc
from methods.graph.method import GraphMethod


class PcRandomWalk(GraphMethod):
    """PC causal graph, then a random walk from the SLI to causes.

    Idea:
        PC starts with an edge between all signals and removes the edge of every pair that is independent given some of
        its neighbours. The sets that separate pairs reveal some directions. What remains is a causal graph. A random
        walk starts at the SLI, follows the edges from effects to causes and prefers signals that correlate with the
        SLI. Where it spends its time is suspect. A component is as suspect as its best signal.

    Formula:
        PC removes the edge x – y if |ρ(x, y | S)| < tanh(z(1 - α/2) / sqrt(T - |S| - 3)) for a set S of neighbours. It
        directs x → y ← z if y is in no such S of x and z, then applies Meek's rules. Score: v = (1 - d) s + d Qᵀ v with
        s the node of the SLI. Q (`methods.graph.random_walk`) weighs a step to a cause c by |ρ(c, SLI)|, a step back to
        an effect by `rho` times that, and staying by what exceeds all causes.

    Inputs:
        Metrics (T × N), each signal in any unit: only correlations count. Gaps are filled with the last value or the
        median. The SLI: the latency of the front door. Of more than 250 signals, those that changed most
        (`methods.graph.screening`).

    Parameters:
        alpha: level of each test, 0.05 (open in the paper; causal-learn's default).
        rho: weight of a step back, 0.5.
        damping: d, 0.85: 6.7 steps on average before a restart. MonitorRank and CloudRanger tune both by deployment.

    Fails when:
        Signals are related non-linearly or with lags of more than a sample. Samples are autocorrelated: the tests count
        more samples than there are, and keep too many edges. All signals follow the load. The walk cannot reach signals
        without a path from the SLI: they are unranked. A front door at fault shows by its resources only.

        NoRanking without edges, with fewer than 8 samples or 2 varying signals, without an SLI, or without an edge from
        it to a possible cause.

    Cost:
        O(N² · N^d) tests in the worst case, d the size of the largest set, each of about d multiplications; in practice
        10⁴ to 10⁶ tests. `methods.graph.skeleton.TEST_BUDGET` bounds them: when the next size does not fit, the search
        stops and the explanation says so. The walk is one linear system, O(N³).

    Reference:
        Spirtes & Glymour, An algorithm for fast recovery of sparse causal graphs, Social Science Computer Review 9(1),
        1991. The walk: Kim, Sumbaly & Shah, Root cause detection in a service-oriented architecture, SIGMETRICS 2013,
        and Wang et al., CloudRanger, CCGRID 2018.

    Deviations:
        The search is the stable one (Colombo & Maathuis, 2014). Two colliders that direct one edge both ways make it
        bidirected (`uc_priority=1` in causal-learn), and it is walked both ways; in the public code the first one wins.
        So neither the order of columns nor a unit, which would change it, matters. A signal that a set determines is
        not tested given that set; the public code fails on such singular matrices. Copies of a signal are merged and
        share its score. The walk uses the weights, as expected visits instead of sampled ones; in the public code all
        weights are 0, so every step is uniform and the graph has no influence. The SLI and what else users notice at
        the front door (latencies, errors, numbers of requests) are symptoms, which resemble the SLI whatever its cause:
        the walk passes through them, but they are not ranked.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.pc_randomwalk import PcRandomWalk
        >>> ranking = PcRandomWalk().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'node']
        >>> print(ranking.explanation.steps[-1].claim)
        A walk from gateway:latency_p90 that prefers signals similar to it spends 32 % of its steps at
        replica-1:latency_p90 (similarity 0.991).
    """

    name = "pc_randomwalk"

    def __init__(self, alpha: float = 0.05, rho: float = 0.5, damping: float = 0.85) -> None:
        super().__init__(Pc(alpha), Walk(rho, damping))
