"""What the app knows, as frozen values: workers make them, messages carry them, screens show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cluster.deployment import DeploymentKind, Liveness
from cluster.topology import Topology
from faults.states import State
from rca_tui.draw.frames import Frames

if TYPE_CHECKING:
    from cluster.incident.model import Incident
    from methods.answer.consensus import Consensus
    from methods.running.runner import Result

STALE_AFTER = 6.0
"""Seconds without a new sample after which data no longer counts as live."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One look at the deployment.

    `newest` is the unix time of the newest sample, None when there is none; `liveness` and `fresh` as in
    `cluster.deployment`; `step` is after how many seconds another look is worth while.
    """

    kind: DeploymentKind
    name: str
    liveness: Liveness
    message: str
    newest: float | None
    topology: Topology
    frames: Frames
    up: Mapping[str, bool] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    incident: Incident | None = None
    fresh: float = 0.0
    step: float = 1.0

    @property
    def start(self) -> float:
        return self.frames.start if self.frames.start is not None else 0.0

    @property
    def end(self) -> float:
        return self.frames.end if self.frames.end is not None else 1.0


@dataclass(frozen=True, slots=True)
class Mark:
    """The onset in unix seconds; `claim` is why, one sentence."""

    time: float
    by_operator: bool
    claim: str = ""

    @property
    def label(self) -> str:
        return "onset (set)" if self.by_operator else "onset (est.)"


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """One run of the methods over one incident.

    `frames` are the incident's own: evidence is plotted from them. `workers` methods run at a time.
    """

    incident: Incident
    frames: Frames
    mark: Mark | None
    running: bool
    workers: int = 1
    results: Mapping[str, Result] = field(default_factory=dict)
    consensus: Consensus | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault as the screens show it; `state` is the journal's, times are unix seconds.

    `started` and `ended` bound the time it was active; `deadline` is when it is undone by itself. `open` while
    something may still have to be undone; one that is not open and still PLANNED was refused, and nothing was touched.
    `undo` is the command for a person when it is STUCK; `inherited` when an earlier run left it.
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
