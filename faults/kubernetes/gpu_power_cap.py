"""GPU power cap: `nvidia-smi -pl` in the device plugin's pod of the GPU's node, as in the study; its 150 W by default.

A Job in the cluster removes the cap past the deadline (control/keeper.py). It is ready before the cap is set, so that
the cap is removed even if this machine dies.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pydantic import Field

from cluster.deployment import DeploymentError
from cluster.kubernetes.resources import JOBS
from cluster.topology import Kind
from faults.kubernetes.control import keeper
from faults.kubernetes.control.cluster_fault import ClusterFault, Right, cluster_of, exec_in, kubectl, name_of
from faults.kubernetes.control.gpu import Plugin, set_limit, uuid_of
from faults.types import Direction, Effect, Parameters, Plan, Readback, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment

NAMESPACE = "gpu-operator"  # where the operator, and so the device plugin, is
TOLERANCE = 1.0  # W; drivers round
READY_PATIENCE = 12.0  # s, until the Job's pod is ready; the engine allows 15 s in all
POLL = 0.25


class GpuPowerCapParameters(Parameters):
    """The study's cap, far below what any data-centre GPU draws under load; some take no less than 200 W."""

    watts: int = Field(default=150, ge=50, le=2000, description="power limit while it is active [W]")


class GpuPowerCap(ClusterFault[GpuPowerCapParameters]):
    name = "gpu-power-cap"
    summary = "The power limit of a GPU is lowered: its clock falls, and every token takes longer."
    needs = ("a deployment on Kubernetes", "the NVIDIA GPU operator", "the drill account with its role there")
    targets = frozenset({Kind.GPU})
    rights = (
        *exec_in(),
        *exec_in(NAMESPACE),
        *(Right(verb, JOBS, namespace=NAMESPACE) for verb in ("create", "get", "delete")),
    )
    effects = (
        Effect(Role.TARGET, "gpu_power_limit", Direction.DOWN, 1.1),
        Effect(Role.TARGET, "gpu_sm_clock", Direction.DOWN, 1.1),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.2),
    )

    @property
    def parameters(self) -> type[GpuPowerCapParameters]:
        return GpuPowerCapParameters

    def plan(
        self, deployment: Deployment, target: str, parameters: GpuPowerCapParameters, injection: str, seconds: float
    ) -> Plan:
        cluster = cluster_of(deployment)
        uuid, node = uuid_of(cluster, target)
        plugin = Plugin.on(cluster, node)
        limit = plugin.limit(cluster, uuid)
        if not limit.lowest <= parameters.watts < limit.now:
            raise DeploymentError(
                f"the GPU of {target} takes {limit.lowest:g} W or more, and {limit.now:g} W are in force: "
                f"{parameters.watts} W is no cap that it takes"
            )
        name = name_of(injection)
        job = keeper.job(name, plugin, node, uuid, limit.now, seconds)
        inside = ("exec", plugin.pod, "--container", plugin.container, "--")
        return Plan(
            injection=injection,
            fault=self.name,
            target=target,
            components=(target,),
            faulty=(target,),
            uids={target: cluster.topology().component(target).uid},
            parameters=parameters.model_dump(),
            actions=(
                f"create Job {name} in {plugin.namespace} of {cluster.api.context}: it sets {limit.now:g} W back",
                kubectl(cluster, plugin.namespace, *inside, *set_limit(uuid, parameters.watts)),
            ),
            undo=kubectl(cluster, plugin.namespace, *inside, *set_limit(uuid, limit.now)),
            prior={"watts": limit.now},
            data={"namespace": plugin.namespace, "node": node, "uuid": uuid, "job": job},
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        cluster = cluster_of(deployment)
        namespace, name = str(plan.data["namespace"]), name_of(plan.injection)
        cluster.api.create(JOBS, namespace, plan.data["job"])
        until = time.monotonic() + READY_PATIENCE
        while not keeper.ready(cluster.api, namespace, name):
            if time.monotonic() >= until:
                raise DeploymentError(f"the Job {name} that would take the cap off did not become ready")
            time.sleep(POLL)
        self._set(deployment, plan, float(plan.parameters["watts"]))

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        """The limit first: when that fails, the Job is still there to restore it."""
        self._set(deployment, plan, float(plan.prior["watts"]))
        keeper.delete(cluster_of(deployment).api, str(plan.data["namespace"]), name_of(plan.injection))

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        cluster = cluster_of(deployment)
        limit = Plugin.on(cluster, str(plan.data["node"])).limit(cluster, str(plan.data["uuid"]))
        restored = abs(limit.now - float(plan.prior["watts"])) < TOLERANCE
        return Readback(restored, f"the power limit of {plan.target} is {limit.now:g} W")

    def _set(self, deployment: Deployment, plan: Plan, watts: float) -> None:
        cluster = cluster_of(deployment)
        # Looked up again, because the pod of the plugin may have been replaced.
        Plugin.on(cluster, str(plan.data["node"])).set(cluster, str(plan.data["uuid"]), watts)
