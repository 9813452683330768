"""An answer where it is not clear when the trouble began: the rankings of the times that are probable, mixed.

A method that compares the time after the onset with the time before it answers for one onset. The search for the onset
(`methods.telemetry.onset`) gives candidates with probabilities p(k). Where one of them has nearly all of the
probability, the method is asked once, for that one. Otherwise it is asked for each, and

    score(component) = Σ p(k) / rank of the component for candidate k,    Σ p(k) = 1

which is the expected reciprocal rank; components that share a rank get its mean place. Where all candidates together
are hardly probable, nothing is mixed: the method says that it needs an onset.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable
from typing import TypeAlias

from cluster.incident.model import Incident
from cluster.text.quantities import TIME, percent
from cluster.text.times import clock_time
from cluster.window import Onset, OnsetCandidate, OnsetSource
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_components
from methods.answer.types import Explanation, NoRanking, Outcome, Ranking, Step, Table

DOMINANT = 0.8
"""Share of the candidates' probability with which the first of them is taken for the onset."""
LEAST = 0.1
"""Probability of all candidates together below which nothing is said about when the trouble began."""
MOST = 3
"""Candidates that are weighed, the most probable."""

Ask: TypeAlias = Callable[[Incident], Outcome]


def weighed(incident: Incident) -> tuple[OnsetCandidate, ...]:
    """The candidates that an answer has to weigh, their probabilities summing to 1; none where the onset is clear."""
    found = incident.onset_candidates[:MOST]
    known = incident.onset
    if not found or (known is not None and known.source is not OnsetSource.ESTIMATED):
        return ()
    total = sum(candidate.probability for candidate in found)
    if total < LEAST or (known is not None and found[0].probability >= DOMINANT * total):
        return ()
    return tuple(dataclasses.replace(candidate, probability=candidate.probability / total) for candidate in found)


def mixed(incident: Incident, ask: Ask) -> Outcome:
    """The method's ranking, mixed over the candidates where the onset is not clear.

    Args:
        ask: the method. It is called for each candidate, and gives the same answer to the same incident.
    """
    candidates = weighed(incident)
    if not candidates:
        return ask(incident)
    outcomes = [ask(_at(incident, candidate)) for candidate in candidates]
    ranked = [(c, found) for c, found in zip(candidates, outcomes, strict=True) if isinstance(found, Ranking)]
    if not ranked:
        return outcomes[0]
    scores: dict[str, float] = defaultdict(float)
    for candidate, ranking in ranked:
        for component, place in _places(ranking).items():
            scores[component] += candidate.probability / place
    first, likeliest = ranked[0]
    signals = {(s.component, s.signal): s.score for c in likeliest.components for s in c.signals}
    own = likeliest.explanation
    # Caveats of the method are about the component that it put first.
    rounded = {component: round(score, 9) for component, score in scores.items()}
    best = max(rounded.values())
    kept = own.caveats if likeliest.top == tuple(sorted(c for c in rounded if rounded[c] == best)) else ()
    explanation = Explanation((_when(candidates, outcomes), *own.steps), kept)
    return caveats_for(by_components(rounded, explanation, signals), _at(incident, first))


def _at(incident: Incident, candidate: OnsetCandidate) -> Incident:
    onset = Onset(candidate.time, OnsetSource.ESTIMATED, candidate.earliest, candidate.latest)
    return incident.searched(onset, incident.onset_claim, incident.onset_candidates)


def _places(ranking: Ranking) -> dict[str, float]:
    """Component -> its place; of those that share a rank, the mean of their places."""
    ranks = [scored.rank for scored in ranking.components]
    return {c.component: c.rank + (ranks.count(c.rank) - 1) / 2 for c in ranking.components}


def _when(candidates: tuple[OnsetCandidate, ...], outcomes: list[Outcome]) -> Step:
    told = ", ".join(f"{clock_time(c.time)} ({percent(c.probability)})" for c in candidates)
    claim = (
        f"It is not clear when the trouble began: {told}. The order is that of the expected reciprocal rank over these "
        "times; the steps below are those of the first time that has a ranking."
    )
    rows = tuple(
        (c.time, float(f"{c.probability:.6g}"), found.detail if isinstance(found, NoRanking) else ", ".join(found.top))
        for c, found in zip(candidates, outcomes, strict=True)
    )
    table = Table(("time", "probability", "first"), rows, {"time": TIME})
    return Step("When it began", claim, {"times": float(len(candidates))}, table=table)
