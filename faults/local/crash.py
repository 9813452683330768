"""Crash: the process that serves is killed (SIGKILL); Serve starts another one in its place.

What an operator sees of modes 2, 10 and 11 of the field's list when they end in a dead process: requests in flight
fail, the others go to its peers until the pod answers again. It ends on its own, usually before its deadline: when a
new replica has loaded its model.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from faults.local.control import replica
from faults.local.control.replica import ReplicaFault
from faults.types import Direction, Effect, Parameters, Plan, Readback, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from cluster.local.processes import Process


class CrashParameters(Parameters):
    """None: it is killed once."""


class Crash(ReplicaFault[CrashParameters]):
    name = "crash"
    summary = "The replica is killed (SIGKILL): its requests fail, until Serve has started another one."
    number = signal.SIGKILL
    transient = True
    effects = (
        Effect(Role.TARGET, "token_rate", Direction.DOWN, 2.0),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.2),
    )

    @property
    def parameters(self) -> type[CrashParameters]:
        return CrashParameters

    def undo(self, process: Process) -> str:
        return "rca-tui down && rca-tui up"

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        """Nothing can be reverted: wait until Serve has started another replica."""
        replica.wait_for_another(deployment, plan)

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        return replica.replaced(deployment, plan)
