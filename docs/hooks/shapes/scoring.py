"""Methods scored on many incidents."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from shapes.base import Answer


class Evaluation(Answer):
    cases: int = Field(description="incidents with a faulty component")
    candidates: float
    guessing: dict[str, float]
    onset: dict[str, Any] = Field(description="error of the estimate in seconds")
    consensus: dict[str, Any] | None
    methods: list[dict[str, Any]] = Field(description="`method`, its measures, and with the true onset under `given`")
    no_cause: dict[str, Any] = Field(description="incidents in which nobody is at fault")
    by_fault: list[dict[str, Any]]


class Campaign(Answer):
    title: str
    folder: str = Field(description="with the drills, and these results as files")
    stand_ins: dict[str, str] = Field(description="fault → the one of another machine that it stands for")
    drills: list[dict[str, Any]] = Field(description="by `fault`: how many were `planned` and are `recorded`")
    evaluation: dict[str, Any] = Field(description="as `rca-tui evaluate --json`")


class Ablation(Answer):
    incidents: int
    faults: dict[str, int]
    candidates: float
    guessing: float
    methods: list[str]
    whole: float = Field(description="AC@1 with nothing removed")
    claim: str
    removals: list[dict[str, Any]] = Field(description="`check`, `removal`, AC@1 `before` and `after`, `cost`")
