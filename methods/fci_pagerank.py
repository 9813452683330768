"""FCI causal graph, scored by PageRank."""

from __future__ import annotations

from methods.graph.blame import PageRank
from methods.graph.discovery import Fci
from methods.graph.method import GraphMethod


class FciPageRank(GraphMethod):
    """FCI causal graph, scored by PageRank.

    Idea: FCI is PC without the assumption that everything was measured: it also conditions on signals beyond the
        neighbours, and its edges say where a hidden common cause is possible. PageRank then flows over its edges from
        effects to causes: what many effects lead back to is suspect. A component is as suspect as its best signal.

    Formula: as PC for the skeleton, then once more with S out of Possible-D-Sep; arrowheads by R0, R1 to R4 and R8 to
        R10 of Zhang. A step from e to c is possible where the mark at c is no arrowhead: e ← c, e ←o c, e o–o c, and
        both ways for e ↔ c. Score: x = (1 - d) / N + d Pᵀ x with P[e, c] = 1 / (possible causes of e).

    Inputs: metrics (T × N), each signal in any unit: only correlations count. Gaps are filled with the last value or
        the median.

    Parameters: `alpha`: 0.05, the level of each test (the paper leaves it open; causal-learn's default); `damping`:
        0.85, d, the paper's.

    Fails when: signals are related non-linearly or with lags longer than a sample, when samples are autocorrelated
        (the tests then keep edges too many), and with few samples: each wrong test can turn many marks. PageRank does
        not know which signals are in trouble: a cause of many healthy signals scores too. NoRanking without edges,
        with fewer than 8 samples or 2 signals that vary. Also no ranking when the tests would exceed the budget,
        known before they are made.

    Cost: as PC, plus the sets out of Possible-D-Sep, which can be most of N. Bounded by
        `methods.graph.skeleton.TEST_BUDGET`: when the next size of set does not fit, the search stops and says so.
        PageRank is one linear system, O(N³).

    Reference: Spirtes, Meek & Richardson, Causal inference in the presence of latent variables and selection bias,
        UAI 1995; Zhang, On the completeness of orientation rules for causal discovery in the presence of latent
        confounders and selection bias, Artificial Intelligence 172, 2008; Page, Brin, Motwani & Winograd, The
        PageRank citation ranking: bringing order to the web, Stanford, 1999.

    Deviations: no selection bias (R5 to R7 are left out). Possible-D-Sep is found for all pairs before edges are
        taken out, so that the order of signals has no say. The public code lets an edge x o→ y be walked from x to y,
        from a possible cause to its effect, but a sure edge x → y from effect to cause; here every edge is walked
        from effect to possible cause. Copies of a signal are merged and share its score. All signals take part in
        PageRank; the public code leaves out those without an edge, and so shifts the scores against the names. An
        empty graph is no ranking; the public code returns the order of columns.
    """

    name = "fci_pagerank"

    def __init__(self, alpha: float = 0.05, damping: float = 0.85) -> None:
        super().__init__(Fci(alpha), PageRank(damping))
