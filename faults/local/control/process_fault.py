"""Base of faults that are a process: started in a pod, found by its tag, ends on its own past the deadline."""

from __future__ import annotations

import math
import shlex
import sys
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.deployment import DeploymentError
from faults.local.control import tags
from faults.local.control.pod_fault import PodFault, pod_of
from faults.types import P, Plan, Readback

if TYPE_CHECKING:
    from cluster.deployment import Deployment

OWN_TIMEOUT = 20  # s past the deadline after which the process ends on its own if nothing else ended it


def lifetime(seconds: float) -> int:
    """Seconds after which a process of a fault of `seconds` must end on its own."""
    return math.ceil(seconds) + OWN_TIMEOUT


def script(name: str) -> tuple[str, ...]:
    """The command of a program in this folder. It needs only the standard library, and so starts at once."""
    return (sys.executable, "-I", "-S", str(Path(__file__).absolute().with_name(f"{name}.py")))


class ProcessFault(PodFault[P]):
    @abstractmethod
    def argv(self, target: str, parameters: P, lifetime: int) -> tuple[str, ...]:
        """The command, which must end on its own after `lifetime` seconds. Raises DeploymentError."""

    def runs_in(self, target: str) -> str:
        """The pod in which it is started."""
        return target

    def plan(self, deployment: Deployment, target: str, parameters: P, injection: str, seconds: float) -> Plan:
        argv, pod = self.argv(target, parameters, lifetime(seconds)), self.runs_in(target)
        return self.make_plan(
            deployment,
            target,
            parameters,
            injection,
            actions=(f"in the pod of {pod}: {shlex.join(argv)}",),
            undo=tags.kill_line(injection),
            data={"pod": pod, "argv": list(argv)},
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        pod_of(deployment, str(plan.data["pod"])).spawn(list(plan.data["argv"]), plan.injection)

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        pod = pod_of(deployment, str(plan.data["pod"]))
        if left := tags.kill(lambda: pod.tagged(plan.injection)):
            raise DeploymentError(f"{len(left)} processes of {self.name} in {pod.component} do not die: {left}")

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        pod = pod_of(deployment, str(plan.data["pod"]))
        running = len(pod.tagged(plan.injection))
        if running:
            return Readback(False, f"{running} processes of {self.name} run in {pod.component}")
        return Readback(True, f"no process of {self.name} is left in {pod.component}")
