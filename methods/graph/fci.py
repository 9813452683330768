"""The FCI algorithm: like PC, but common causes may be unmeasured.

Its graph is a PAG: an arrowhead at j says that j is no cause of i, a tail that it is one, a circle that the data do not
tell. No selection bias is assumed, so the rules for it (R5 to R7) are not used.

Reference: Spirtes, Meek & Richardson, Causal inference in the presence of latent variables and selection bias, UAI
1995; the rules R1 to R4 and R8 to R10: Zhang, On the completeness of orientation rules for causal discovery in the
presence of latent confounders and selection bias, Artificial Intelligence 172, 2008.
"""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from methods.graph import skeleton
from methods.graph.fci_rules import Rules
from methods.graph.mixed import Bools, Mark, Marks, undirected
from methods.graph.orientation import unshielded_triples
from methods.graph.skeleton import Separation, Skeleton
from methods.telemetry.matrix import Floats


@dataclass(frozen=True, eq=False)
class Pag:
    """The equivalence class of graphs with hidden causes that fits the tests.

    Attributes:
        marks: (N, N), see `methods.graph.mixed`.
        skeleton: the tests behind it, both stages.
        beyond_neighbours: the pairs that only the second stage separates.
    """

    marks: Marks
    skeleton: Skeleton
    beyond_neighbours: tuple[tuple[int, int], ...]


def fci(correlation: Floats, samples: int, alpha: float = 0.05, *, budget: int = skeleton.TEST_BUDGET) -> Pag:
    """FCI over N signals from their correlation matrix; arguments and errors as in `methods.graph.pc.pc`."""
    first = skeleton.search(correlation, samples, alpha, budget=budget)
    found, removed = _beyond_neighbours(correlation, first, alpha, budget)
    marks = colliders(found.adjacent, found.unions)
    Rules(marks, found.unions).run()
    return Pag(marks, found, removed)


def colliders(adjacent: Bools, unions: Bools) -> Marks:
    """R0: circles everywhere, arrowheads into the middle of each unshielded collider."""
    marks = undirected(adjacent, Mark.CIRCLE)
    for x, y, z in unshielded_triples(adjacent):
        if not unions[x, z, y]:
            marks[x, y] = marks[z, y] = Mark.ARROW
    return marks


def possible_separators(marks: Marks) -> Bools:
    """(N, N): Possible-D-Sep. True at [x, v] when a path leads from x to v on which each inner node is a collider or
    forms a triangle with its neighbours on the path."""
    n = len(marks)
    # Lists: single cells are looked at, which arrays are slow at.
    adjacent = (marks != Mark.NONE).tolist()
    arrow = (marks == Mark.ARROW).tolist()
    around = [np.nonzero(row)[0].tolist() for row in adjacent]
    found = np.zeros((n, n), dtype=np.bool_)
    for x in range(n):
        seen = {(x, b) for b in around[x]}
        queue = deque(seen)
        while queue:
            a, b = queue.popleft()
            found[x, b] = True
            for c in around[b]:
                if c in (a, x) or (b, c) in seen:
                    continue
                if adjacent[a][c] or (arrow[a][b] and arrow[c][b]):
                    seen.add((b, c))
                    queue.append((b, c))
    return found


def _beyond_neighbours(
    correlation: Floats, first: Skeleton, alpha: float, budget: int
) -> tuple[Skeleton, tuple[tuple[int, int], ...]]:
    """Test the remaining edges given sets that reach past the neighbours, while the budget lasts.

    The candidates for the sets are found once, before any edge is removed, so the order of columns does not matter.
    Sets of one were tested with the neighbours: a single separating node can always be found there.
    """
    candidates = possible_separators(colliders(first.adjacent, first.unions))
    adjacent = first.adjacent
    unions = first.unions.copy()
    separations = dict(first.separations)
    removed: list[tuple[int, int]] = []
    tests, unfinished, depth = first.tests, first.unfinished, first.depth
    matrix = np.ascontiguousarray(correlation)
    n = len(matrix)
    size = 1
    while True:
        size += 1
        # A signal whose candidates are just its neighbours has had all of its tests.
        open_ends = np.asarray(np.any(candidates & ~adjacent, axis=1) & np.any(adjacent, axis=1), dtype=np.bool_)
        around = candidates & open_ends[:, None]
        counts = around.sum(axis=1)
        if counts.max(initial=0) - 1 < size or first.samples - size - 3 <= 0:
            break
        needed = sum(math.comb(int(m), size) * int(m) for m in counts if m > size)
        if tests + needed > budget:
            unfinished = unfinished or needed
            break
        bound = skeleton.threshold(alpha, first.samples, size)
        weakest = np.full((n, n), np.inf)
        witness = np.full((n, n, size), -1, dtype=np.int32)
        tests += skeleton.test_depth(
            matrix, around, adjacent & around, size, bound, skeleton.SINGULAR, weakest, witness, unions
        )
        separated = np.isfinite(weakest)
        for x, y in np.argwhere(np.triu(separated, 1)).tolist():
            separations[x, y] = Separation(tuple(witness[x, y].tolist()), float(weakest[x, y]), bound)
            removed.append((x, y))
        adjacent = adjacent & ~separated
        depth = max(depth, size)
    whole = dataclasses.replace(
        first,
        adjacent=adjacent,
        unions=unions,
        separations=separations,
        tests=tests,
        depth=depth,
        unfinished=unfinished,
    )
    return whole, tuple(removed)
