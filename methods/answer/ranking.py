"""From scores to a Ranking: ties stay ties, unscored components stay unranked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from methods.answer.types import ComponentScore, Explanation, NoRanking, Outcome, Ranking, Reason, SignalScore

Places: TypeAlias = Sequence[tuple[str, int]]
"""(component, rank) pairs: a ranking without its scores."""

SIGNALS_SHOWN = 8


def by_signals(scores: Mapping[tuple[str, str], float], explanation: Explanation) -> Outcome:
    """Rank components by their highest-scored signal.

    Args:
        scores: (component, signal) -> score, higher is more suspect. Non-finite scores are left out.
        explanation: of the ranking.

    Returns:
        NoRanking(NOT_APPLICABLE) when no score is finite.
    """
    finite = {key: float(score) for key, score in scores.items() if math.isfinite(score)}
    best: dict[str, float] = {}
    for (component, _), score in finite.items():
        best[component] = max(score, best.get(component, -math.inf))
    return by_components(best, explanation, finite)


def by_components(
    scores: Mapping[str, float],
    explanation: Explanation,
    signals: Mapping[tuple[str, str], float] | None = None,
    named: tuple[str, ...] | None = None,
) -> Outcome:
    """Rank components by score; `signals` are listed under each, highest first, `SIGNALS_SHOWN` at most.

    Equal scores share a rank and are listed by id. Returns NoRanking(NOT_APPLICABLE) when no score is finite. `named`
    is for a method that says how many are at fault, see `Ranking`.
    """
    finite = {component: float(score) for component, score in scores.items() if math.isfinite(score)}
    if not finite:
        return NoRanking(Reason.NOT_APPLICABLE, "no component has a finite score")
    under: dict[str, list[SignalScore]] = {}
    for (component, signal), score in (signals or {}).items():
        under.setdefault(component, []).append(SignalScore(component, signal, float(score)))
    ordered = sorted(finite.items(), key=lambda item: (-item[1], item[0]))
    components = []
    rank = 0
    previous = math.inf
    for position, (component, score) in enumerate(ordered, start=1):
        if score < previous:
            rank, previous = position, score
        listed = sorted(under.get(component, []), key=lambda s: (-s.score, s.signal))[:SIGNALS_SHOWN]
        components.append(ComponentScore(component, score, rank, tuple(listed)))
    return Ranking(tuple(components), explanation, named)
