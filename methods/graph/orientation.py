"""From a skeleton to directions: unshielded colliders, then Meek's rules.

Reference: Meek, Causal inference and causal explanation with background knowledge, UAI 1995.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from methods.graph.mixed import Bools, Mark, Marks, parents, undirected


def unshielded_triples(adjacent: Bools) -> Iterator[tuple[int, int, int]]:
    """(x, y, z) with x < z, both adjacent to y and not to each other, ordered by y, then x, then z."""
    for y, row in enumerate(adjacent):
        for x, z in itertools.combinations(np.nonzero(row)[0].tolist(), 2):
            if not adjacent[x, z]:
                yield x, y, z


def orient(adjacent: Bools, unions: Bools) -> Marks:
    """The CPDAG of a skeleton: (N, N) marks, TAIL at both ends of what stays undirected.

    Args:
        adjacent: (N, N) symmetric.
        unions: (N, N, N), [x, z, y] is True where y is in the separating set of x and z.

    Two colliders that direct one edge both ways contradict each other: the edge gets an arrowhead at both ends. What
    Meek's rules direct both ways, or into a cycle, stays undirected. So the order of the columns does not matter.
    """
    marks = undirected(adjacent, Mark.TAIL)
    for x, y, z in unshielded_triples(adjacent):
        if not unions[x, z, y]:
            marks[x, y] = marks[z, y] = Mark.ARROW
    _meek(marks, adjacent)
    return marks


def _meek(marks: Marks, adjacent: Bools) -> None:
    """Direct, in place, what follows from the colliders: no new collider (rules 1 and 3), no cycle (rule 2)."""
    refused = np.zeros_like(adjacent)
    while True:
        into = parents(marks)
        loose = (marks == Mark.TAIL) & (marks.T == Mark.TAIL)
        fresh = np.zeros_like(adjacent)
        for j, k in zip(*np.nonzero(loose & ~refused), strict=True):
            fresh[j, k] = _follows(into, loose, adjacent, j, k)
        refused |= fresh & fresh.T
        fresh &= ~fresh.T
        both = into | fresh
        for j, k in zip(*np.nonzero(fresh), strict=True):
            if _reaches(both, k, j):
                refused[j, k] = True
        fresh &= ~refused
        if not fresh.any():
            return
        marks[fresh] = Mark.ARROW


def _follows(into: Bools, loose: Bools, adjacent: Bools, j: int, k: int) -> bool:
    """Whether one of Meek's rules 1 to 3 directs j → k."""
    if np.any(into[:, j] & ~adjacent[:, k] & (np.arange(len(into)) != k)):
        return True
    if np.any(into[j] & into[:, k]):
        return True
    between = np.nonzero(loose[j] & into[:, k])[0]
    return len(between) > 1 and not bool(np.all(adjacent[np.ix_(between, between)] | np.eye(len(between), dtype=bool)))


def _reaches(into: Bools, start: int, goal: int) -> bool:
    """Whether a directed path leads from start to goal."""
    seen = np.zeros(len(into), dtype=np.bool_)
    seen[start] = True
    frontier = seen
    while not seen[goal]:
        frontier = np.any(into[frontier], axis=0) & ~seen
        if not frontier.any():
            return False
        seen = seen | frontier
    return True
