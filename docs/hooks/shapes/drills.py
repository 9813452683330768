"""Faults that were injected, scenarios, plays and their scores."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from shapes.base import Answer, Part, Shape, old


class Undone(Answer):
    injection: str
    status: str = Field(description="RECOVERED or STUCK")
    state: str = old("status")
    clean: bool = Field(description="nothing of the fault is left, read back")
    detail: str
    command: str = Field(description="what undoes it by hand; empty where nothing is left to do")


class Measured(Part):
    role: str = Field(description="where it was expected: `target`, `front door` … as `faults` lists it")
    signal: str
    source: str = Field(description="the caller, for a signal of an edge; else empty")
    direction: str = Field(description="`up`, `down` or `lost`")
    factor: float = Field(description="expected at least")
    before: float | None
    during: float | None
    after: float | None
    landing: str


class Drilled(Answer):
    incident: str | None
    injection: str
    fault: str
    target: str
    parameters: dict[str, Any]
    status: str = Field(description="RECOVERED or STUCK")
    state: str = old("status")
    clean: bool
    detail: str
    command: str
    aborted: str = Field(description="why it ended early; empty when it did not")
    landing: str
    effects: list[Measured]
    sli: list[Measured]
    injected_at: float | None
    reverted_at: float | None
    saved: str | None
    whole: bool = Field(description="it took its full course, and the fault is gone")


class Sealed(Answer):
    """A blind drill."""

    incident: str | None
    injection: str | None = Field(description="null of a scenario, where perhaps nothing went wrong")
    status: str
    state: str = old("status")
    clean: bool
    whole: bool
    landing: str | None = Field(description="null of a scenario")
    saved: str | None
    command: str


class Expected(Part):
    role: str = Field(description="whose signal it is, relative to the component")
    signal: str
    direction: Literal["up", "down", "lost"] = Field(description="lost: no longer measured")
    factor: float


class Paper(Answer):
    """With --dry-run while no deployment is up."""

    fault: str
    target: str
    parameters: dict[str, Any]
    seconds: float
    summary: str
    needs: list[str]
    effects: list[Expected] = Field(description="what it should show")


class Plan(Answer):
    """With --dry-run."""

    injection: str
    fault: str
    target: str
    components: list[str]
    faulty: list[str]
    uids: dict[str, str]
    parameters: dict[str, Any]
    actions: list[str]
    undo: str
    prior: dict[str, Any]
    data: dict[str, Any]


class ScenarioPage(Shape):
    text: str
    severity: Literal["critical", "warning", "info"]
    labels: dict[str, str]
    latest: float = Field(description="seconds after the fault at which it comes although the SLI is good")


class Scenario(Answer):
    name: str
    title: str | None
    difficulty: int | None = Field(description="1 for a first drill, 5 for the hardest")
    page: ScenarioPage | None
    story: str | None
    load: str | None
    limit: float | None = Field(description="seconds from the page to the guess")
    hints: list[int] | None = Field(description="points that each costs")
    replays: int | None = Field(description="recorded drills here that fit it; 0: it takes a running deployment")
    shipped: bool
    problem: str | None = Field(description="why the file cannot be used, with its line and field; all else is null")


class Score(Shape):
    precision: float = Field(description="share of the named components that are faulty: the player's AC@1")
    recall: float = Field(description="share of the faulty components that are named")
    f1: float
    right: bool = Field(description="all faulty components are named, and no others")
    fault_right: bool
    brier: float = Field(description="0 for certain and right, 1 for certain and wrong")
    seconds: float = Field(description="from the page to the guess")
    hints: float = Field(description="points that hints have cost")
    points: float = Field(description="0 to 100")


class PlayedDrill(Shape):
    time: float = Field(description="unix seconds")
    scenario: str
    player: str
    incident: str | None
    components: list[Part] = Field(description="the guess; empty for nobody")
    fault: str = Field(description="the guess; empty where it was left open")
    sure: float = Field(description="probability, 0 to 1")
    score: Score
    verdict: float | None = Field(description="AC@1 of the tool's verdict")
    methods: dict[str, float] = Field(description="AC@1 of each; empty where no component is at fault")
    guessing: float = Field(description="AC@1 of a random order")


class Standing(Shape):
    scenario: str
    player: str
    drills: int
    points: float = Field(description="mean")
    best: float
    right: float = Field(description="share of the drills")
    brier: float = Field(description="mean")


class Compared(Shape):
    name: str = Field(description="a method, verdict or guessing")
    drills: int = Field(description="those with a faulty component in which it answered")
    ac1: float
    people: float = Field(description="AC@1 of the players on the same drills")


class Scores(Answer):
    drills: list[PlayedDrill]
    players: list[Standing]
    compared: list[Compared]
