"""What the other methods say: who agrees, and who dissents and why, the better ones first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from methods.answer.consensus import NO_VOTE
from methods.answer.types import Pointer, Ranking
from methods.verdict.phrases import listed
from methods.verdict.types import Evidence

if TYPE_CHECKING:
    from methods.running.runner import Result

BETTER: Final = (
    "microscope",
    "monitorrank",
    "granger_randomwalk",
    "pdiagnose",
    "lingam_randomwalk",
    "nsigma",
    "baro",
    "mmbaro",
    "microcause",
    "circa",
    "microrca",
    "microrank",
    "tracerca",
    "pc_randomwalk",
    "fci_randomwalk",
)
"""Voters that are right in more than half of the drills, in the order of docs/measured/methods-evaluation.md: a test
holds this to that page."""


def agreement(named: Sequence[str], answers: Sequence[Result]) -> tuple[Evidence, ...]:
    """One sentence on the methods that rank a named component first."""
    agree = [answer.method for answer, ranking in _rankings(answers) if set(ranking.blamed) & set(named)]
    count = sum(1 for _ in _rankings(answers))
    if not agree:
        return ()
    verb = "blames" if len(agree) == 1 else "blame"
    return (Evidence(f"{len(agree)} of {count} other methods agree: {listed(agree)} {verb} {listed(named)} first."),)


def dissent(named: Sequence[str], answers: Sequence[Result]) -> tuple[Evidence, ...]:
    """One sentence for each method that ranks another component first, with what its explanation says of that one."""
    found = []
    for answer, ranking in _rankings(answers):
        if set(ranking.blamed) & set(named):
            continue
        why, pointer = _reason(ranking)
        known = " (one of the better methods)" if answer.method in BETTER[:3] else ""
        found.append(Evidence(f"{answer.method}{known} blames {listed(ranking.top)} first: {why}", pointer))
    return tuple(found)


def _reason(ranking: Ranking) -> tuple[str, Pointer | None]:
    """Why a method ranks a component first: the step that is about it, or the last that names it, not the setup."""
    steps = ranking.explanation.steps
    named = re.compile(rf"(?<![\w@/-])(?:{'|'.join(map(re.escape, ranking.blamed))})(?![\w@/-])")
    about = next((step for step in steps if named.search(step.title)), None)
    naming = next((step for step in reversed(steps) if named.search(step.claim)), None)
    chosen = about or naming or next(iter(steps), None)
    if chosen is None:
        return "it does not say why.", None
    pointer = next((p for step in (chosen, *steps) for p in step.pointers), None)
    return f"{chosen.title}: {chosen.claim}" if chosen is about else chosen.claim, pointer


def blamed_anyway(answers: Sequence[Result]) -> tuple[Evidence, ...]:
    """With nobody at fault: whom the other methods blame, which cannot say nobody."""
    blamed: dict[str, int] = {}
    for _, ranking in _rankings(answers):
        for component in ranking.blamed:
            blamed[component] = blamed.get(component, 0) + 1
    if not blamed:
        return ()
    counts = [f"{c} ({n})" for c, n in sorted(blamed.items(), key=lambda item: (-item[1], item[0]))]
    return (Evidence(f"The other methods cannot say nobody; they blame {listed(counts)}."),)


def _rankings(answers: Sequence[Result]) -> list[tuple[Result, Ranking]]:
    place = {name: i for i, name in enumerate(BETTER)}
    ranked = [(a, a.outcome) for a in answers if isinstance(a.outcome, Ranking) and a.method not in NO_VOTE]
    return sorted(ranked, key=lambda pair: (place.get(pair[0].method, len(place)), pair[0].method))
