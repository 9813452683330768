"""The shapes of the answers in JSON: the reference page is made from them, and a test holds every command to them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

OLD = "old: {}; goes with the next release"


def _old(instead: str) -> Any:
    return Field(description=OLD.format(f"use `{instead}`"))


class Shape(BaseModel):
    """An object with these keys and no others."""

    model_config = ConfigDict(extra="forbid")


class Answer(Shape):
    """One document, or one item of a list."""

    schema_: Literal[1] = Field(alias="schema", description="version of the shapes")


class Window(Shape):
    start: float = Field(description="unix seconds")
    end: float = Field(description="unix seconds; not part of the window")
    seconds: float


class Part(Shape):
    component: str = Field(description="id of a component")


class KnownPart(Part):
    kind: str = Field(description="gateway, router, head, replica, engine, gpu or node")


class Error(Answer):
    """Exit code 2; after Ctrl-C 130. The sentence stands on stderr, too."""

    error: str = Field(description="what happened and what to do, one sentence")
    command: str = Field(description="exactly what to run; empty where there is nothing")


class About(Answer):
    incident: str | None = Field(description="name or path that commands accept; null for what is not saved")
    window: Window
    onset: float | None = Field(description="when the trouble began, unix seconds")
    onset_between: tuple[float, float] | None = Field(description="earliest and latest onset of an estimate")


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


class OldPart(KnownPart):
    id: str = _old("component")


class Reported(Shape):
    name: str
    id: str
    deployment: str
    start: float
    end: float
    front_door: str | None
    components: list[OldPart]


class Truth(Shape):
    components: list[str]
    fault: str
    injected_at: float
    reverted_at: float | None
    parameters: dict[str, Any]
    conditions: dict[str, Any]


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


class RecordedPart(OldPart):
    signals: list[str]


class Edge(Shape):
    source: str
    target: str
    relation: str
    weight: float | None = Field(
        description="share of the calls that is to go to the target; null where nothing sets it"
    )


class Recording(About):
    name: str = _old("incident")
    id: str
    deployment: str
    start: float = _old("window")
    end: float = _old("window")
    seconds: float = _old("window")
    front_door: str | None
    components: list[RecordedPart]
    edges: list[Edge]
    samples: int
    spans: int
    logs: int
    notes: list[str]


class Listed(Answer):
    incident: str
    name: str = _old("incident")
    path: str
    shipped: bool
    problem: str | None = Field(description="why it cannot be read; then nothing follows")
    deployment: str | None = None
    window: Window | None = None
    start: float | None = Field(default=None, description=OLD.format("use `window`"))
    seconds: float | None = Field(default=None, description=OLD.format("use `window`"))
    components: list[Part] = []
    sealed: bool | None = None
    tags: list[str] = []
    truth: Truth | None = Field(default=None, description="with --reveal")


class Revealed(Answer):
    incident: str
    window: Window
    truth: Truth | None
    seal: Literal["host", "all", "none"] | None = Field(
        description="who can open the truth; `none`: nothing shows whether it was edited"
    )


class Recorded(About):
    path: str
    id: str
    seconds: float = _old("window")
    notes: list[str]


class Imported(About):
    path: str
    id: str
    components: list[KnownPart]
    front_door: str | None
    sealed: bool
    notes: list[str]


class HealthChange(Shape):
    signal: str
    kind: str = Field(description="stall, down, latency, waiting, errors, load, output, calls, cpu, memory …")
    now: float = Field(description="in the signal's unit")
    before: float = Field(description="what was normal")
    since: float = Field(description="unix seconds")
    explained_by_callees: float = Field(description="share, from 0 to 1")


class HealthEvent(Shape):
    event: str = Field(description="restarted or replaced")
    time: float = Field(description="unix seconds")


class Health(Shape):
    state: Literal["trouble", "silent", "changed", "normal", "unknown"]
    severity: float = Field(description="for sorting: the worst is the greatest")
    since: float | None = Field(description="unix seconds")
    sentence: str
    changes: list[HealthChange] = Field(description="the strongest first")
    events: list[HealthEvent]


class State(Part):
    status: Literal["UP", "DOWN"]
    health: Health | None = Field(description="null where it cannot be read")


class Origin(Part):
    signal: str
    origin: Literal[
        "measured",
        "not exported",
        "known under no name",
        "not comparable",
        "partial",
        "stale",
        "scrape failed",
    ]
    metrics: list[str] = Field(description="names it is read from; of one known under no name, the nearest")
    query: str = Field(description="PromQL")
    interval: float | None = Field(description="seconds between two scrapes")
    reason: str


class LoadShape(Shape):
    shape: Literal["constant", "bursty", "diurnal", "trace"]
    rate: float = Field(description="requests per second on average")
    max_tokens: int = Field(description="tokens of an answer, of a trace on average")
    trace: str | None = Field(description="name of the trace's file")
    sentence: str
    notes: list[str] = Field(description="how the trace was fitted to this machine")


class Load(Answer, LoadShape):
    """The load that runs, after a change the new one."""


class Status(Answer):
    """Exit code 1 when it is DOWN."""

    status: Literal["LIVE", "STALE", "DOWN"]
    liveness: Literal["LIVE", "STALE", "DOWN"] = _old("status")
    data_age: float | None = Field(description="seconds")
    message: str
    components: list[State] = Field(description="the worst first")
    provenance: list[Origin] = Field(description="of each signal of each component; empty when nothing answers")
    to_recover: list[str] = Field(description="injections that are not undone")
    gateway: str | None = Field(default=None, description="address, of the deployment on this machine")
    prometheus: str | None = None
    engine: str | None = None
    rate: float | None = Field(default=None, description="requests per second of the load, on average")
    load: LoadShape | None = None


class Up(Answer):
    gateway: str
    prometheus: str
    engine: str
    replicas: int = Field(description="degree of data parallelism: pods that serve")
    rate: float
    load: LoadShape
    seconds: float
    phases: dict[str, float]


class Smoke(Answer):
    slo: dict[str, float] = Field(description="what a good request keeps, in seconds")
    saturation: list[dict[str, Any]] = Field(
        description="by `replicas`: the lowest `rate` whose queue grows, the highest before it, the best throughput"
    )
    runs: list[dict[str, Any]] = Field(description="TTFT, ITL, throughput and goodput, by `replicas` and `rate`")
    kept: str = Field(description="the file with every request")


class Down(Answer):
    ended: bool = Field(description="whether there was something to stop")


class Undone(Answer):
    injection: str
    status: str = Field(description="RECOVERED or STUCK")
    state: str = _old("status")
    clean: bool = Field(description="nothing of the fault is left, read back")
    detail: str
    command: str = Field(description="what undoes it by hand; empty where nothing is left to do")


class Measured(Part):
    signal: str
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
    state: str = _old("status")
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
    state: str = _old("status")
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
    title: str
    difficulty: int = Field(description="1 for a first drill, 5 for the hardest")
    page: ScenarioPage
    story: str
    load: str
    limit: float = Field(description="seconds from the page to the guess")
    hints: list[int] = Field(description="points that each costs")
    shipped: bool


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


class Method(Answer):
    name: str
    class_name: str
    family: str
    cost: str
    needs: list[str]
    summary: str
    package: str
    requires: str


class Fault(Answer):
    name: str
    summary: str
    available: bool
    reason: str
    deployments: list[str]
    targets: list[str]
    needs: list[str]
    parameters: dict[str, Any] = Field(description="JSON Schema of each")


class Change(Shape):
    where: str
    setting: str


class Checked(Shape):
    number: int
    name: str
    title: str
    status: Literal["pass", "fail", "unknown"]
    verdict: Literal["pass", "fail", "unknown"] = _old("status")
    saw: str
    change: list[Change]
    faults: list[str]
    methods: list[str]
    modes: list[int]


class Mode(Shape):
    number: int
    name: str
    checks: list[str]


class Checkup(Answer):
    incident: str | None
    window: Window
    name: str = Field(description="of the deployment or incident")
    live: bool
    checks: int
    pass_: int = Field(alias="pass")
    fail: int
    unknown: int
    cannot_diagnose: dict[str, list[str]] = Field(description="fault → checks")
    not_known_whether: dict[str, list[str]] = Field(description="fault → checks")
    blind_methods: dict[str, list[str]] = Field(description="method → checks")
    blind_modes: list[Mode]
    results: list[Checked]


class Examined(Shape):
    part: str
    name: str
    status: Literal["pass", "fail", "unknown"]
    verdict: Literal["pass", "fail", "unknown"] = _old("status")
    found: str
    fix: str


class Sample(Part):
    signal: str
    unit: str
    value: float | None
    origin: str = Field(description="measured under which name, or why not")


class Doctor(Answer):
    ok: bool
    checks: list[Examined]
    samples: list[Sample]
    costs: dict[str, list[str]] = Field(description="missing telemetry → methods that then have no answer")


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


SHAPES: dict[str, tuple[type[Answer], ...]] = {
    "up": (Up,),
    "smoke": (Smoke,),
    "status": (Status,),
    "down": (Down,),
    "load": (Load,),
    "doctor": (Doctor,),
    "record": (Recorded,),
    "import": (Imported,),
    "incidents": (Listed,),
    "reveal": (Revealed,),
    "triage": (Triage,),
    "diagnose": (Diagnosis,),
    "explain": (Explained,),
    "replay": (Recording,),
    "contrast": (Contrast,),
    "report": (Report,),
    "check": (Checkup,),
    "evaluate": (Evaluation,),
    "ablate": (Ablation,),
    "campaign": (Campaign,),
    "drill": (Drilled, Sealed, Plan, Paper),
    "scenarios": (Scenario,),
    "scores": (Scores,),
    "recover": (Undone,),
    "methods": (Method,),
    "faults": (Fault,),
    "listen": (Heard,),
}
"""Command → what it prints: a document of one of these shapes, or a list of them."""
GRAFANAS = ("annotate",)
"""Commands that print what another program takes."""
