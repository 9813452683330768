"""What tests read out of an outcome, and the generator that they pass to a method."""

from __future__ import annotations

import numpy as np

from methods.answer.types import NoRanking, Outcome, Ranking


def scores(outcome: Outcome) -> dict[str, float]:
    assert isinstance(outcome, Ranking), outcome
    return {c.component: c.score for c in outcome.components}


def detail(outcome: Outcome) -> str:
    assert isinstance(outcome, NoRanking), outcome
    return outcome.detail


def rng() -> np.random.Generator:
    return np.random.default_rng(0)
