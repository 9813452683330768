"""Crash: the process that serves is killed (SIGKILL); Serve starts another one in its place.

What an operator sees of modes 2, 10 and 11 of the field's list when they end in a dead process: requests in flight
fail, the others are passed on to its peers until the pod answers again. It passes by itself, usually before its time:
when the pod answers, which takes as long as a new replica needs to load its model.
"""

from __future__ import annotations

import signal
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from cluster.deployment import DeploymentError
from faults.local.control import replica
from faults.local.control.on_pod import PodFault, pod_of
from faults.types import Direction, Effect, Parameters, Plan, Readback, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment

RESTART_PATIENCE = 15.0  # s, of each of several attempts to find that it answers again


class CrashParameters(Parameters):
    """None: it is killed once."""


class Crash(PodFault[CrashParameters]):
    name = "crash"
    summary = "The replica is killed (SIGKILL): its requests fail, until Serve has started another one."
    needs = ("a deployment on this machine",)
    passing = True
    effects = (
        Effect(Role.TARGET, "token_rate", Direction.DOWN, 2.0),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.2),
    )

    @property
    def parameters(self) -> type[CrashParameters]:
        return CrashParameters

    def plan(
        self, deployment: Deployment, target: str, parameters: CrashParameters, injection: str, seconds: float
    ) -> Plan:
        process = replica.serving(deployment, target)
        return self.planned(
            deployment,
            target,
            parameters,
            injection,
            actions=(f"kill -KILL {process.pid}, the replica of {target}",),
            undo="rca-tui down && rca-tui up",
            prior=asdict(process),
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        replica.send(replica.of(plan), signal.SIGKILL)

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        """There is nothing to take back: wait until Serve has done its part."""
        until = time.monotonic() + RESTART_PATIENCE
        while not self.readback(deployment, plan).clean:
            if time.monotonic() > until:
                raise DeploymentError(f"no replica answers in {plan.target} yet")
            time.sleep(0.5)

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        if replica.of(plan).alive():
            return Readback(True, f"the replica of {plan.target} was not killed")
        if pod_of(deployment, plan.target).answers():
            return Readback(True, f"{plan.target} answers again")
        return Readback(False, f"{plan.target} does not answer")
