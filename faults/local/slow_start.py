"""Slow start: the replica is killed and starts cold, with too little CPU to load its model soon.

What is felt of modes 2, 10 and 11 of the field's list after the restart: a replica that loads its weights, compiles and
fills its caches, while the gateway goes on to send it its share. Requests wait at its proxy, which hands them to the
peers: these carry more, and the fleet is slower than without that replica. At the deadline the CPU limit is set back,
and the fault is over when the replica answers.

On Kubernetes it is not available: Chaos Mesh kills a pod and cannot slow down the one that follows it. There `crash` is
a slow start already, as long as the model loads.
"""

from __future__ import annotations

import signal
from dataclasses import asdict
from typing import TYPE_CHECKING

from pydantic import Field

from cluster.deployment import DeploymentError
from faults.local.control import replica, starvation
from faults.local.control.pod_fault import PodFault, pod_of
from faults.types import Availability, Direction, Effect, Parameters, Plan, Readback, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment


class SlowStartParameters(Parameters):
    """By default a start takes more than twice as long, and the first answers are slow."""

    cores: float = Field(default=0.25, ge=0.05, le=4, description="CPU limit of the pod while it starts [cores]")


class SlowStart(PodFault[SlowStartParameters]):
    name = "slow-start"
    summary = (
        "The replica restarts cold, with little CPU to load its model: requests to it wait, its peers do its work."
    )
    needs = ("a deployment on this machine", "a cgroup (v1 or v2) per pod that may be written")
    transient = True
    effects = (
        Effect(Role.TARGET, "token_rate", Direction.DOWN, 2.0),
        Effect(Role.EDGE, "latency_p90", Direction.UP, 1.5),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.3),
    )

    @property
    def parameters(self) -> type[SlowStartParameters]:
        return SlowStartParameters

    def available(self, deployment: Deployment) -> Availability:
        found = super().available(deployment)
        if not found.ok:
            return found
        pods = deployment.topology().of_kind(*self.targets)
        return starvation.available(deployment, pods[0].id) if pods else found

    def plan(
        self, deployment: Deployment, target: str, parameters: SlowStartParameters, injection: str, seconds: float
    ) -> Plan:
        pod, process = pod_of(deployment, target), replica.serving(deployment, target)
        limit, prior, slow = pod.cpu_limit(), pod.cpu_quota(), pod.cpu_quota(parameters.cores)
        if limit is not None and limit <= parameters.cores:
            raise DeploymentError(
                f"{target} is limited to {limit:g} cores already: for a slow start ask for fewer than that, "
                f"not {parameters.cores:g}"
            )
        back = [starvation.echo(path, content) for path, content in prior.items()]
        return self.make_plan(
            deployment,
            target,
            parameters,
            injection,
            actions=(
                *(starvation.echo(path, content) for path, content in slow.items()),
                f"kill -KILL {process.pid}, the replica of {target}",
            ),
            undo=" ; ".join(back),
            prior={**asdict(process), "quota": prior},
            data={"quota": slow},
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        pod_of(deployment, plan.target).set_cpu_quota(plan.data["quota"])
        replica.send(replica.of(plan), signal.SIGKILL)

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        pod_of(deployment, plan.target).set_cpu_quota(plan.prior["quota"])
        replica.wait_for_another(deployment, plan)

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        pod = pod_of(deployment, plan.target)
        if pod.cpu_quota() != plan.prior["quota"]:
            return Readback(False, f"{plan.target} is limited to {pod.cpu_limit() or 0:g} cores")
        return replica.replaced(deployment, plan)
