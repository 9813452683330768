"""State of the app: frozen values, which workers make and messages carry, and the `Session` that holds the newest.

Screens, header, palette and charts read the session and follow its changes; they do not know the app.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from cluster.deployment import DeploymentKind, Liveness, Plays
from cluster.provenance import Provenance
from cluster.topology import Topology
from faults.states import State
from rca_tui.frames import Frames
from rca_tui.game import Game, Stage

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from cluster.incident.model import Incident
    from guidelines.checkup import Report
    from methods.answer.consensus import Consensus
    from methods.running.runner import Result
    from methods.telemetry.happenings import Happening
    from methods.telemetry.log_book import LogBook
    from methods.telemetry.trace_book import TraceBook
    from methods.verdict.types import Verdict
    from rca_tui.drill.debrief import Debrief

STALE_AFTER = 6.0
"""Seconds without a new sample after which data no longer counts as live."""
SPAN = 240.0
"""Seconds of telemetry that a live chart shows at first."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """State and telemetry of the deployment at one poll.

    `newest` is the unix time of the newest sample, None when there is none; `liveness` and `fresh` as in
    `cluster.deployment`; `step` is the seconds until a new poll can return new data. `replaced`: component -> unix
    seconds at which a poll found something else running behind it. `happenings` are what the telemetry itself tells:
    restarts, silences, recorded events of the platform.
    """

    kind: DeploymentKind
    name: str
    liveness: Liveness
    message: str
    newest: float | None
    topology: Topology
    frames: Frames
    up: Mapping[str, bool] = field(default_factory=dict)
    replaced: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    incident: Incident | None = None
    fresh: float = 0.0
    step: float = 1.0
    happenings: tuple[Happening, ...] = ()

    @property
    def start(self) -> float:
        return self.frames.start if self.frames.start is not None else 0.0

    @property
    def end(self) -> float:
        return self.frames.end if self.frames.end is not None else 1.0


@dataclass(frozen=True, slots=True)
class Mark:
    """The onset in unix seconds, set by the operator or estimated; `claim` says how the estimate was reached."""

    time: float
    by_operator: bool
    claim: str = ""

    @property
    def label(self) -> str:
        return "onset (set)" if self.by_operator else "onset (est.)"


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """One run of methods over one incident.

    `frames` are the incident's own: evidence is plotted from them. `methods` are the names of those that run, `workers`
    of them at a time; `quick` when those are the quick ones alone. `verdict` is the newest: it is decided anew as
    results come.
    """

    incident: Incident
    frames: Frames
    mark: Mark | None
    running: bool
    methods: tuple[str, ...] = ()
    quick: bool = False
    workers: int = 1
    results: Mapping[str, Result] = field(default_factory=dict)
    consensus: Consensus | None = None
    verdict: Verdict | None = None
    note: str = ""

    @property
    def answered(self) -> int:
        """How many of `methods` have answered."""
        return sum(name in self.results for name in self.methods)


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault as the screens show it; `state` is the journal's, times are unix seconds.

    `started` and `ended` bound the time it was active; `deadline` is when it is undone by itself. `open` while
    something may still have to be undone; one that is not open and still PLANNED was refused, and nothing was touched.
    `undo` is the command for a person when it is STUCK; `inherited` when an earlier run left it. After the way back its
    aftermath is recorded until `recorded_until`, and then there is an incident, `saved` under this name. `waits` says
    why that of a drill is not in yet.
    """

    fault: str
    target: str
    state: State
    open: bool
    started: float | None = None
    ended: float | None = None
    deadline: float | None = None
    detail: str = ""
    undo: str = ""
    inherited: bool = False
    recorded_until: float | None = None
    saved: str = ""
    waits: str = ""

    @property
    def busy(self) -> bool:
        """Whether it goes on by itself: it is active, being undone, or its aftermath is being recorded."""
        return (self.open and not self.stuck) or self.recorded_until is not None

    @property
    def reverting(self) -> bool:
        return self.state is State.REVERTING

    @property
    def stuck(self) -> bool:
        return self.state is State.STUCK

    @property
    def refused(self) -> bool:
        return self.state is State.PLANNED and not self.open

    @property
    def label(self) -> str:
        """The state in words."""
        return "NOT INJECTED" if self.refused else self.state.value


@dataclass(frozen=True, slots=True)
class Knob:
    """A parameter of a fault, as text for a form: `bounds` such as "1 to 16"."""

    name: str
    default: str
    bounds: str
    about: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A fault of the catalogue, and whether it can run on this deployment."""

    name: str
    summary: str
    available: bool
    reason: str
    needs: tuple[str, ...]
    expects: tuple[str, ...]
    targets: tuple[str, ...]
    knobs: tuple[Knob, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What the operator asks to inject."""

    fault: str
    target: str
    parameters: Mapping[str, object]
    seconds: float


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What an injection would do. `checks` are (question, ok, detail); `refused` is why not, else empty."""

    request: Request
    checks: tuple[tuple[str, bool, str], ...]
    actions: tuple[str, ...]
    undo: str
    refused: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One row. `key` is what choosing it returns; `text` is searched, beside the cells."""

    key: str
    cells: tuple[str, ...]
    text: str = ""

    def matches(self, words: list[str]) -> bool:
        """Whether each of these casefolded words is a part of it."""
        text = "\n".join((*self.cells, self.text)).casefold()
        return all(word in text for word in words)

    def named(self, words: list[str]) -> bool:
        """Whether its key alone matches."""
        return all(word in self.key.casefold() for word in words)


T = TypeVar("T")


class Observed(Generic[T]):
    """An attribute of `Session`. Assigning a different value calls its followers, in the thread that assigns."""

    def __init__(self, initial: T) -> None:
        self._initial = initial

    def __set_name__(self, owner: type[Session], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, session: None, owner: type[Session]) -> Observed[T]: ...

    @overload
    def __get__(self, session: Session, owner: type[Session]) -> T: ...

    def __get__(self, session: Session | None, owner: type[Session]) -> Observed[T] | T:
        return self if session is None else session.values.get(self._name, self._initial)

    def __set__(self, session: Session, value: T) -> None:
        if session.values.get(self._name, self._initial) != value:
            session.values[self._name] = value
            session.changed(self)


class Session:
    """What the app knows and what the operator has chosen. It belongs to the thread of the user interface.

    Args:
        name: of the deployment, until the deployment has told its own.
        armed: whether faults may be injected.
        clock: unix seconds.
        stale_after: seconds without a new sample after which data no longer counts as live.
        tabs: key and name of each screen.

    Attributes:
        deployment: the connected deployment, None before there is one.
        latest: the newest snapshot.
        displayed: the snapshot on the screen: the newest, unless the display is paused.
        problem: why the last poll failed, "" when it did not.
        outdated: the newest sample is too old, or the deployment does not answer.
        paused: the display is held still.
        mark: the onset.
        moment: unix time of the cursor, None for the newest sample.
        span: seconds of telemetry that a live chart shows.
        subject: component and signal that the telemetry screen shows, None for its default.
        component: whose logs and traces are shown, "" for those of all components.
        logs: the log lines that have been read, None before the first.
        traces: the traces that have been read, None before the first.
        platform: events that a live platform has recorded.
        diagnosis: the last run of the methods.
        method: name of the method that is shown.
        injection: the last injection.
        report: results of the checks.
        check: name of the check that is shown.
        game: the drill that is played, None without one.
        debrief: of that drill, as far as the methods have answered.
        secret: the injection of a drill that has to be undone, and that nobody sees before the guess.
        drilled: a drill of a room is played, of which the app knows no more.
        drilled_since: unix seconds at which it began; None where the app was not told.
        onset_searched: the onset of the replayed incident has been searched for.
        estimated: what that search found.
    """

    latest: Observed[Snapshot | None] = Observed(None)
    displayed: Observed[Snapshot | None] = Observed(None)
    problem = Observed("")
    outdated = Observed(False)
    paused = Observed(False)
    mark: Observed[Mark | None] = Observed(None)
    moment: Observed[float | None] = Observed(None)
    span = Observed(SPAN)
    subject: Observed[tuple[str, str] | None] = Observed(None)
    component = Observed("")
    logs: Observed[LogBook | None] = Observed(None)
    traces: Observed[TraceBook | None] = Observed(None)
    platform: Observed[tuple[Happening, ...]] = Observed(())
    diagnosis: Observed[Diagnosis | None] = Observed(None)
    method = Observed("")
    injection: Observed[Injection | None] = Observed(None)
    secret: Observed[Injection | None] = Observed(None)
    report: Observed[Report | None] = Observed(None)
    check = Observed("")
    game: Observed[Game | None] = Observed(None)
    debrief: Observed[Debrief | None] = Observed(None)

    def __init__(
        self,
        name: str = "",
        armed: bool = False,
        clock: Callable[[], float] = time.time,
        stale_after: float = STALE_AFTER,
        tabs: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.armed = armed
        self.clock = clock
        self.stale_after = stale_after
        self.tabs = tuple(tabs)
        self.deployment: Deployment | None = None
        self.drilled = False
        self.drilled_since: float | None = None
        self.onset_searched = False
        self.estimated: Mark | None = None
        self.values: dict[str, Any] = {}
        self._name = name
        self._followers: list[tuple[tuple[Observed[Any], ...], Callable[[], object]]] = []

    @property
    def name(self) -> str:
        """Name of the deployment."""
        return self.latest.name if self.latest else self._name or "connecting"

    @property
    def replayed(self) -> bool:
        """Whether this is a saved incident, all of which is known; one that plays is as a live deployment."""
        return self.latest is not None and self.latest.incident is not None

    @property
    def verdict(self) -> Verdict | None:
        """The verdict that screens and header show; None where there is none yet."""
        return self.diagnosis.verdict if self.diagnosis else None

    @property
    def unhelped(self) -> bool:
        """Whether no component may be named to who has not asked: a player has to find it."""
        return self.drilled or (self.game is not None and self.game.sealed)

    @property
    def drill_since(self) -> float | None:
        """Unix seconds at which the drill that is played began: older trouble is no part of it. None without one."""
        played: object = self.deployment
        if isinstance(played, Plays):
            return played.start
        if self.game is not None:
            return self.game.began if self.game.running else None
        return self.drilled_since

    @property
    def in_live_drill(self) -> bool:
        """Whether a live drill runs, and what would tell its truth is hidden: from its begin to the guess."""
        return self.game is not None and self.game.live and self.game.sealed and self.game.running

    @property
    def owes_score(self) -> bool:
        """Whether the score of a committed guess is still to be written."""
        return self.game is not None and self.game.stage is Stage.REVEAL and self.debrief is None

    @property
    def held(self) -> Injection | None:
        """The injection that has to end before something else is opened; one that a drill hides has no name."""
        return self.injection if self.injection is not None and self.injection.busy else self.secret

    @property
    def may_abort(self) -> bool:
        """Whether there is an injection that can be undone now, or a live drill that can be given up."""
        shown = self.injection is not None and self.injection.open and not self.injection.reverting
        return shown or self.in_live_drill or self.secret is not None

    def follow(self, attributes: Iterable[Observed[Any]], call: Callable[[], object]) -> None:
        """Call a function after each change of one of these attributes: `session.follow([Session.mark], redraw)`."""
        self._followers.append((tuple(attributes), call))

    def changed(self, attribute: Observed[Any]) -> None:
        """Call the followers of an attribute."""
        for attributes, call in self._followers:
            if attribute in attributes:
                call()
