"""Who is to blame: rankings, consensus, the verdict and reports."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from shapes.base import About, Answer, Part, Shape, Window
from shapes.incidents import OldPart, Truth


class Ranked(Part):
    score: float = Field(description="on the method's own scale")
    rank: int = Field(description="from 1; tied components share one")


class Signal(Part):
    signal: str
    score: float


class Ranking(Shape):
    family: str
    status: Literal["ranked", "no_ranking"]
    reason: str | None = Field(description="why there is no ranking: `not_applicable: one sentence`")
    seconds: float
    components: list[Ranked]
    signals: list[Signal] = Field(description="by falling score")
    names: int | None = Field(default=None, description="how many of the first components the method blames")


class Result(Ranking):
    method: str


class Likely(Part):
    probability: float


class Hop(Shape):
    source: str
    target: str
    at: float | None = Field(description="unix seconds")


class Action(Shape):
    title: str
    command: str


class Verdict(Shape):
    answer: str = Field(description="`components`, `nobody` or `cannot tell`")
    headline: str
    strength: str
    components: list[Likely] = Field(description="those to blame, the likeliest first")
    nobody: float = Field(description="probability that no component is at fault")
    kind: str = Field(description="of trouble, in words")
    onset: float | None
    path: list[Hop] = Field(description="how it spread")
    for_: list[str] = Field(alias="for", description="evidence")
    against: list[str]
    unknown: list[str]
    next: list[str] = Field(description="what to look at")
    actions: list[Action] = Field(description="what to do, for a person to read and run")
    suspects: list[Likely] = Field(description="every component that was judged")
    methods: list[str] = Field(description="those that it rests on")


class Agreed(Ranked):
    signals: list[Signal] = Field(description="none: a vote has no signals")


class Consensus(Shape):
    components: list[Agreed]
    voters: list[str]
    agree: list[str]
    dissent: list[tuple[str, list[str]]]
    contributions: dict[str, dict[str, float]]


class Diagnosis(About):
    results: list[Result]
    consensus: Consensus
    verdict: Verdict | None = Field(description="null where methods were named and all of them answered")
    interrupted: bool = Field(description="by Ctrl-C: the methods that are missing were stopped; exit code 130")


class Explained(About, Result):
    explanation: dict[str, Any] | None = Field(description="steps, each a claim with its numbers and their units")


class Contrast(Explained):
    agreement: dict[str, float | None] = Field(description="method → overlap of its ranking with this order")
    agreement_by_chance: float


class Triage(About):
    seconds: float = Field(description="from the incident to the verdict")
    verdict: Verdict
    methods: dict[str, Ranking]


class Heard(Triage):
    """One document a line for each report."""

    alert: str = Field(description="names of the alert's rules")
    report: str = Field(description="path of the HTML file")


class Event(Shape):
    time: float
    what: str


class Dissent(Shape):
    blamed: list[str]
    methods: list[str]


class FailedCheck(Shape):
    name: str
    title: str
    saw: str
    faults: list[str]


class Reported(Shape):
    name: str
    id: str
    deployment: str
    start: float
    end: float
    front_door: str | None
    components: list[OldPart]


class Report(Answer):
    incident: Reported
    window: Window
    onset: float | None
    verdict: Verdict
    timeline: list[Event]
    recovered: float | None
    results: list[Result]
    dissent: list[Dissent]
    checks: list[FailedCheck] = Field(description="those that fail")
    missing: list[str]
    sealed: bool = Field(description="whether the incident has a truth")
    truth: Truth | None = Field(description="with --reveal")
    commands: list[str]
