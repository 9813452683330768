"""Faults and the parts of the engine that know the fake deployment; also run as the watchdog's program."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import fake_deployment
from pydantic import Field

from cluster.deployment import Deployment
from cluster.topology import Kind
from faults import watchdog
from faults.local.control import reconnect
from faults.local.cpu_stress import CpuStress, CpuStressParameters
from faults.types import Availability, Direction, Effect, Fault, Parameters, Plan, Readback, Role
from faults.undo import Undo


class FakeStress(CpuStress):
    """cpu-stress on the fake deployment: real processes, bound to a small share of a core."""

    name = "fake-stress"
    deployments = frozenset({"fake"})
    effects = (
        Effect(Role.EDGE, "latency_p90", Direction.UP, 2.0),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.5),
    )

    def plan(
        self, deployment: Deployment, target: str, parameters: CpuStressParameters, injection: str, seconds: float
    ) -> Plan:
        quiet = parameters.model_copy(update={"workers": 1, "load": 1})
        return super().plan(deployment, target, quiet, injection, seconds)


class NoParameters(Parameters):
    size: int = Field(default=1, ge=1, le=10)


class Backend:
    """What a fault acts on, for tests in one process: it fails on request."""

    def __init__(self) -> None:
        self.injected: set[str] = set()
        self.inject_fails: str = ""  # "before", "after" or nothing
        self.reverts_that_fail = 0
        self.readbacks_that_fail = 0


class FakeFault(Fault[NoParameters]):
    name = "fake-fault"
    summary = "does what it is told"
    deployments = frozenset({"fake"})
    targets = frozenset({Kind.HEAD, Kind.REPLICA})
    effects = ()

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    @property
    def parameters(self) -> type[NoParameters]:
        return NoParameters

    def available(self, deployment: Deployment) -> Availability:
        return Availability(True)

    def plan(
        self, deployment: Deployment, target: str, parameters: NoParameters, injection: str, seconds: float
    ) -> Plan:
        return Plan(injection, self.name, target, (target,), (target,), {}, parameters.model_dump(), ("it",), "undo it")

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        if self.backend.inject_fails == "before":
            raise RuntimeError("inject fails before it did anything")
        self.backend.injected.add(plan.injection)
        if self.backend.inject_fails == "after":
            raise RuntimeError("inject fails half way")

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        if self.backend.reverts_that_fail:
            self.backend.reverts_that_fail -= 1
            raise RuntimeError("revert fails")
        self.backend.injected.discard(plan.injection)

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        if self.backend.readbacks_that_fail:
            self.backend.readbacks_that_fail -= 1
            raise RuntimeError("readback fails")
        there = plan.injection in self.backend.injected
        return Readback(not there, "it is there" if there else "nothing is there")


class Keeper:
    """Stands in for a watchdog's process where no process is needed."""

    def poll(self) -> int | None:
        return None

    def wait(self, timeout: float) -> int:
        return 0


def load(name: str, kind: str) -> Fault[Any]:
    return {"fake-stress": FakeStress}[name]()


UNDO = Undo(
    connect=fake_deployment.connect,
    end_orphans=reconnect.end_orphans,
    load=load,
    unhealthy=lambda deployment, level: "",
    stretch=lambda deployment: 0.0,
)
WATCHDOG = (sys.executable, str(Path(__file__).absolute()))

if __name__ == "__main__":
    sys.exit(watchdog.main(sys.argv[1:], UNDO))
