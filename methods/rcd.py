"""RCD: a hierarchical search for the signals that the fault acts on directly."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from cluster.incident.model import Incident
from cluster.text.quantities import number
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_signals
from methods.answer.types import Explanation, Family, Method, NoRanking, Outcome, Reason, Step, Table
from methods.answer.wording import counted
from methods.telemetry.discretize import natural_bins
from methods.telemetry.matrix import SignalMatrix, halves, prepare

Codes = NDArray[np.int64]

_SHOWN = 8
_UNRANKED = "the tests find no signal of theirs that the fault acts on directly"


class Rcd(Method):
    """RCD: root cause discovery as the search for the targets of an unknown intervention.

    Idea:
        A fault is an intervention on a few signals, marked by an indicator F that is 0 before the onset and 1 after it.
        Signals that depend on F given any subset of the others are its direct targets. To need few tests, the search
        runs in random chunks, keeps the dependent signals of each, and repeats until a handful remains. Only these are
        ordered.

    Formula:
        x is a neighbour of F at level α when no subset S of the other neighbours gives p(x ⟂ F | S) > α in a chi-square
        test on x in 5 bins. α grows in steps. score = (number of levels from the first at which x is a neighbour) + 1 -
        p at that level.

    Inputs:
        Metrics (T × N), each signal in any unit. The onset, with at least 5 samples on each side. Gaps are filled with
        the last value or the median.

    Parameters:
        chunk: signals that are searched together, 5 (γ in the paper).
        bins: of the discretisation, 5.
        alpha_chunk: first level of the search in chunks, 0.01.
        alpha_rank: first level of the ranking, 0.001.
        alpha_step: increase of the level in both, 0.1.

    Fails when:
        Samples are few: strata of the conditional tests are empty, and everything looks independent. Several signals of
        one component change alike: given one, the others look independent, and chance decides.

        NoRanking without an onset, with fewer than 5 samples on one side of it, and when no signal depends on F.

    Cost:
        O(N/chunk · chunk · 2^chunk) tests of O(T), about 80 for each chunk. `rng` draws the chunks.

    Reference:
        Ikram et al., Root Cause Analysis of Failures in Microservices through Causal Discovery, NeurIPS 2022.

    Deviations:
        Signals that are constant on one side are kept: a counter that starts to move is the clearest evidence. At each
        depth the signal with the largest p-value is tested first, so the order of columns does not matter. Chunks are
        drawn from an order that depends on neither names nor units. The public code draws its chunks unseeded.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.rcd import Rcd
        >>> ranking = Rcd().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1']
        >>> print(ranking.explanation.steps[2].claim)
        It depends on the fault indicator with p = 1.93e-22 at most, given no other signal. Score 11: 10
        levels and 1 less p.
    """

    name: ClassVar[str] = "rcd"
    family: ClassVar[Family] = Family.METRIC

    def __init__(
        self,
        chunk: int = 5,
        bins: int = 5,
        alpha_chunk: float = 0.01,
        alpha_rank: float = 0.001,
        alpha_step: float = 0.1,
    ) -> None:
        self.chunk = chunk
        self.bins = bins
        self.alpha_chunk = alpha_chunk
        self.alpha_rank = alpha_rank
        self.alpha_step = alpha_step

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        matrix, twins = prepare(incident, fill=True).varying().unique()
        sides = halves(matrix, incident.onset, least_before=5, least_after=5)
        if isinstance(sides, NoRanking):
            return sides
        late = np.zeros(matrix.samples, dtype=np.int64)
        late[sides[0].samples :] = 1
        codes = np.column_stack([natural_bins(column, self.bins) for column in matrix.standardized().T])
        search = _Search(codes, late)

        survivors = list(range(matrix.signals))
        rounds = []
        while len(survivors) > self.chunk:
            shuffled = [survivors[i] for i in rng.permutation(len(survivors))]
            chunks = [shuffled[i : i + self.chunk] for i in range(0, len(shuffled), self.chunk)]
            kept = sorted(itertools.chain.from_iterable(self._first_neighbours(search, chunk) for chunk in chunks))
            rounds.append((len(survivors), len(kept)))
            if len(kept) == len(survivors):
                break
            survivors = kept
        levels = self._levels(search, survivors)
        if not levels:
            return NoRanking(
                Reason.NOT_APPLICABLE, "no signal depends on the fault indicator (before or after the onset)"
            )
        scores = {twin: join.score for position, join in levels.items() for twin in twins[position]}
        explanation = Explanation(self._steps(matrix, sides[1], search, rounds, levels))
        return caveats_for(by_signals(scores, explanation), incident, unranked_as=_UNRANKED)

    def _first_neighbours(self, search: _Search, chunk: Sequence[int]) -> list[int]:
        """Neighbours of the indicator at the smallest level that leaves one; none when all are independent of it."""
        alpha = self.alpha_chunk
        while alpha < 1.0:
            found = search.neighbours(chunk, alpha)
            if found:
                return sorted(found)
            alpha += self.alpha_step
        return []

    def _levels(self, search: _Search, survivors: Sequence[int]) -> dict[int, _Join]:
        """For each neighbour found at any level: how it was found at the first one."""
        steps = np.concatenate([[self.alpha_rank], np.arange(self.alpha_rank + self.alpha_step, 1.0, self.alpha_step)])
        joined: dict[int, _Join] = {}
        for index, alpha in enumerate(steps):
            for position, (p, given) in search.neighbours(survivors, float(alpha)).items():
                joined.setdefault(position, _Join(len(steps) - index, p, given))
        return joined

    def _steps(
        self,
        matrix: SignalMatrix,
        after: SignalMatrix,
        search: _Search,
        rounds: list[tuple[int, int]],
        levels: dict[int, _Join],
    ) -> tuple[Step, ...]:
        start, end = float(after.times[0]), float(after.times[-1])
        course = ", ".join(f"{of} to {left}" for of, left in rounds) or "all of them at once"
        ordered = sorted(levels.items(), key=lambda item: (-item[1].levels, item[1].p))
        rows = tuple((*matrix.keys[i], join.levels, join.p, join.score) for i, join in ordered)
        steps = [
            Step(
                "Search in chunks",
                f"The search tests {matrix.signals} signals in random chunks of {self.chunk} and keeps what depends on "
                f"the fault indicator: {course}.",
                {"signals": float(matrix.signals), "rounds": float(len(rounds)), "tests": float(len(search.tests))},
            ),
            Step(
                "Neighbours of the fault indicator",
                f"{counted(len(levels), 'neighbour')}: dependent on the fault indicator given any other signals. "
                f"The stricter the first level that finds a signal, the higher it ranks.",
                {"neighbours": float(len(levels))},
                table=Table(("component", "signal", "levels", "p", "score"), rows),
            ),
        ]
        for position, join in ordered[:_SHOWN]:
            key = matrix.keys[position]
            names = " and ".join(f"{matrix.keys[i][1]} of {matrix.keys[i][0]}" for i in join.given)
            steps.append(
                Step(
                    f"{key[1]} of {key[0]}",
                    f"It depends on the fault indicator with p = {number(join.p)} at most"
                    + (f", given {names}." if join.given else ", given no other signal.")
                    + f" Score {number(join.score)}: {counted(join.levels, 'level')} and 1 less p.",
                    {"p": join.p, "levels": float(join.levels), "score": join.score},
                    pointers=(matrix.pointer(key, start, end),),
                )
            )
        return tuple(steps)


@dataclass(frozen=True, slots=True)
class _Join:
    """At how many levels from the first on a signal counts as a neighbour; its largest p-value there, given what."""

    levels: int
    p: float
    given: tuple[int, ...]

    @property
    def score(self) -> float:
        return self.levels + 1.0 - self.p


@dataclass
class _Search:
    """Conditional independence tests between binned signals and the indicator; each result is kept."""

    codes: Codes
    late: Codes
    tests: dict[tuple[int, tuple[int, ...]], float] = field(default_factory=dict)

    def neighbours(self, columns: Sequence[int], alpha: float) -> dict[int, tuple[float, tuple[int, ...]]]:
        """Columns that no tested subset of the others separates from the indicator.

        Returns column -> the largest p-value of these tests, and the columns that were given in that one.
        """
        largest: dict[int, tuple[float, tuple[int, ...]]] = {c: (self.p_value(c, ()), ()) for c in columns}
        adjacent = [column for column in sorted(columns) if largest[column][0] <= alpha]
        depth = 1
        while len(adjacent) > depth:
            # The weakest first, removed at once: otherwise signals that all follow the indicator separate each other.
            for column in sorted(adjacent, key=lambda c: -largest[c][0]):
                others = [other for other in adjacent if other != column]
                for given in itertools.combinations(others, depth):
                    if (p := self.p_value(column, given)) > largest[column][0]:
                        largest[column] = p, given
                    if p > alpha:
                        adjacent.remove(column)
                        break
            depth += 1
        return {column: largest[column] for column in adjacent}

    def p_value(self, column: int, given: tuple[int, ...]) -> float:
        if (column, given) not in self.tests:
            self.tests[column, given] = _chi_square(self.codes[:, column], self.late, self.codes[:, list(given)])
        return self.tests[column, given]


def _chi_square(x: Codes, f: Codes, given: Codes) -> float:
    """p-value of x ⟂ f given the columns of `given`: Pearson's statistic and degrees of freedom summed over strata."""
    strata = np.unique(given, axis=0, return_inverse=True)[1].ravel() if given.shape[1] else np.zeros_like(x)
    counts = np.zeros((int(strata.max()) + 1, int(x.max()) + 1, 2))
    np.add.at(counts, (strata, x, f), 1.0)
    rows, columns = counts.sum(axis=2, keepdims=True), counts.sum(axis=1, keepdims=True)
    expected = rows * columns / counts.sum(axis=(1, 2), keepdims=True)
    some = expected > 0
    statistic = float((((counts - expected) ** 2)[some] / expected[some]).sum())
    freedom = float((((rows > 0).sum(axis=(1, 2)) - 1) * ((columns > 0).sum(axis=(1, 2)) - 1)).sum())
    return float(chi2.sf(statistic, freedom)) if freedom > 0 else 1.0
