"""Base of faults on a deployment in a cluster."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from cluster.deployment import DeploymentError
from cluster.kubernetes.api import Api, ApiError
from cluster.kubernetes.deployment import KubernetesDeployment
from cluster.kubernetes.resources import PODS, Object, Resource
from cluster.topology import Kind
from faults.types import Availability, Fault, P, Plan

if TYPE_CHECKING:
    from cluster.deployment import Deployment

OWN_TIMEOUT = 20  # s past the deadline after which a fault ends on its own in the cluster
LABELS = {"app.kubernetes.io/managed-by": "rca-tui"}
PAGE = "docs/how-to/kubernetes-install.md"


@dataclass(frozen=True, slots=True)
class Right:
    """A permission that RBAC must grant, in the namespace of the deployment unless another is named."""

    verb: str
    resource: Resource
    subresource: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{'/' + self.subresource if self.subresource else ''}"


def exec_in(namespace: str = "") -> tuple[Right, ...]:
    """A command in a pod is a GET that is upgraded; newer servers ask for `create` as well."""
    return tuple(Right(verb, PODS, "exec", namespace) for verb in ("get", "create"))


class ClusterFault(Fault[P]):
    """A fault on one pod of a deployment in a cluster.

    Attributes:
        kinds: custom resources that the API server must serve.
        rights: permissions that the account must have.
    """

    deployments = frozenset({"kubernetes"})
    targets = frozenset({Kind.HEAD, Kind.REPLICA, Kind.WORKER})
    kinds: ClassVar[tuple[Resource, ...]] = ()
    rights: ClassVar[tuple[Right, ...]] = ()

    def available(self, deployment: Deployment) -> Availability:
        try:
            cluster = cluster_of(deployment)
            for kind in self.kinds:
                if not cluster.api.serves(kind):
                    return Availability(False, f"the cluster has no {kind}: install Chaos Mesh ({PAGE}, step 6)")
            for right in self.rights:
                namespace = right.namespace or cluster.target.namespace
                if not cluster.api.allowed(right.verb, right.resource, namespace, right.subresource):
                    return Availability(
                        False, f"RBAC does not let you {right} in {namespace}: use the drill account ({PAGE}, step 8)"
                    )
        except DeploymentError as error:
            return Availability(False, str(error))
        return Availability(True)


def cluster_of(deployment: Deployment) -> KubernetesDeployment:
    """Raises DeploymentError for a deployment that is not in a cluster."""
    if not isinstance(deployment, KubernetesDeployment):
        raise DeploymentError(f"it needs a deployment on Kubernetes, not one of {deployment.kind}")
    return deployment


def name_of(injection: str) -> str:
    """The name of an injection's objects in the cluster."""
    return f"rca-tui-{injection.lower()}"


def kubectl(cluster: KubernetesDeployment, namespace: str, *words: str) -> str:
    """The command with which a person does it."""
    return shlex.join(("kubectl", "--context", cluster.api.context, "--namespace", namespace, *words))


def get(api: Api, resource: Resource, namespace: str, name: str) -> Object | None:
    """The object, None when there is none. Raises DeploymentError."""
    try:
        return api.get(resource, namespace, name)
    except ApiError as error:
        if error.not_found:
            return None
        raise


def require_ours(api: Api, resource: Resource, namespace: str, name: str) -> None:
    """Raises DeploymentError for an object of that name that was not made here. One that is gone is no error."""
    made = get(api, resource, namespace, name)
    labels = {} if made is None else made.get("metadata", {}).get("labels") or {}
    if made is not None and not LABELS.items() <= labels.items():
        raise DeploymentError(f"the {resource} {name} in {namespace} was not made here, so it is not deleted")


def same_pod(api: Api, plan: Plan) -> bool:
    """Whether the pod that the plan was made for is still there, not another one of the same name."""
    found = get(api, PODS, str(plan.data["namespace"]), str(plan.data["pod"]))
    return found is not None and found.get("metadata", {}).get("uid") == plan.data["uid"]


def require_same_pod(api: Api, plan: Plan) -> None:
    """Raises DeploymentError when it was replaced."""
    if not same_pod(api, plan):
        raise DeploymentError(f"the pod {plan.data['pod']} of {plan.target} was replaced since the fault was planned")


def run(
    cluster: KubernetesDeployment, namespace: str, pod: str, container: str, argv: Sequence[str], seconds: float = 10.0
) -> str:
    """Run a command in a container and return its stdout. Raises DeploymentError, also when the command fails."""
    from cluster.kubernetes import commands
    from cluster.text.plain import plain

    done = commands.run(cluster.api, namespace, pod, container, argv, seconds)
    if done.code != 0:
        reason = plain(" ".join((done.stderr or done.stdout).split())) or f"exit code {done.code}"
        raise DeploymentError(f"{argv[0]} failed in the pod {pod}: {reason}")
    return done.stdout
