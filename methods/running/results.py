"""Results as plain data, the shape of `rca-tui diagnose --json`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cluster.window import Onset
from methods.answer.types import NoRanking
from methods.running.runner import Result


def as_json(onset: Onset | None, results: Iterable[Result]) -> dict[str, Any]:
    """{"onset", "results": [{"method", "family", "status", "reason", "seconds", "components", "signals"}]}.

    `onset` is unix seconds or None. `status` is "ranked" or "no_ranking"; `reason` is None or
    "not_applicable: one sentence". Tied components share a rank. Signals are listed by falling score.
    """
    return {"onset": onset.time if onset else None, "results": [_result(result) for result in results]}


def _result(result: Result) -> dict[str, Any]:
    outcome = result.outcome
    common = {"method": result.method, "family": str(result.family)}
    if isinstance(outcome, NoRanking):
        reason = f"{outcome.reason}: {outcome.detail}"
        empty: dict[str, Any] = {"components": [], "signals": []}
        return {**common, "status": "no_ranking", "reason": reason, "seconds": round(result.seconds, 4), **empty}
    signals = sorted(
        (signal for component in outcome.components for signal in component.signals),
        key=lambda s: (-s.score, s.component, s.signal),
    )
    return {
        **common,
        "status": "ranked",
        "reason": None,
        "seconds": round(result.seconds, 4),
        "components": [{"component": c.component, "score": c.score, "rank": c.rank} for c in outcome.components],
        "signals": [{"component": s.component, "signal": s.signal, "score": s.score} for s in signals],
    }
