"""PC causal graph, scored by PageRank."""

from __future__ import annotations

from methods.graph.blame import PageRank
from methods.graph.discovery import Pc
from methods.graph.method import GraphMethod


class PcPageRank(GraphMethod):
    """PC causal graph, scored by PageRank.

    Idea: PC starts with an edge between all signals and takes away those whose ends become independent once some of
        their neighbours are held fixed; what is left, with the directions that the separating sets reveal, is a
        causal graph. PageRank then flows over its edges from effects to causes: what many effects lead back to is
        suspect. A component is as suspect as its best signal.

    Formula: no edge x – y if |ρ(x, y | S)| < tanh(z(1 - α/2) / sqrt(T - |S| - 3)) for a set S of neighbours; x → y ←
        z if y is in no such S of x and z; then Meek's rules. Score: x = (1 - d) / N + d Pᵀ x with P[e, c] = 1 /
        (possible causes of e).

    Inputs: metrics (T × N), each signal in any unit: only correlations count. Gaps are filled with the last value or
        the median.

    Parameters: `alpha`: 0.05, the level of each test (the paper leaves it open; causal-learn's default); `damping`:
        0.85, d, the paper's.

    Fails when: signals are related non-linearly or with lags longer than a sample, when samples are autocorrelated
        (the tests then count more samples than there are, and keep edges too many), and when everything moves with
        the load. PageRank does not know which signals are in trouble: a cause of many healthy signals scores too.
        NoRanking without edges, with fewer than 8 samples or 2 signals that vary. Also no ranking when the tests
        would exceed the budget, known before they are made.

    Cost: O(N² · N^d) tests in the worst case, d the largest set that is tried, each of about d multiplications; in
        practice 10⁴ to 10⁶ tests. Bounded by `methods.graph.skeleton.TEST_BUDGET`: when the next d does not fit, the
        search stops and says so. PageRank is one linear system, O(N³).

    Reference: Spirtes & Glymour, An algorithm for fast recovery of sparse causal graphs, Social Science Computer
        Review 9(1), 1991; Page, Brin, Motwani & Winograd, The PageRank citation ranking: bringing order to the web,
        Stanford, 1999.

    Deviations: the stable search (Colombo & Maathuis, 2014), so that the order of signals has no say in the skeleton;
        signals stand in an order that their content decides. A signal that a set determines is not tested given that
        set (the public code stops with an error on singular matrices); copies of a signal are merged and share its
        score. All signals take part in PageRank; the public code leaves out those without an edge, and so shifts the
        scores against the names. An empty graph is no ranking; the public code returns the order of columns.
    """

    name = "pc_pagerank"

    def __init__(self, alpha: float = 0.05, damping: float = 0.85) -> None:
        super().__init__(Pc(alpha), PageRank(damping))
