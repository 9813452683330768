"""Base of faults on one pod of the deployment on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from cluster.deployment import DeploymentError, DeploymentKind, HasPods, Pod
from cluster.local import layout, preflight
from cluster.topology import Kind
from faults.preflight import uid_of
from faults.types import Availability, Fault, P, Plan

if TYPE_CHECKING:
    from cluster.deployment import Deployment


class PodFault(Fault[P]):
    """A fault on one serving pod.

    Attributes:
        programs: (program that must be on PATH, Debian package that has it).
    """

    deployments = frozenset({"local"})
    targets = frozenset({Kind.HEAD, Kind.REPLICA})
    programs: ClassVar[tuple[tuple[str, str], ...]] = ()

    def available(self, deployment: Deployment) -> Availability:
        if not isinstance(deployment, HasPods):
            return not_here(self.name, deployment)
        for program, package in self.programs:
            if shutil.which(program, path=preflight.search_path()) is None:
                return Availability(False, f"{program} is not on PATH: install it (Debian: apt install {package})")
        return Availability(True)

    def make_plan(
        self,
        deployment: Deployment,
        target: str,
        parameters: P,
        injection: str,
        *,
        actions: tuple[str, ...],
        undo: str,
        prior: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Plan:
        """A plan that touches and blames one pod. Raises DeploymentError."""
        return Plan(
            injection=injection,
            fault=self.name,
            target=target,
            components=(target,),
            faulty=(target,),
            uids={target: uid_of(deployment, target)},
            parameters=parameters.model_dump(),
            actions=actions,
            undo=undo,
            prior=prior or {},
            data=data or {},
        )


def pod_of(deployment: Deployment, component: str) -> Pod:
    """The pod of a component. Raises DeploymentError where this machine cannot act on it."""
    if not isinstance(deployment, HasPods):
        raise DeploymentError(f"the deployment {deployment.kind} has no pods that this machine can act on")
    return deployment.pod(component)


def node_of(deployment: Deployment) -> Pod:
    """The machine itself, which has the outer ends of the pods' links. Raises DeploymentError."""
    return pod_of(deployment, layout.NODE)


def run(pod: Pod, *argv: str) -> str:
    """Run a command in the pod and return its output. Raises DeploymentError with its stderr when it fails."""
    done = pod.run(argv)
    if done.code != 0:
        reason = " ".join(done.stderr.split()) or f"exit code {done.code}"
        raise DeploymentError(f"`{' '.join(argv)}` failed in {pod.component}: {reason}")
    return done.stdout


def not_here(fault: str, deployment: Deployment) -> Availability:
    """Why a fault of this machine cannot be used on the deployment."""
    if deployment.kind is DeploymentKind.REPLAY:
        return Availability(False, "a recording cannot be injected into")
    return Availability(False, f"{fault} needs a deployment on this machine, and this one is {deployment.name}")
