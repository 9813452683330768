"""Which signals depend directly on a variable from outside? A search around one context variable.

Nothing acts on the context, so every edge at it points away from it. Its neighbours are tested weakest first, given
sets of its other neighbours, and removed as soon as a set separates them. In the stable search of PC two signals that
change alike would shield each other, and leave the context without any edge. The order is that of |correlation|, not
that of columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from methods.graph import skeleton
from methods.graph.skeleton import Separation
from methods.telemetry.matrix import Floats


@dataclass(frozen=True, eq=False)
class Pointed:
    """What the context points to.

    Attributes:
        children: positions of the signals that nothing shields from the context, strongest correlation first.
        separations: for each other signal why it is none; `given` is empty where it does not change at all.
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
    """The signals that no set of other neighbours separates from the context.

    Args:
        correlation: (N + 1, N + 1), the context last.
        samples: T.
        alpha: level of each Fisher-z test.
        max_set: the largest number of conditioning signals.
        budget: of multiplications, about; when the next size of sets does not fit, the search stops there.
    """
    strength = np.abs(correlation[-1, :-1])
    bound = skeleton.threshold(alpha, samples, 0)
    separations = {int(i): Separation((), float(correlation[-1, i]), bound) for i in np.nonzero(strength < bound)[0]}
    left = [int(i) for i in np.argsort(strength, kind="stable") if strength[i] >= bound]
    tests = len(strength)
    spent = 0
    for depth in range(1, max_set + 1):
        bound = skeleton.threshold(alpha, samples, depth)
        for i in tuple(left):
            if len(left) <= depth or samples - depth - 3 <= 0:
                break
            spent += math.comb(len(left), depth) * len(left)
            if spent > budget:
                return Pointed(tuple(reversed(left)), separations, tests, depth)
            found, made = _separate(correlation, left, i, depth, bound)
            tests += made
            if found is not None:
                separations[i] = found
                left.remove(i)
    return Pointed(tuple(reversed(left)), separations, tests, 0)


def _separate(correlation: Floats, left: list[int], i: int, depth: int, bound: float) -> tuple[Separation | None, int]:
    """The set of `depth` others in `left` that leaves the least correlation of i with the context, if it separates."""
    chosen = [*left, len(correlation) - 1]
    small = np.ascontiguousarray(correlation[np.ix_(chosen, chosen)])
    n = len(chosen)
    context, own = n - 1, left.index(i)
    around = np.zeros((n, n), dtype=np.bool_)
    around[context, :context] = True
    tested = np.zeros((n, n), dtype=np.bool_)
    tested[context, own] = True
    weakest = np.full((n, n), np.inf)
    witness = np.full((n, n, depth), -1, dtype=np.int32)
    unions = np.zeros((n, n, n), dtype=np.bool_)
    made = skeleton.test_depth(small, around, tested, depth, bound, skeleton.SINGULAR, weakest, witness, unions)
    if not np.isfinite(weakest[context, own]):
        return None, made
    given = tuple(left[s] for s in witness[context, own])
    return Separation(given, float(weakest[context, own]), bound), made
