"""Two runs over the same cases, compared case by case: what a change in the telemetry did to AC@1."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from methods.evaluation.evaluate import Record
from methods.evaluation.measures import interval, score


@dataclass(frozen=True, slots=True)
class Difference:
    """AC@1 before and after, and what was lost: the mean over cases of before less after.

    `low` and `high` bound the loss: a 95 % bootstrap interval over cases, of the differences, not of the two means.
    """

    cases: int
    before: float
    after: float
    cost: float
    low: float
    high: float


def hits(records: Sequence[Record], true: Mapping[str, Collection[str]]) -> dict[str, float]:
    """AC@1 of each case, the mean over the methods that answered on it; `true` has a case's faulty components."""
    scores: dict[str, list[float]] = {}
    for record in records:
        scores.setdefault(record.case, []).append(score(record.places, true[record.case]).ac[0])
    return {case: fmean(values) for case, values in scores.items()}


def difference(before: Mapping[str, float], after: Mapping[str, float]) -> Difference:
    """Of the cases that both have."""
    both = sorted(before.keys() & after.keys())
    if not both:
        return Difference(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    losses = [before[case] - after[case] for case in both]
    low, high = interval(losses)
    return Difference(
        len(both), fmean(before[case] for case in both), fmean(after[case] for case in both), fmean(losses), low, high
    )
