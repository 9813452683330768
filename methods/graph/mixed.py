"""A graph whose edges carry a mark at either end: directed, undirected, bidirected or undetermined.

`marks[i, j]` is the mark at j of the edge between i and j, `Mark.NONE` where there is no edge:

    i → j    marks[i, j] = ARROW, marks[j, i] = TAIL
    i — j    TAIL at both ends (a PC edge of unknown direction)
    i ↔ j    ARROW at both ends (a common cause that was not measured)
    i o→ j   marks[i, j] = ARROW, marks[j, i] = CIRCLE (i causes j, or they have a common cause)
    i o–o j  CIRCLE at both ends
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from methods.answer.types import Graph, GraphEdge
from methods.telemetry.matrix import Floats

Marks: TypeAlias = NDArray[np.int8]
Bools: TypeAlias = NDArray[np.bool_]


class Mark(IntEnum):
    NONE = 0
    CIRCLE = 1
    ARROW = 2
    TAIL = 3


_WORDS = {
    (Mark.TAIL, Mark.TAIL): "undirected",
    (Mark.ARROW, Mark.ARROW): "bidirected",
    (Mark.CIRCLE, Mark.CIRCLE): "undetermined",
    (Mark.CIRCLE, Mark.ARROW): "partly directed",
    (Mark.CIRCLE, Mark.TAIL): "partly undirected",
    (Mark.TAIL, Mark.CIRCLE): "partly undirected",
    (Mark.TAIL, Mark.ARROW): "",
}


def undirected(adjacent: Bools, mark: Mark) -> Marks:
    """The same mark at both ends of every edge of a symmetric (N, N) adjacency."""
    return np.where(adjacent, np.int8(mark), np.int8(Mark.NONE))


def directed(causes: Bools) -> Marks:
    """Marks of a directed graph in which `causes[i, j]` says i → j; both ways is an undirected edge."""
    marks = np.zeros(causes.shape, dtype=np.int8)
    marks[causes | causes.T] = Mark.TAIL
    marks[causes & ~causes.T] = Mark.ARROW
    return marks


def parents(marks: Marks) -> Bools:
    """(N, N): True at [i, j] where i → j for certain."""
    found: Bools = (marks == Mark.ARROW) & (marks.T == Mark.TAIL)
    return found


def effect_to_cause(marks: Marks) -> Bools:
    """(N, N): True at [e, c] where a walk that looks for causes may step from e to c.

    That is wherever c may be a cause of e: the mark at c is no arrowhead (so an undirected or undetermined edge is
    walked both ways, o→ only against its arrow). A bidirected edge is walked both ways too: the common cause behind it
    was not measured and may be part of either end's component.
    """
    present = marks != Mark.NONE
    arrow = marks == Mark.ARROW
    steps: Bools = present & (~arrow | (arrow & arrow.T))
    return steps


def as_graph(marks: Marks, names: Sequence[str], weights: Floats, relevance: Floats, limit: int = 40) -> Graph:
    """The `limit` most relevant edges as a `Graph` with their end nodes.

    Args:
        marks: (N, N).
        names: N node names.
        weights: (N, N) symmetric, what each edge weighs.
        relevance: (N,) how much each node matters; an edge matters as much as both of its ends together.
    """
    first, second = np.nonzero(np.triu(marks != Mark.NONE, 1))
    order = np.lexsort((-weights[first, second], -(relevance[first] + relevance[second])))[:limit]
    edges = []
    for i, j in zip(first[order].tolist(), second[order].tolist(), strict=True):
        if marks[j, i] == Mark.ARROW and marks[i, j] != Mark.ARROW:
            i, j = j, i
        word = _WORDS[Mark(marks[j, i]), Mark(marks[i, j])]
        edges.append(GraphEdge(names[i], names[j], float(weights[i, j]), word))
    nodes = sorted({edge.cause for edge in edges} | {edge.effect for edge in edges})
    return Graph(tuple(nodes), tuple(edges))
