"""The catalogue of faults: a row each, so that listing them imports none of them.

To add a fault: write `faults/<deployment>/<module>.py` and add its row to `_ENTRIES`. Another package has the row in a
module of its own and announces it as an entry point of the group `rca_tui.faults`; see `cluster.plugins`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cluster.plugins import PluginError, Plugins, collect, instance
from faults.errors import UnknownFault

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from faults.types import Availability, Fault

__all__ = ["Entry", "UnknownFault", "availability", "entries", "entry", "load"]

NO_DEPLOYMENT = "no deployment is connected: start one with `rca-tui up`, or name a cluster's with --context"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: the class `class_name` in `<package>.<deployment>.<module>`, for each of `deployments`.

    Attributes:
        package: where the modules are: ours, or another package's.
        gpu: it is one of a GPU.

    Raises:
        ValueError: it names no deployment.
    """

    name: str
    module: str
    class_name: str
    summary: str
    deployments: tuple[str, ...]
    package: str = "faults"
    gpu: bool = False

    def __post_init__(self) -> None:
        if not self.deployments:
            raise ValueError(f"{self.name} names no deployment")


def entries() -> tuple[Entry, ...]:
    """Every fault by name: ours, and those of other packages."""
    return tuple(sorted((*_ENTRIES, *_others().rows), key=lambda entry: entry.name))


def problems() -> tuple[str, ...]:
    """A sentence for each fault of another package that is left out."""
    return _others().problems


def entry(name: str) -> Entry:
    """The fault of that name. Raises UnknownFault with a sentence that lists those there are."""
    rows = {entry.name: entry for entry in entries()}
    if name not in rows:
        raise UnknownFault(f"there is no fault {name!r}; there are: {', '.join(rows)}")
    return rows[name]


def load(name: str, kind: str | None = None) -> Fault[Any]:
    """The fault as it is on that kind of deployment; None: whichever its row names first. Raises UnknownFault.

    Where it cannot run on that kind it is the one of another, whose `available` says so. So does that of another
    package's fault that cannot be imported.
    """
    from faults.broken import BrokenFault
    from faults.types import Fault

    row = entry(name)
    where = kind if kind in row.deployments else row.deployments[0]
    module = f"{row.package}.{where}.{row.module}"
    if row.package == __package__:
        fault: Fault[Any] = getattr(importlib.import_module(module), row.class_name)()
        return fault
    try:
        return instance(module, row.class_name, Fault)  # type: ignore[type-abstract]
    except PluginError as error:
        return BrokenFault(row.name, row.summary, str(error))


def availability(name: str, deployment: Deployment | None) -> Availability:
    """Whether the fault can run on the deployment (None: there is none), and why not. Raises UnknownFault."""
    from cluster.deployment import DeploymentKind
    from faults.types import Availability

    if deployment is None:
        entry(name)
        return Availability(False, NO_DEPLOYMENT)
    fault = load(name, deployment.kind)
    if deployment.kind is DeploymentKind.REPLAY:
        return Availability(False, "a recording cannot be injected into")
    if deployment.kind is DeploymentKind.ENDPOINTS and deployment.kind not in fault.deployments:
        return Availability(False, f"{name} is no fault of endpoints, which can only be sent requests")
    return fault.available(deployment)


def _others() -> Plugins[Entry]:
    return collect("rca_tui.faults", Entry, frozenset(row.name for row in _ENTRIES))


_ENTRIES = (
    Entry(
        "cpu-stress",
        "cpu_stress",
        "CpuStress",
        "Busy loops inside the pod take its share of the CPU: every request on it waits.",
        ("local", "kubernetes"),
    ),
    Entry(
        "cpu-throttle",
        "cpu_throttle",
        "CpuThrottle",
        "The pod's CPU limit is lowered: it computes slowly (the stand-in for a power cap without a GPU).",
        ("local",),
    ),
    Entry(
        "memory-stress",
        "memory_stress",
        "MemoryStress",
        "A process inside the pod holds memory and keeps writing to it: working set up, CPU share down.",
        ("local", "kubernetes"),
    ),
    Entry(
        "freeze",
        "freeze",
        "Freeze",
        "The replica is stopped as it is (SIGSTOP): its port is open and nothing answers, a zombie engine.",
        ("local", "kubernetes"),
    ),
    Entry(
        "crash",
        "crash",
        "Crash",
        "The replica is killed (SIGKILL): its requests fail, until Serve has started another one.",
        ("local", "kubernetes"),
    ),
    Entry(
        "network-delay",
        "network_delay",
        "NetworkDelay",
        "What leaves the pod is late: its edge is slow while its engine is as fast as before.",
        ("local", "kubernetes"),
    ),
    Entry(
        "network-loss",
        "network_loss",
        "NetworkLoss",
        "A share of what leaves the pod is lost: TCP sends again and again, requests on its edge take longer.",
        ("local", "kubernetes"),
    ),
    Entry(
        "bandwidth",
        "bandwidth",
        "Bandwidth",
        "What leaves the pod is limited to a few kbit/s: answers trickle, the engine itself is healthy.",
        ("local", "kubernetes"),
    ),
    Entry(
        "partition",
        "partition",
        "Partition",
        "The pod is cut off from its peers and the gateway: every packet on the data link is lost.",
        ("local", "kubernetes"),
    ),
    Entry(
        "gateway-slow",
        "gateway_slow",
        "GatewaySlow",
        "The gateway gets its CPU in slices and waits between them: all edges are slow together.",
        ("local",),
    ),
    Entry(
        "gpu-contention",
        "gpu_contention",
        "GpuContention",
        "Another process computes on the same GPU: the engine gets only its turns.",
        ("local",),
        gpu=True,
    ),
    Entry(
        "gpu-memory",
        "gpu_memory",
        "GpuMemory",
        "Another process takes most of the GPU's free memory: the engine's next allocation fails.",
        ("local",),
        gpu=True,
    ),
    Entry(
        "gpu-power-cap",
        "gpu_power_cap",
        "GpuPowerCap",
        "The power limit of a GPU is lowered: its clock falls, and every token takes longer.",
        ("local", "kubernetes"),
        gpu=True,
    ),
    Entry(
        "head-overload",
        "head_overload",
        "HeadOverload",
        "All requests come in through the head, which has too little CPU: everything shifts together.",
        ("local",),
    ),
    Entry(
        "hot-replica",
        "hot_replica",
        "HotReplica",
        "The gateway sends one replica several times its share: that one is swamped, its peers idle.",
        ("local",),
    ),
    Entry(
        "kv-leak",
        "kv_leak",
        "KvLeak",
        "Requests that do not end hold one slot of the KV cache after another: the replica slows down bit by bit.",
        ("local",),
    ),
    Entry(
        "kv-pressure",
        "kv_pressure",
        "KvPressure",
        "More long answers at once than the replica has slots and cache for: the others queue.",
        ("local", "endpoints"),
    ),
    Entry(
        "load-surge",
        "load_surge",
        "LoadSurge",
        "More users than usual at the front door: all of it is slower, and no component is at fault.",
        ("local", "endpoints"),
    ),
    Entry(
        "long-prefill",
        "long_prefill",
        "LongPrefill",
        "A huge prompt now and then: while the replica reads it, every other answer on it stands still.",
        ("local", "endpoints"),
    ),
    Entry(
        "retry-storm",
        "retry_storm",
        "RetryStorm",
        "Clients retry what is not answered soon: the overload outlives its trigger, until it is shed.",
        ("local", "endpoints"),
    ),
    Entry(
        "slow-start",
        "slow_start",
        "SlowStart",
        "The replica restarts cold, with little CPU to load its model: requests to it wait, its peers do its work.",
        ("local",),
    ),
    Entry(
        "telemetry-loss",
        "telemetry_loss",
        "TelemetryLoss",
        "Prometheus cannot scrape the pod, which serves as well as before: its own signals stop.",
        ("local",),
    ),
    Entry(
        "two-at-once",
        "two_at_once",
        "TwoAtOnce",
        "Two faults on different components at the same time: both are to blame.",
        ("local",),
    ),
)
