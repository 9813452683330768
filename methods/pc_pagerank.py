"""PC causal graph, then PageRank from effects to causes."""

from __future__ import annotations

from methods.graph.blame import PageRank
from methods.graph.discovery import Pc
from methods.graph.method import GraphMethod


class PcPageRank(GraphMethod):
    """PC causal graph, then PageRank from effects to causes.

    Idea:
        PC starts with an edge between all signals and removes the edge of every pair that is independent given some of
        its neighbours. The sets that separate pairs reveal some directions. What remains is a causal graph. PageRank
        follows the edges from effects to causes, so it is large where many effects lead. A component is as suspect as
        its best signal.

    Formula:
        PC removes the edge x – y if |ρ(x, y | S)| < tanh(z(1 - α/2) / sqrt(T - |S| - 3)) for a set S of neighbours. It
        directs x → y ← z if y is in no such S of x and z, then applies Meek's rules. Score: x = (1 - d) / N + d Pᵀ x
        with P[e, c] = 1 / (number of possible causes of e).

    Inputs:
        Metrics (T × N), each signal in any unit: only correlations count. Gaps are filled with the last value or the
        median. Of more than 250 signals, those that changed most (`methods.graph.screening`).

    Parameters:
        alpha: level of each test, 0.05 (open in the paper; causal-learn's default).
        damping: d, 0.85 as in the paper.

    Fails when:
        Signals are related non-linearly or with lags of more than a sample. Samples are autocorrelated: the tests count
        more samples than there are, and keep too many edges. All signals follow the load. PageRank does not know which
        signals are abnormal, so a cause of many healthy signals scores high too (see the example).

        NoRanking without edges, and with fewer than 8 samples or 2 varying signals.

    Cost:
        O(N² · N^d) tests in the worst case, d the size of the largest set, each of about d multiplications; in practice
        10⁴ to 10⁶ tests. `methods.graph.skeleton.TEST_BUDGET` bounds them: when the next size does not fit, the search
        stops and the explanation says so. PageRank is one linear system, O(N³).

    Reference:
        Spirtes & Glymour, An algorithm for fast recovery of sparse causal graphs, Social Science Computer Review 9(1),
        1991. PageRank: Page, Brin, Motwani & Winograd, The PageRank citation ranking: bringing order to the web,
        Stanford, 1999.

    Deviations:
        The search is the stable one (Colombo & Maathuis, 2014). Two colliders that direct one edge both ways make it
        bidirected (`uc_priority=1` in causal-learn), and it is walked both ways; in the public code the first one wins.
        So neither the order of columns nor a unit, which would change it, matters. A signal that a set determines is
        not tested given that set; the public code fails on such singular matrices. Copies of a signal are merged and
        share its score. All signals take part in PageRank; the public code leaves out those without an edge and so
        assigns the scores to the wrong names. An empty graph gives NoRanking; the public code returns the order of
        columns.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.pc_pagerank import PcPageRank
        >>> ranking = PcPageRank().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-0', 'replica-1', 'gateway', 'node']
        >>> print(ranking.explanation.steps[-1].claim)
        PageRank flows from effects to causes. replica-0:cpu_usage has 21 % of it, 1.92 times an even share (11 %).
    """

    name = "pc_pagerank"

    def __init__(self, alpha: float = 0.05, damping: float = 0.85) -> None:
        super().__init__(Pc(alpha), PageRank(damping))
