"""Freeze: the process that serves is stopped (SIGSTOP). Its port stays open and nothing answers.

Mode 5 of the field's list, the zombie engine, and what users see of modes 3 and 4, where a rank hangs: HTTP connects,
requests wait, no token comes, no error is logged. A request that waits has no latency yet: the gateway's is that of
the other pods until clients give up or the replica goes on. Once they give up, requests end at their usual rate. Beyond
its health check's patience Serve replaces such a replica; then the target is another one, and the fault is ended.
"""

from __future__ import annotations

import signal
from dataclasses import asdict
from typing import TYPE_CHECKING

from cluster.local.processes import stat_fields
from faults.local.control import replica
from faults.local.control.on_pod import PodFault
from faults.types import Direction, Effect, Parameters, Plan, Readback, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment

_STOPPED = ("T", "t")


class FreezeParameters(Parameters):
    """None: it is frozen or it is not."""


class Freeze(PodFault[FreezeParameters]):
    name = "freeze"
    summary = "The replica is stopped as it is (SIGSTOP): its port is open and nothing answers, a zombie engine."
    needs = ("a deployment on this machine",)
    effects = (
        Effect(Role.TARGET, "token_rate", Direction.DOWN, 2.0),
        Effect(Role.FRONT_DOOR, "connections", Direction.UP, 1.5),
    )

    @property
    def parameters(self) -> type[FreezeParameters]:
        return FreezeParameters

    def plan(
        self, deployment: Deployment, target: str, parameters: FreezeParameters, injection: str, seconds: float
    ) -> Plan:
        process = replica.serving(deployment, target)
        return self.planned(
            deployment,
            target,
            parameters,
            injection,
            actions=(f"kill -STOP {process.pid}, the replica of {target}",),
            undo=f"kill -CONT {process.pid}",
            prior=asdict(process),
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        replica.send(replica.of(plan), signal.SIGSTOP)

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        replica.send(replica.of(plan), signal.SIGCONT)

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        process = replica.of(plan)
        if not process.alive():
            return Readback(True, f"the frozen replica of {plan.target} is no more")
        if set(stat_fields(process.pid)[:1]) & set(_STOPPED):
            return Readback(False, f"the replica of {plan.target} is stopped")
        return Readback(True, f"the replica of {plan.target} runs")
