"""Freeze: every process in the target's container is stopped (SIGSTOP).

Chaos Mesh has no such fault: its pod-failure replaces the image of the pod, which ends the engine and refuses
connections like a crash. So this runs a shell in the container that stops all other processes and leaves one behind,
which continues them some time after the deadline, even if this machine is gone.

Only the first process of a container cannot be stopped from inside; in the pods of Ray it serves nothing. The probes
of the kubelet fail meanwhile: when they have failed for long enough it restarts the container, which ends the fault.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cluster.deployment import DeploymentError
from faults.kubernetes.control.cluster_fault import (
    OWN_TIMEOUT,
    ClusterFault,
    cluster_of,
    exec_in,
    kubectl,
    require_same_pod,
    run,
    same_pod,
)
from faults.types import Direction, Effect, Parameters, Plan, Readback, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment

# A signal to -1 goes to every process of the container except the first one and the shell that sends it. Processes that
# start after the stop run: the one that ends the freeze, and those that read it back.
STOP = 'kill -s STOP -- -1; { sleep "$1"; kill -s CONT -- -1; } </dev/null >/dev/null 2>&1 & echo stopped'
GO_ON = "kill -s CONT -- -1"
COUNT = "cat /proc/[0-9]*/status 2>/dev/null | grep -c '^State:[[:space:]]*[Tt]'; true"


class FreezeParameters(Parameters):
    """None: it is frozen or it is not."""


class Freeze(ClusterFault[FreezeParameters]):
    name = "freeze"
    summary = "Every process of the container is stopped as it is (SIGSTOP): its port is open and nothing answers."
    needs = ("a deployment on Kubernetes", "a shell in the target's image", "the drill account")
    rights = exec_in()
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
        cluster = cluster_of(deployment)
        pod = cluster.stack().pod(target)
        argv = ["sh", "-c", STOP, "rca-tui", str(math.ceil(seconds) + OWN_TIMEOUT)]
        inside = ("exec", pod.name, "--container", pod.container, "--")
        return Plan(
            injection=injection,
            fault=self.name,
            target=target,
            components=(target,),
            faulty=(target,),
            uids={target: pod.uid},
            parameters=parameters.model_dump(),
            actions=(kubectl(cluster, pod.namespace, *inside, *argv),),
            undo=kubectl(cluster, pod.namespace, *inside, "sh", "-c", GO_ON),
            data={
                "namespace": pod.namespace,
                "pod": pod.name,
                "uid": pod.uid,
                "container": pod.container,
                "argv": argv,
            },
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        require_same_pod(cluster_of(deployment).api, plan)
        self._run(deployment, plan, *plan.data["argv"])

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        if same_pod(cluster_of(deployment).api, plan):
            self._run(deployment, plan, "sh", "-c", GO_ON)

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        if not same_pod(cluster_of(deployment).api, plan):
            return Readback(True, f"the frozen pod of {plan.target} is gone")
        said = self._run(deployment, plan, "sh", "-c", COUNT).strip()
        if not said.isdigit():
            raise DeploymentError(f"the pod {plan.data['pod']} does not say how many of its processes are stopped")
        return Readback(said == "0", f"{said} processes of {plan.target} are stopped")

    def _run(self, deployment: Deployment, plan: Plan, *argv: str) -> str:
        namespace, pod, container = (str(plan.data[key]) for key in ("namespace", "pod", "container"))
        return run(cluster_of(deployment), namespace, pod, container, argv)
