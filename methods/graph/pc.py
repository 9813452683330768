"""The PC algorithm: a skeleton by conditional independence, colliders, Meek's rules.

Reference: Spirtes & Glymour, An algorithm for fast recovery of sparse causal graphs, Social Science Computer Review
9(1), 1991; the stable form is of Colombo & Maathuis, JMLR 15, 2014.
"""

from __future__ import annotations

from dataclasses import dataclass

from methods.graph import orientation, skeleton
from methods.graph.mixed import Bools, Marks, parents
from methods.graph.skeleton import Skeleton
from methods.telemetry.matrix import Floats


@dataclass(frozen=True, eq=False)
class Cpdag:
    """The equivalence class of graphs that fits the tests.

    Attributes:
        marks: (N, N), see `methods.graph.mixed`; directed and undirected edges only.
        skeleton: the tests behind it.
    """

    marks: Marks
    skeleton: Skeleton

    @property
    def parents(self) -> Bools:
        """(N, N): True at [i, j] where i → j for certain. Undirected edges are in neither direction."""
        return parents(self.marks)


def pc(
    correlation: Floats,
    samples: int,
    alpha: float = 0.05,
    *,
    max_depth: int | None = None,
    budget: int = skeleton.TEST_BUDGET,
) -> Cpdag:
    """PC over N signals from their correlation matrix.

    Args:
        correlation: (N, N), finite, ones on the diagonal. Perfectly correlated signals are allowed; they stay adjacent.
        samples: T, the samples that the correlation was computed from.
        alpha: level of each Fisher-z test.
        max_depth: the largest number of conditioning signals, None for no limit.
        budget: how many independence tests may be made; see `skeleton.search` for what happens beyond.

    Raises:
        skeleton.TooManyTests: before the work starts, when N signals would need too many tests.
    """
    found = skeleton.search(correlation, samples, alpha, max_depth=max_depth, budget=budget)
    return Cpdag(orientation.orient(found.adjacent, found.unions), found)
