"""The interface of a deployment: what the app, the drills and the recorder ask of it, wherever it runs.

`cluster.local` starts one on this machine, `cluster.kubernetes` connects to one by kubeconfig context, `cluster.replay`
reads a saved incident. Calls block and keep a deadline; callers that must not wait run them in a thread.

What only some deployments can do is a protocol of its own, asked by `isinstance`: `HasAlerts`, `HasEvents`,
`HasPods`, `HasGateway`, `HasLoad`, `HasIncident`, `Plays`, and `cluster.prometheus.exposition.HasExposition`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from cluster.errors import RcaError
from cluster.provenance import Provenance
from cluster.topology import Topology
from cluster.window import Window

if TYPE_CHECKING:  # pandas takes half a second to import, and starting or stopping a deployment needs none of it
    import pandas as pd

    from cluster.incident.model import Incident


class DeploymentError(RcaError):
    """The deployment does not work, or cannot do what was asked of it."""

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed a little later: an outage, not a refusal."""
        return False


class DeploymentKind(StrEnum):
    """Where a deployment runs; REPLAY: nowhere, its telemetry is a saved incident's."""

    LOCAL = "local"
    KUBERNETES = "kubernetes"
    ENDPOINTS = "endpoints"
    REPLAY = "replay"


class Liveness(StrEnum):
    """LIVE: fresh data. STALE: it answers but its data is old. DOWN: it does not answer. REPLAY: a saved incident."""

    LIVE = "LIVE"
    STALE = "STALE"
    DOWN = "DOWN"
    REPLAY = "REPLAY"


@dataclass(frozen=True, slots=True)
class Status:
    """How a deployment is now. `data_age` is seconds since the newest sample, None when there is none.

    `fresh` is the age in seconds from which the data counts as stale; it grows with the scrape interval.
    """

    liveness: Liveness
    data_age: float | None
    message: str = ""
    components: Mapping[str, bool] = field(default_factory=dict)
    fresh: float = 0.0


@dataclass(frozen=True, slots=True)
class Samples:
    """Metrics of one window on a regular grid; shapes as in `cluster.incident.model.Telemetry`.

    `notes` names every series that could not be read: it stays a gap. `provenance` says it of every signal.
    """

    metrics: pd.DataFrame
    edge_metrics: pd.DataFrame
    notes: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)


class Deployment(ABC):
    """Where telemetry comes from. Raises `DeploymentError`, nothing else, for what the user can repair."""

    kind: ClassVar[DeploymentKind]
    step: ClassVar[float] = 1.0
    """Seconds between two samples: a shorter step brings no new values."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What a person calls it: `local`, the name of a context, the name of an incident."""

    @property
    @abstractmethod
    def instance(self) -> str:
        """Changes when the deployment is started again: an injection belongs to one instance."""

    @abstractmethod
    def topology(self) -> Topology:
        """Its components and edges as they are now."""

    @abstractmethod
    def status(self) -> Status:
        """Whether it answers, and how old its newest sample is."""

    @abstractmethod
    def samples(self, window: Window, step: float, signals: Sequence[str] | None = None) -> Samples:
        """Canonical signals (`cluster.signals`) of all components, or those named, every `step` seconds."""

    @abstractmethod
    def spans(self, window: Window) -> pd.DataFrame:
        """Columns `cluster.incident.model.SPAN_COLUMNS`. `attrs["notes"]` names what is missing."""

    @abstractmethod
    def logs(self, window: Window) -> pd.DataFrame:
        """Columns `cluster.incident.model.LOG_COLUMNS`. `attrs["notes"]` names what is missing."""

    @abstractmethod
    def close(self) -> None:
        """Release connections and threads."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A finished command inside a pod."""

    code: int
    stdout: str
    stderr: str


class Pod(Protocol):
    """Control of one component of a deployment that runs on this machine."""

    @property
    def component(self) -> str: ...

    @property
    def uid(self) -> str:
        """Changes when what runs behind the component is replaced."""

    def run(self, argv: Sequence[str], timeout: float = 10.0) -> Completed:
        """Run a command in the pod's namespaces and cgroup and wait for it. Raises DeploymentError past the timeout."""

    def spawn(self, argv: Sequence[str], tag: str) -> None:
        """Start a command in the pod's namespaces and cgroup and leave it running, findable by `tag`.

        It outlives this process.
        """

    def tagged(self, tag: str) -> list[int]:
        """Pids, as this process sees them, of what `spawn` started under the tag and its children."""

    def pids(self) -> list[int]:
        """All processes of the pod, as this process sees them."""

    def replica(self) -> int | None:
        """Pid of the process that serves, as this process sees it; None while there is none."""

    def answers(self) -> bool:
        """Whether what serves in this pod answers a request now, not another pod in its place."""

    def cpu_limit(self) -> float | None:
        """In cores; None where it has none. Raises DeploymentError, with the reason, where none can be set."""

    def cpu_quota(self, cores: float | None = None, period: float = 0.1) -> dict[str, str]:
        """File path -> content of the files that hold its CPU limit, in the order in which to write them.

        As they are now, or as they would be for `cores` with a CFS period of `period` seconds (at most 1): processes
        that have used up the quota wait for the next period. Raises as `cpu_limit`.
        """

    def set_cpu_quota(self, quota: Mapping[str, str]) -> None:
        """Write the files of `cpu_quota`. Raises DeploymentError, also for any other file."""

    def manual_command(self, argv: Sequence[str]) -> str:
        """The shell command with which a person runs `argv` in the pod's namespaces."""


class Gateway(Protocol):
    """Control of the routing of a gateway that this machine can configure. All raise DeploymentError."""

    def config(self) -> str:
        """Its configuration, as it is stored."""

    def routing(self) -> str:
        """The name of the routing in force, as the running gateway reports it."""

    def with_routing(self, name: str, weights: Mapping[str, int], detours: Mapping[str, str]) -> str:
        """The stored configuration with another routing.

        Args:
            name: of the routing, which the gateway then reports.
            weights: pod -> weight; 1 for those that are missing.
            detours: pod -> `address:port` to send its requests to.
        """

    def replace(self, config: str, name: str) -> None:
        """Store a configuration and reload the gateway; returns once the gateway reports the routing `name`.

        The configuration before it is backed up first, for a person who has to restore it by hand.
        """

    def usual(self) -> tuple[str, str]:
        """The configuration that the deployment was started with, built anew, and the name of its routing."""

    def restore(self, replaced: str) -> None:
        """Go back to `usual`, to undo the routing `replaced`: deletes the backup that was made for it."""

    def manual_command(self, name: str) -> str:
        """The shell command with which a person undoes the routing of that name; harmless where it is not in force."""


@runtime_checkable
class HasGateway(Protocol):
    """A deployment whose gateway this machine can configure."""

    def gateway(self) -> Gateway: ...


@runtime_checkable
class HasAlerts(Protocol):
    """A deployment whose metrics server evaluates alerting rules."""

    def pending_since(self, labels: Mapping[str, str], at: float) -> float | None:
        """Unix seconds at which the condition of an alert that fired at `at` became true; None if that is not known.

        `labels` are the alert's, hostile text. Raises DeploymentError when the server does not answer.
        """


@runtime_checkable
class HasEvents(Protocol):
    """A deployment whose platform records events: restarts, evictions, failed probes."""

    def events(self, window: Window) -> pd.DataFrame:
        """Columns `cluster.incident.model.EVENT_COLUMNS`. `attrs["notes"]` names what is missing.

        Raises DeploymentError when they cannot be read.
        """


@runtime_checkable
class HasPods(Protocol):
    """A deployment whose pods this machine can act on: what local faults need."""

    def pod(self, component: str) -> Pod: ...


@runtime_checkable
class HasLoad(Protocol):
    """A deployment whose usual load is our own."""

    def set_rate(self, rate: float | None) -> None:
        """Send `rate` requests per second from now on, None for the usual number. Raises DeploymentError."""


@runtime_checkable
class HasIncident(Protocol):
    """A deployment that replays a saved incident: its telemetry ends with the recording."""

    incident: Incident


@runtime_checkable
class Plays(Protocol):
    """A recording that is played: it lives in another time than this machine.

    `start` is its first sample's time, `later` the seconds by which all is later than it was recorded; `origin` is the
    kind of deployment that it was recorded from, and `gpus` says whether that had any.
    """

    start: float
    later: float
    origin: str
    gpus: bool

    @property
    def ended(self) -> bool:
        """Whether all of it has been played."""

    def clock(self) -> float:
        """Unix seconds by which its telemetry is dated."""

    def begin(self) -> None:
        """Let a clock that was held at the first sample run."""
