"""Whether what other methods answer should change how sure the verdict is: measured, leaving one kind of fault out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from cluster.incident.model import Incident
from methods.answer.types import Ranking
from methods.evaluation.measures import calibration
from methods.running.worker import rank
from methods.telemetry.onset import with_onset
from methods.verdict.types import Verdict
from tests.bench.tables import markdown

VOTERS = ("monitorrank", "microscope", "nsigma", "baro", "mmbaro")
"""Better ones that answer at once."""
WEIGHTS = tuple(step / 4 for step in range(17))
LEAST = 1e-3
"""Probability, at least and below one at most: one answer that is quite wrong must not decide everything."""


@dataclass(frozen=True)
class Answer:
    """One verdict that names somebody.

    Attributes:
        kind: the fault's.
        probability: of the verdict.
        dissent: share of the voters that rank first nobody whom it names.
        right: it names exactly the faulty components.
    """

    kind: str
    probability: float
    dissent: float
    right: bool


def answer(kind: str, incident: Incident, verdict: Verdict, right: bool) -> Answer | None:
    """None where nobody is named, or where no voter has a ranking."""
    if not verdict.named:
        return None
    incident = with_onset(incident)
    outcomes = [rank(incident, name, 0)[0] for name in VOTERS]
    others = [outcome for outcome in outcomes if isinstance(outcome, Ranking)]
    if not others:
        return None
    against = fmean(not set(outcome.blamed) & set(verdict.named) for outcome in others)
    return Answer(kind, verdict.probability, against, right)


def section(answers: Sequence[Answer]) -> Iterator[str]:
    yield "\n## Dissent\n"
    yield (
        f"Verdicts that name somebody, on the drills as recorded and on those with poorer telemetry, beside what "
        f"{', '.join(f'`{name}`' for name in VOTERS)} answer.\n"
    )
    groups = (
        ("none of them dissents", [a for a in answers if a.dissent == 0]),
        ("some dissent, half at most", [a for a in answers if 0 < a.dissent <= 0.5]),
        ("more than half dissent", [a for a in answers if a.dissent > 0.5]),
    )
    rows = [
        (name, str(len(some)), f"{fmean(a.probability for a in some):.2f}", f"{fmean(a.right for a in some):.2f}")
        for name, some in groups
        if some
    ]
    yield from markdown(("", "verdicts", "mean probability", "share that was right"), rows)
    lowered = [(_lowered(a, _fitted([b for b in answers if b.kind != a.kind])), a.right) for a in answers]
    plain = [(a.probability, a.right) for a in answers]
    yield (
        "\nLowered by dissent (log odds less a weight times its share; the weight is the likeliest on all other "
        f"kinds of fault), log loss {_loss(plain):.3f} → {_loss(lowered):.3f}, expected calibration error "
        f"{calibration(plain).error:.3f} → {calibration(lowered).error:.3f}."
    )


def _fitted(answers: Sequence[Answer]) -> float:
    return min(WEIGHTS, key=lambda weight: (_loss([(_lowered(a, weight), a.right) for a in answers]), weight))


def _lowered(one: Answer, weight: float) -> float:
    held = min(max(one.probability, LEAST), 1 - LEAST)
    return 1 / (1 + math.exp(weight * one.dissent - math.log(held / (1 - held))))


def _loss(answers: Sequence[tuple[float, bool]]) -> float:
    held = ((min(max(p, LEAST), 1 - LEAST), right) for p, right in answers)
    return -fmean(math.log(p if right else 1 - p) for p, right in held)
