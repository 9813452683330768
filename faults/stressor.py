"""What cpu-stress and memory-stress share: stress-ng in the target's cgroup and namespaces, found by its tag."""

from __future__ import annotations

import math
import shlex
from abc import abstractmethod
from typing import TYPE_CHECKING

from cluster.deployment import DeploymentError
from faults import tagged
from faults.on_pod import PodFault, pod_of
from faults.types import P, Plan, Readback

if TYPE_CHECKING:
    from cluster.deployment import Deployment

PROGRAM = "stress-ng"
SCRATCH = "/tmp"  # noqa: S108  stress-ng insists on a writable folder, and these stressors put nothing there
OWN_TIMEOUT = 20  # s past its time after which stress-ng ends by itself, should everything else be dead


class Stressor(PodFault[P]):
    needs = ("a deployment on this machine", f"{PROGRAM} on PATH")
    programs = ((PROGRAM, PROGRAM),)

    @abstractmethod
    def stress(self, parameters: P) -> tuple[str, ...]:
        """The options of stress-ng that make this stressor."""

    def plan(self, deployment: Deployment, target: str, parameters: P, injection: str, seconds: float) -> Plan:
        argv = (
            *(PROGRAM, *self.stress(parameters)),
            *("--timeout", f"{math.ceil(seconds) + OWN_TIMEOUT}s", "--temp-path", SCRATCH, "--keep-name", "--quiet"),
        )
        return self.planned(
            deployment,
            target,
            parameters,
            injection,
            actions=(f"in the pod of {target}: {shlex.join(argv)}",),
            undo=tagged.kill_line(injection),
            data={"argv": list(argv)},
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        pod_of(deployment, plan.target).spawn(list(plan.data["argv"]), plan.injection)

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        pod = pod_of(deployment, plan.target)
        if left := tagged.kill(lambda: pod.tagged(plan.injection)):
            raise DeploymentError(f"{len(left)} processes of {PROGRAM} in {plan.target} do not die: {left}")

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        running = len(pod_of(deployment, plan.target).tagged(plan.injection))
        if running:
            return Readback(False, f"{running} processes of {PROGRAM} run in {plan.target}")
        return Readback(True, f"no process of {PROGRAM} is left in {plan.target}")
