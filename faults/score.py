"""The score of a guess, from 0 to 100 points. docs/explanation/score.md gives the reason for each part.

    points = 50 F1 + 20 [fault] + 15 F1 max(0, 1 - t / limit) + 15 (1 - Brier) - hints, never below 0

F1 is the harmonic mean of precision and recall of the components that were named.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, FiniteFloat

from cluster.incident.truth import Truth

COMPONENTS, FAULT, SPEED, SURE = 50.0, 20.0, 15.0, 15.0
"""Points for each part, where it is perfect."""
Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
Positive = Annotated[FiniteFloat, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class Score:
    """How good a guess was.

    Attributes:
        precision: share of the named components that are faulty. It is the player's AC@1: the probability that the
            first of the named components, in any order, is faulty.
        recall: share of the faulty components that are named.
        f1: the harmonic mean of both. Where nobody is at fault, all three are 1 for naming nobody, else 0.
        right: all faulty components are named, and no others.
        fault_right: the fault is right.
        brier: (how sure - right)², 0 for certain and right, 1 for certain and wrong (Brier 1950).
        seconds: from the page to the guess.
        hints: points that hints have cost.
        points: the total, 0 to 100.
    """

    precision: Share
    recall: Share
    f1: Share
    right: bool
    fault_right: bool
    brier: Share
    seconds: Positive
    hints: Positive
    points: Annotated[FiniteFloat, Field(ge=0, le=100)]


def score(
    components: Collection[str],
    fault: str,
    sure: float,
    truth: Truth,
    *,
    seconds: float,
    limit: float,
    hints: Sequence[float] = (),
) -> Score:
    """Score a guess.

    Args:
        components: ids that were named; none for nobody.
        fault: catalogue name, `cluster.incident.truth.NO_FAULT`, or empty where it was left open.
        sure: probability from 0 to 1 that the components are right.
        seconds: from the page to the guess.
        limit: seconds after which a quick guess earns nothing.
        hints: points that each hint cost.

    Raises:
        ValueError: `sure` is no probability, or a time is not one.

    >>> from cluster.incident.truth import Truth
    >>> truth = Truth(("replica-1",), "cpu-stress", 0.0)
    >>> score(["replica-1"], "cpu-stress", 1.0, truth, seconds=60, limit=300).points
    97.0
    >>> score([], "", 0.5, truth, seconds=60, limit=300).points
    11.2
    """
    if not (0 <= sure <= 1 and seconds >= 0 and limit > 0):
        raise ValueError(f"sure {sure}, seconds {seconds}, limit {limit}: a probability and two times are needed")
    named, true = set(components), set(truth.components)
    hits = len(named & true)
    precision = hits / len(named) if named else float(not true)
    recall = hits / len(true) if true else float(not named)
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    right = named == true
    brier = (sure - float(right)) ** 2
    fault_right = fault in _right_faults(truth)
    quick = max(0.0, 1 - seconds / limit)
    cost = float(sum(hints))
    points = COMPONENTS * f1 + FAULT * fault_right + SPEED * f1 * quick + SURE * (1 - brier) - cost
    return Score(precision, recall, f1, right, fault_right, brier, seconds, cost, round(max(0.0, points), 1))


def _right_faults(truth: Truth) -> set[str]:
    """The fault; of two at once, either one is right, too."""
    parts = (truth.parameters.get(name) for name in ("fault", "other")) if len(truth.components) > 1 else ()
    return {truth.fault, *(part for part in parts if isinstance(part, str))}
