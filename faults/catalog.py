"""All faults by name, without importing any of them: a class is loaded when it is asked for."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from faults.errors import UnknownFault

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from faults.types import Availability, Fault

__all__ = ["Entry", "UnknownFault", "availability", "entries", "entry", "load"]

NO_DEPLOYMENT = "no deployment is connected: start one with `rca-tui up`"


@dataclass(frozen=True, slots=True)
class Entry:
    """One fault: the class `class_name` in `faults.<module>`."""

    name: str
    module: str
    class_name: str
    summary: str
    deployments: tuple[str, ...]


def entries() -> tuple[Entry, ...]:
    """Every fault, by name."""
    return tuple(sorted(_ENTRIES, key=lambda entry: entry.name))


def entry(name: str) -> Entry:
    """The fault of that name. Raises UnknownFault with a sentence that lists those there are."""
    for candidate in _ENTRIES:
        if candidate.name == name:
            return candidate
    raise UnknownFault(f"there is no fault {name!r}; there are: {', '.join(e.name for e in entries())}")


def load(name: str) -> Fault[Any]:
    """The fault itself. Raises UnknownFault."""
    found = entry(name)
    fault: Fault[Any] = getattr(importlib.import_module(f"faults.{found.module}"), found.class_name)()
    return fault


def availability(name: str, deployment: Deployment | None) -> Availability:
    """Whether the fault can run on the deployment (None: there is none), and why not. Raises UnknownFault."""
    from faults.types import Availability

    fault = load(name)
    return Availability(False, NO_DEPLOYMENT) if deployment is None else fault.available(deployment)


_ENTRIES = (
    Entry(
        "cpu-stress",
        "cpu_stress",
        "CpuStress",
        "Busy loops inside the pod take its share of the CPU: every request on it waits.",
        ("local",),
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
        ("local",),
    ),
    Entry(
        "freeze",
        "freeze",
        "Freeze",
        "The replica is stopped as it is (SIGSTOP): its port is open and nothing answers, a zombie engine.",
        ("local",),
    ),
    Entry(
        "crash",
        "crash",
        "Crash",
        "The replica is killed (SIGKILL): its requests fail, until Serve has started another one.",
        ("local",),
    ),
    Entry(
        "network-delay",
        "network_delay",
        "NetworkDelay",
        "What leaves the pod is late: its edge is slow while its engine is as fast as before.",
        ("local",),
    ),
    Entry(
        "network-loss",
        "network_loss",
        "NetworkLoss",
        "A share of what leaves the pod is lost: TCP sends again and again, requests on its edge take longer.",
        ("local",),
    ),
    Entry(
        "bandwidth",
        "bandwidth",
        "Bandwidth",
        "What leaves the pod is limited to a few kbit/s: answers trickle, the engine itself is well.",
        ("local",),
    ),
    Entry(
        "partition",
        "partition",
        "Partition",
        "The pod is cut off from its peers and the gateway: every packet on the data link is lost.",
        ("local",),
    ),
)
