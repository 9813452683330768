"""Freeze: the process that serves is stopped (SIGSTOP). Its port stays open and nothing answers.

Mode 5 of the field's list, the zombie engine, and what users see of modes 3 and 4, where a rank hangs: HTTP connects,
requests wait, no token comes, no error is logged. A request that waits has no latency yet: the gateway's is that of
the other pods until clients give up or the replica goes on. Once they give up, requests end at their usual rate. When
its health check has failed for long enough Serve replaces the replica, which ends the fault.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from cluster.local.processes import Process, stat_fields
from faults.local.control import replica
from faults.local.control.replica import ReplicaFault
from faults.types import Direction, Effect, Parameters, Plan, Readback, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment

_STOPPED = ("T", "t")


class FreezeParameters(Parameters):
    """None: it is frozen or it is not."""


class Freeze(ReplicaFault[FreezeParameters]):
    name = "freeze"
    summary = "The replica is stopped as it is (SIGSTOP): its port is open and nothing answers, a zombie engine."
    number = signal.SIGSTOP
    effects = (
        Effect(Role.TARGET, "token_rate", Direction.DOWN, 2.0),
        Effect(Role.FRONT_DOOR, "connections", Direction.UP, 1.5),
    )

    @property
    def parameters(self) -> type[FreezeParameters]:
        return FreezeParameters

    def undo(self, process: Process) -> str:
        return f"kill -CONT {process.pid}"

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        replica.send(replica.of(plan), signal.SIGCONT)

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        process = replica.of(plan)
        if not process.alive():
            return Readback(True, f"the frozen replica of {plan.target} has ended")
        if set(stat_fields(process.pid)[:1]) & set(_STOPPED):
            return Readback(False, f"the replica of {plan.target} is stopped")
        return Readback(True, f"the replica of {plan.target} runs")
