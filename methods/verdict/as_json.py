"""The verdict as plain data: what stands under "verdict" in `--json`."""

from __future__ import annotations

from typing import Any

from methods.verdict.types import Verdict


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """{"answer", "headline", "strength", "components", "nobody", "kind", "onset", "path", "for", "against", …}.

    "components" holds only those that are named, the likeliest first: none for nobody and for "cannot tell".
    "suspects" holds every component that was judged. "onset" and "at" are unix seconds or None. No value is NaN.
    """
    probability = {suspect.component: suspect.probability for suspect in verdict.suspects}
    return {
        "answer": str(verdict.answer),
        "headline": verdict.headline,
        "strength": str(verdict.strength),
        "components": [{"component": c, "probability": probability[c]} for c in verdict.named],
        "nobody": verdict.nobody,
        "kind": str(verdict.kind),
        "onset": verdict.onset,
        "path": [{"source": hop.source, "target": hop.target, "at": hop.at} for hop in verdict.path],
        "for": [evidence.sentence for evidence in verdict.supporting],
        "against": [evidence.sentence for evidence in verdict.opposing],
        "unknown": list(verdict.unknown),
        "next": list(verdict.next),
        "actions": [{"title": action.title, "command": action.command} for action in verdict.actions],
        "suspects": [{"component": s.component, "probability": s.probability} for s in verdict.suspects],
        "methods": list(verdict.methods),
    }
