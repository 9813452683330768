"""A process that sleeps in the target's pod: the smallest fault with something to undo."""

from __future__ import annotations

import os
import signal

from pydantic import Field

from cluster import Deployment, HasPods, Kind
from faults import Availability, Direction, Effect, Fault, Parameters, Plan, Readback, Role


class IdleProcessParameters(Parameters):
    processes: int = Field(default=1, ge=1, le=4, description="sleeping processes [1]")


class IdleProcess(Fault[IdleProcessParameters]):
    """Starts `sleep` in the pod and ends it again."""

    name = "idle-process"
    summary = "A process that only sleeps runs in the pod: nothing should change."
    needs = ("a deployment on this machine",)
    deployments = frozenset({"local"})
    targets = frozenset({Kind.REPLICA})
    effects = (Effect(Role.TARGET, "cpu_usage", Direction.UP, 1.01),)

    @property
    def parameters(self) -> type[IdleProcessParameters]:
        return IdleProcessParameters

    def available(self, deployment: Deployment) -> Availability:
        here = isinstance(deployment, HasPods)
        return Availability(here, "" if here else f"{self.name} needs a deployment on this machine")

    def plan(
        self, deployment: Deployment, target: str, parameters: IdleProcessParameters, injection: str, seconds: float
    ) -> Plan:
        assert isinstance(deployment, HasPods)
        argv = ("sleep", str(int(seconds) + 60))
        return Plan(
            injection=injection,
            fault=self.name,
            target=target,
            components=(target,),
            faulty=(target,),
            uids={target: deployment.pod(target).uid},
            parameters=parameters.model_dump(),
            actions=(f"run `{' '.join(argv)}` in {target}, {parameters.processes} times",),
            undo="pkill -x sleep",
            data={"argv": argv},
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        assert isinstance(deployment, HasPods)
        for _ in range(plan.parameters["processes"]):
            deployment.pod(plan.target).spawn(plan.data["argv"], plan.injection)

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        assert isinstance(deployment, HasPods)
        for pid in deployment.pod(plan.target).tagged(plan.injection):
            os.kill(pid, signal.SIGKILL)

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        assert isinstance(deployment, HasPods)
        left = deployment.pod(plan.target).tagged(plan.injection)
        return Readback(not left, f"{len(left)} processes of the injection run in {plan.target}")
