"""CPU throttle: the pod's CPU limit is lowered, and the kernel stops it for most of every period.

Mode 9 of the field's list (CPU starvation), and on a machine without a GPU the stand-in for mode 1, a power cap: the
same work at a fraction of the speed, no added process and no error. For a real power cap see `gpu-power-cap`.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from pydantic import Field

from cluster.deployment import DeploymentError
from faults.local.control.pod_fault import PodFault, pod_of
from faults.types import Availability, Direction, Effect, Parameters, Plan, Readback, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment


class CpuThrottleParameters(Parameters):
    """The default leaves a pod with half a core two fifths of it."""

    cores: float = Field(default=0.2, ge=0.05, le=16, description="CPU limit while active [cores]")


class CpuThrottle(PodFault[CpuThrottleParameters]):
    name = "cpu-throttle"
    summary = "The pod's CPU limit is lowered: it computes slowly (the stand-in for a power cap without a GPU)."
    needs = ("a deployment on this machine", "a cgroup (v1 or v2) per pod that may be written")
    effects = (
        Effect(Role.TARGET, "cpu_throttled", Direction.UP, 1.5),
        Effect(Role.TARGET, "latency_p90", Direction.UP, 2.0),
        Effect(Role.EDGE, "latency_p90", Direction.UP, 2.0),
    )

    @property
    def parameters(self) -> type[CpuThrottleParameters]:
        return CpuThrottleParameters

    def available(self, deployment: Deployment) -> Availability:
        found = super().available(deployment)
        if not found.ok:
            return found
        try:
            for component in deployment.topology().of_kind(*self.targets):
                pod_of(deployment, component.id).cpu_quota()
        except DeploymentError as error:
            return Availability(False, str(error))
        return found

    def plan(
        self, deployment: Deployment, target: str, parameters: CpuThrottleParameters, injection: str, seconds: float
    ) -> Plan:
        pod = pod_of(deployment, target)
        limit, prior, wanted = pod.cpu_limit(), pod.cpu_quota(), pod.cpu_quota(parameters.cores)
        if limit is not None and limit <= parameters.cores:
            raise DeploymentError(
                f"{target} is limited to {limit:g} cores already: to throttle it ask for fewer than that, "
                f"not {parameters.cores:g}"
            )
        return self.make_plan(
            deployment,
            target,
            parameters,
            injection,
            actions=tuple(_line(path, content) for path, content in wanted.items()),
            undo=" && ".join(_line(path, content) for path, content in prior.items()),
            prior=prior,
            data=wanted,
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        pod_of(deployment, plan.target).set_cpu_quota(plan.data)

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        pod_of(deployment, plan.target).set_cpu_quota(plan.prior)

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        limit = pod_of(deployment, plan.target).cpu_limit()
        shown = "unlimited" if limit is None else f"limited to {limit:g} cores"
        return Readback(pod_of(deployment, plan.target).cpu_quota() == plan.prior, f"{plan.target} is {shown}")


def _line(path: str, content: str) -> str:
    return f"echo {shlex.quote(content)} > {shlex.quote(path)}"
