"""CPU stress: busy loops inside the target's pod compete with the engine for the pod's share of the CPU.

The study's first fault (there by Chaos Mesh's StressChaos, 16 workers at 100 %). stress-ng runs in the pod's cgroup and
namespaces, so where the pod has a CPU limit its peers on the same machine are left alone: the pod is throttled, its
requests queue, and its latency rises while its tokens per second fall.
"""

from __future__ import annotations

import math
import shlex
import shutil
from typing import TYPE_CHECKING

from pydantic import Field

from cluster.deployment import DeploymentError, HasPods, Pod
from cluster.local.layout import ENV_TAG
from cluster.topology import Kind
from faults import tagged
from faults.preflight import uid_of
from faults.types import Availability, Direction, Effect, Fault, Parameters, Plan, Readback, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment

PROGRAM = "stress-ng"
SCRATCH = "/tmp"  # noqa: S108  stress-ng insists on a writable folder, and this stressor puts nothing there
OWN_TIMEOUT = 20  # s past its time after which stress-ng ends by itself, should everything else be dead


class CpuStressParameters(Parameters):
    """Defaults starve a pod of half a core."""

    workers: int = Field(default=4, ge=1, le=16, description="busy loops [1]")
    load: int = Field(default=100, ge=1, le=100, description="share of a core that each asks for [%]")


class CpuStress(Fault[CpuStressParameters]):
    name = "cpu-stress"
    summary = "Busy loops inside the pod take its share of the CPU: every request on it waits."
    needs = ("a deployment on this machine", "stress-ng on PATH")
    deployments = frozenset({"local"})
    targets = frozenset({Kind.HEAD, Kind.REPLICA})
    effects = (
        Effect(Role.TARGET, "latency_p90", Direction.UP, 2.0),
        Effect(Role.EDGE, "latency_p90", Direction.UP, 2.0),
        Effect(Role.TARGET, "cpu_throttled", Direction.UP, 1.5),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.5),
    )

    @property
    def parameters(self) -> type[CpuStressParameters]:
        return CpuStressParameters

    def available(self, deployment: Deployment) -> Availability:
        if not isinstance(deployment, HasPods):
            return Availability(False, f"{self.name} needs a deployment on this machine, not one of {deployment.kind}")
        if shutil.which(PROGRAM) is None:
            return Availability(False, f"{PROGRAM} is not on PATH: install it (Debian: apt install {PROGRAM})")
        return Availability(True)

    def plan(
        self, deployment: Deployment, target: str, parameters: CpuStressParameters, injection: str, seconds: float
    ) -> Plan:
        argv = (
            *(PROGRAM, "--cpu", str(parameters.workers), "--cpu-load", str(parameters.load)),
            *("--timeout", f"{math.ceil(seconds) + OWN_TIMEOUT}s", "--temp-path", SCRATCH, "--keep-name", "--quiet"),
        )
        return Plan(
            injection=injection,
            fault=self.name,
            target=target,
            components=(target,),
            faulty=(target,),
            uids={target: uid_of(deployment, target)},
            parameters=parameters.model_dump(),
            actions=(f"in the pod of {target}: {shlex.join(argv)}",),
            undo=f"grep -slz '^{ENV_TAG}={injection}$' /proc/[0-9]*/environ | cut -d/ -f3 | xargs -r kill -9",
            data={"argv": list(argv)},
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        _pod(deployment, plan).spawn(list(plan.data["argv"]), plan.injection)

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        pod = _pod(deployment, plan)
        if left := tagged.kill(lambda: pod.tagged(plan.injection)):
            raise DeploymentError(f"{len(left)} processes of {PROGRAM} in {plan.target} do not die: {left}")

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        running = len(_pod(deployment, plan).tagged(plan.injection))
        if running:
            return Readback(False, f"{running} processes of {PROGRAM} run in {plan.target}")
        return Readback(True, f"no process of {PROGRAM} is left in {plan.target}")


def _pod(deployment: Deployment, plan: Plan) -> Pod:
    if not isinstance(deployment, HasPods):
        raise DeploymentError(f"the deployment {deployment.kind} has no pods that this machine can act on")
    return deployment.pod(plan.target)
