"""Which signals does a variable from outside act on directly? PC around one context variable.

Nothing acts on the context, so every edge at it points away from it. Two signals that change alike would shield each
other from it in the stable search, and leave it without any edge; so its neighbours are tested weakest first, and taken
out as soon as a set separates them. The order is that of |correlation|, not of columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from methods.graph import skeleton
from methods.graph.mixed import Bools, Floats
from methods.graph.skeleton import Separation


@dataclass(frozen=True, eq=False)
class Pointed:
    """Attributes:
    children: positions of the signals that nothing shields from the context, strongest correlation first.
    separations: for each other signal why it is shielded; `given` is empty where it does not change at all.
    tests: how many were made.
    unfinished: the number of conditioning signals at which the search stopped for its budget, else 0.
    """

    children: tuple[int, ...]
    separations: dict[int, Separation]
    tests: int
    unfinished: int


def children_of_context(
    correlation: Floats, samples: int, alpha: float, max_set: int, *, budget: int = skeleton.TEST_BUDGET
) -> Pointed:
    """The signals adjacent to the context.

    Args:
        correlation: (N + 1, N + 1), the context last.
        samples: T.
        alpha: level of each Fisher-z test.
        max_set: the largest number of conditioning signals: neighbours of the context, or of the signal tested.
        budget: of tests, for the signals among each other and for the context apart.

    Raises:
        skeleton.TooManyTests: before the work starts, when N is out of reach.
    """
    context = len(correlation) - 1
    among = skeleton.search(correlation[:-1, :-1], samples, alpha, max_depth=max_set, budget=budget)
    strength = np.abs(correlation[context, :-1])
    bound = skeleton.threshold(alpha, samples, 0)
    separations = {
        int(i): Separation((), float(correlation[context, i]), bound) for i in np.nonzero(strength < bound)[0]
    }
    left = [int(i) for i in np.argsort(strength, kind="stable") if strength[i] >= bound]
    matrix = np.ascontiguousarray(correlation)
    tests = among.tests + context
    for depth in range(1, max_set + 1):
        if samples - depth - 3 <= 0:
            break
        for i in tuple(left):
            around = _around(among.adjacent, left, i)
            needed = sum(math.comb(int(m), depth) * int(m) for m in around.sum(axis=1))
            if tests + needed > among.tests + budget:
                return Pointed(tuple(reversed(left)), separations, tests, depth)
            found, made = _separate(matrix, around, context, i, depth, skeleton.threshold(alpha, samples, depth))
            tests += made
            if found is not None:
                separations[i] = found
                left.remove(i)
    return Pointed(tuple(reversed(left)), separations, tests, 0)


def _around(adjacent: Bools, left: list[int], i: int) -> Bools:
    """(N + 1, N + 1) what the sets may be made of: for the context its neighbours, for signal i its own and it."""
    context = len(adjacent)
    around = np.zeros((context + 1, context + 1), dtype=np.bool_)
    around[context, left] = True
    around[i, :context] = adjacent[i]
    around[i, context] = True
    return around


def _separate(
    matrix: Floats, around: Bools, context: int, i: int, depth: int, bound: float
) -> tuple[Separation | None, int]:
    n = len(matrix)
    tested = np.zeros((n, n), dtype=np.bool_)
    tested[context, i] = tested[i, context] = True
    weakest = np.full((n, n), np.inf)
    witness = np.full((n, n, depth), -1, dtype=np.int32)
    made = skeleton.test_depth(
        matrix, around, tested, depth, bound, skeleton.SINGULAR, weakest, witness, np.zeros((n, n, n), dtype=np.bool_)
    )
    if not np.isfinite(weakest[context, i]):
        return None, made
    given = tuple(int(s) for s in witness[context, i])
    return Separation(given, float(weakest[context, i]), bound), made
