"""How good an answer was: AC@k, Avg@5, MRR of a ranking, and what guessing would give; names and probabilities.

Ties. A ranking that ties components does not say which comes first, so its score is the mean over all orders of the
tie: a true component in a group of g at the ranks r .. r + g - 1 is among the first k with probability
clamp((k - r + 1) / g, 0, 1). Where several components are true, the best placed counts, as in the study. A true
component that a method does not rank, or a method that has no ranking, is a miss: 0 in every measure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from statistics import fmean

import numpy as np

from methods.answer.ranking import Places

DEPTH = 5


@dataclass(frozen=True, slots=True)
class Score:
    """Of one ranking. `ac` holds AC@1 .. AC@5, `mrr` the expected 1 / rank."""

    ac: tuple[float, ...]
    mrr: float

    @property
    def avg(self) -> float:
        """Avg@5: the mean of AC@1 .. AC@5."""
        return sum(self.ac) / len(self.ac)


MISS = Score((0.0,) * DEPTH, 0.0)


def score(places: Places | None, true: Collection[str]) -> Score:
    """Score (component, rank) pairs, None for no ranking, against the ids of the faulty components."""
    hits = [rank for component, rank in places or () if component in true]
    if not hits:
        return MISS
    rank = min(hits)
    group = sum(other == rank for _, other in places or ())
    return _expected(rank, group, hits.count(rank))


def guessing(candidates: int, true: int = 1) -> Score:
    """Expected score of a uniformly random order of the candidates, computed and not drawn."""
    if true < 1 or candidates < true:
        return MISS
    return _expected(1, candidates, true)


def _expected(rank: int, group: int, good: int) -> Score:
    """The best of `good` true components, anywhere in a tie of `group` that begins at `rank`."""
    # first[j]: it stands at place j (from 0) of the tie.
    first = [comb(group - j - 1, good - 1) / comb(group, good) for j in range(group)]
    ac = tuple(min(1.0, sum(first[: max(0, k - rank + 1)])) for k in range(1, DEPTH + 1))
    return Score(ac, sum(share / (rank + j) for j, share in enumerate(first)))


def set_score(named: Collection[str], true: Collection[str]) -> float:
    """F1 of the named components, 0 where a faulty one is not among them.

    Where no component is faulty, 1 for naming nobody and 0 for naming somebody.
    """
    hits = set(named) & set(true)
    if not true:
        return float(not named)
    if len(hits) < len(set(true)):
        return 0.0
    precision = len(hits) / len(set(named))
    return 2 * precision / (precision + 1)


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of like probability: how many, their mean probability, and the share of them that was right."""

    count: int
    probability: float
    right: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """`bins` by rising probability, empty ones left out; `error` is the expected calibration error, 0 to 1."""

    bins: tuple[Bin, ...]
    error: float


def calibration(answers: Sequence[tuple[float, bool]], bins: int = 10) -> Calibration:
    """Compare (probability of an answer, whether it was right) pairs, in `bins` of equal width.

    The expected calibration error is the mean of |probability - share right| over the bins, weighted by their answers
    (Naeini, Cooper, Hauskrecht, AAAI 2015).
    """
    groups: dict[int, list[tuple[float, bool]]] = {}
    for probability, right in answers:
        groups.setdefault(min(int(probability * bins), bins - 1), []).append((probability, right))
    found = tuple(
        Bin(len(some), fmean(p for p, _ in some), fmean(float(right) for _, right in some))
        for _, some in sorted(groups.items())
    )
    error = sum(b.count * abs(b.probability - b.right) for b in found) / len(answers) if answers else 0.0
    return Calibration(found, error)


def interval(values: Sequence[float], *, level: float = 0.95, replicates: int = 2000) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean over cases; the same values always give the same interval."""
    if not values:
        return 0.0, 0.0
    sample = np.sort(np.asarray(values, dtype=np.float64))  # they come in the order in which workers finish
    rng = np.random.default_rng(0)
    means = rng.choice(sample, size=(replicates, len(sample)), replace=True).mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure of the same cases before and after a change, and the loss: the mean over cases of before less after.

    `low` and `high` are the 95 % bootstrap interval of the loss, over cases.
    """

    cases: int
    before: float
    after: float
    loss: float
    low: float
    high: float


def difference(before: Mapping[str, float], after: Mapping[str, float]) -> Difference:
    """Compare values by case id, over the cases that both have."""
    both = sorted(before.keys() & after.keys())
    if not both:
        return Difference(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    losses = [before[case] - after[case] for case in both]
    low, high = interval(losses)
    first, second = (fmean(values[case] for case in both) for values in (before, after))
    return Difference(len(both), first, second, fmean(losses), low, high)
