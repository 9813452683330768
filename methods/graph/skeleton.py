"""Which signals depend on each other given any others: the skeleton search of PC and FCI, compiled.

Two signals lose their edge when some set S of their neighbours separates them: |ρ(x, y | S)| is below what T samples
of independent signals show with probability 1 - α. Fisher's z says that this bound is tanh(z / sqrt(T - |S| - 3)) with
z the normal quantile of 1 - α/2, so no p-value is ever computed. Partial correlations come from elimination on the
correlation matrix: the sets S are walked in lexicographic order, and what two sets share is eliminated once. One pass
over S tests x against all of its neighbours outside S.

The search is the stable one (Colombo & Maathuis, JMLR 2014): neighbourhoods are frozen at each depth, so the result
does not depend on the order of the columns. All sets at a depth are tested, and the separating set of a pair is the
union of all sets at that depth that separate it.

A signal that S determines (residual variance below `SINGULAR`) is not tested given S: a deterministic relation says
nothing of dependence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numba
import numpy as np

from cluster.text.quantities import number
from methods.graph.mixed import Bools
from methods.telemetry.matrix import Floats

SINGULAR = 1e-9
TEST_BUDGET = 20_000_000


class TooManyTests(Exception):
    """The search would need more tests than it may do; `needed` of them at depth `depth`."""

    def __init__(self, signals: int, depth: int, needed: int, budget: int) -> None:
        super().__init__(
            f"{number(signals)} metrics would need {number(needed)} independence tests of depth {depth}, "
            f"the limit is {number(budget)}: choose fewer metrics"
        )
        self.depth = depth
        self.needed = needed


@dataclass(frozen=True, eq=False)
class Separation:
    """Why a pair has no edge: of the sets that separate it, the one that leaves the smallest correlation."""

    given: tuple[int, ...]
    correlation: float
    threshold: float


@dataclass(frozen=True, eq=False)
class Skeleton:
    """What the search found among N signals.

    Attributes:
        adjacent: (N, N) symmetric.
        unions: (N, N, N): [x, y, s] is True where s is in the separating set of x and y.
        separations: for x < y without an edge.
        tests: how many independence tests were made.
        depth: the largest number of conditioning signals tested; -1 when there was nothing to test.
        unfinished: how many tests the next depth would have needed when the search stopped for its budget, else 0.
        samples: T of the tests.
    """

    adjacent: Bools
    unions: Bools
    separations: dict[tuple[int, int], Separation]
    tests: int
    depth: int
    unfinished: int
    samples: int


def threshold(alpha: float, samples: int, conditioned: int) -> float:
    """The |partial correlation| at or above which two signals are dependent at level `alpha`; 1.0 without freedom left.

    Args:
        alpha: level of the two-sided test, in (0, 1).
        samples: T.
        conditioned: |S|, the number of signals conditioned on.
    """
    freedom = samples - conditioned - 3
    if freedom <= 0:
        return 1.0
    return math.tanh(NormalDist().inv_cdf(1 - alpha / 2) / math.sqrt(freedom))


def search(
    correlation: Floats, samples: int, alpha: float, *, max_depth: int | None = None, budget: int = TEST_BUDGET
) -> Skeleton:
    """The skeleton over N signals.

    Args:
        correlation: (N, N), finite, ones on the diagonal.
        samples: T, the samples that the correlation was computed from.
        alpha: level of each test.
        max_depth: the largest number of conditioning signals, None for no limit.
        budget: how many tests may be made. When the next depth does not fit the search stops and says so in
            `unfinished`.

    Raises:
        TooManyTests: not even one conditioning signal fits the budget. Known before any of these tests is made.
    """
    n = len(correlation)
    tests = n * (n - 1) // 2
    if tests > budget or n**3 > 8 * budget:
        raise TooManyTests(n, 1, n * (n - 1) * (n - 2), budget)
    unions = np.zeros((n, n, n), dtype=np.bool_)
    separations: dict[tuple[int, int], Separation] = {}
    bound = threshold(alpha, samples, 0)
    adjacent: Bools = np.abs(correlation) >= bound
    np.fill_diagonal(adjacent, False)
    for x, y in np.argwhere(np.triu(~adjacent, 1)).tolist():
        separations[x, y] = Separation((), float(correlation[x, y]), bound)
    depth = 0 if n > 1 else -1
    matrix = np.ascontiguousarray(correlation)
    unfinished = 0
    while depth >= 0 and (max_depth is None or depth < max_depth):
        following = depth + 1
        degrees = adjacent.sum(axis=0)
        if degrees.max() - 1 < following or samples - following - 3 <= 0:
            break
        needed = tests_at(degrees.tolist(), following)
        if tests + needed > budget:
            if following == 1:
                raise TooManyTests(n, following, needed, budget)
            unfinished = needed
            break
        bound = threshold(alpha, samples, following)
        weakest = np.full((n, n), np.inf)
        witness = np.full((n, n, following), -1, dtype=np.int32)
        tests += test_depth(matrix, adjacent, adjacent, following, bound, SINGULAR, weakest, witness, unions)
        separated = np.isfinite(weakest)
        adjacent = adjacent & ~separated
        for x, y in np.argwhere(np.triu(separated, 1)).tolist():
            separations[x, y] = Separation(tuple(witness[x, y].tolist()), float(weakest[x, y]), bound)
        depth = following
    return Skeleton(adjacent, unions, separations, tests, depth, unfinished, samples)


def tests_at(degrees: list[int], depth: int) -> int:
    """How many tests one depth takes: for each signal and each set of `depth` neighbours, all neighbours outside it."""
    return sum(math.comb(degree, depth) * (degree - depth) for degree in degrees if degree > depth)


def _compiled(function: Any) -> Any:
    return numba.njit(cache=True, nogil=True)(function)


@_compiled
def test_depth(
    correlation: Any,
    around: Any,
    tested: Any,
    depth: int,
    bound: float,
    singular: float,
    weakest: Any,
    witness: Any,
    unions: Any,
) -> int:
    """Test each x against each y given every set of `depth` signals around x; see `search`.

    `around[x]` marks the signals that the sets are made of, `tested[x]`, which is within it, the y. Writes, for pairs
    that some set separates, the smallest |partial correlation| with its sign into `weakest` (infinite until then), that
    set into `witness`, and the union of all separating sets into `unions`. Returns the number of tests.

    At step l of the elimination `column[l, j]` is what chosen[l] still shares with j given the steps before it, divided
    by its own standard deviation, and `left[l, j]` is the variance of j that the steps before l leave. Index m is x
    itself, `shared[l, j]` what x and j still share. The y come first; the last step is made for them alone.
    """
    n = correlation.shape[0]
    tests = 0
    member = np.empty(n, dtype=np.int64)
    between = np.empty((n, n))
    chosen = np.empty(depth, dtype=np.int64)
    column = np.empty((depth, n + 1))
    left = np.empty((depth + 1, n + 1))
    shared = np.empty((depth + 1, n))
    for x in range(n):
        wanted = 0
        for j in range(n):
            if around[x, j] and tested[x, j]:
                member[wanted] = j
                wanted += 1
        m = wanted
        for j in range(n):
            if around[x, j] and not tested[x, j]:
                member[m] = j
                m += 1
        if m - 1 < depth or wanted == 0:
            continue
        for j in range(m):
            left[0, j] = 1.0
            shared[0, j] = correlation[x, member[j]]
            for k in range(m):
                between[j, k] = correlation[member[j], member[k]]
        left[0, m] = 1.0
        for level in range(depth):
            chosen[level] = level
        level = 0
        while True:
            determined = -1
            for step in range(level, depth):
                s = chosen[step]
                if left[step, s] < singular:
                    determined = step
                    break
                scale = 1.0 / math.sqrt(left[step, s])
                reached = wanted if step == depth - 1 else m
                for j in range(reached):
                    column[step, j] = between[s, j]
                for k in range(step):
                    factor = column[k, s]
                    for j in range(reached):
                        column[step, j] -= factor * column[k, j]
                for j in range(reached):
                    column[step, j] *= scale
                    left[step + 1, j] = left[step, j] - column[step, j] * column[step, j]
                column[step, m] = shared[step, s] * scale
                left[step + 1, m] = left[step, m] - column[step, m] * column[step, m]
                for j in range(reached):
                    shared[step + 1, j] = shared[step, j] - column[step, m] * column[step, j]
            if determined < 0 and left[depth, m] >= singular:
                position = 0
                for j in range(wanted):
                    while position < depth and chosen[position] < j:
                        position += 1
                    if position < depth and chosen[position] == j:
                        continue
                    y = member[j]
                    tests += 1
                    if left[depth, j] < singular:
                        continue
                    partial = shared[depth, j] / math.sqrt(left[depth, j] * left[depth, m])
                    if abs(partial) >= bound:
                        continue
                    if abs(partial) < abs(weakest[x, y]):
                        weakest[x, y] = partial
                        weakest[y, x] = partial
                        for k in range(depth):
                            witness[x, y, k] = member[chosen[k]]
                            witness[y, x, k] = member[chosen[k]]
                    for k in range(depth):
                        unions[x, y, member[chosen[k]]] = True
                        unions[y, x, member[chosen[k]]] = True
            # The next set in lexicographic order; past every set that begins like a singular one.
            level = depth - 1 if determined < 0 else determined
            while level >= 0 and chosen[level] == m - depth + level:
                level -= 1
            if level < 0:
                break
            chosen[level] += 1
            for k in range(level + 1, depth):
                chosen[k] = chosen[k - 1] + 1
    return tests
