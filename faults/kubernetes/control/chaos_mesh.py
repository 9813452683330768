"""Faults that Chaos Mesh injects: one experiment (a custom resource) an injection, read back from its records.

The experiment names one pod and its own duration, which ends the fault if this machine dies. Deleting it ends the fault
earlier. A finalizer of Chaos Mesh keeps it until no target has the fault any more. We never touch that finalizer: while
it stays the fault is still there, and the injection is STUCK.
"""

from __future__ import annotations

import json
import math
import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from cluster.deployment import DeploymentError
from cluster.kubernetes.resources import Resource
from faults.kubernetes.control.cluster_fault import (
    LABELS,
    OWN_TIMEOUT,
    ClusterFault,
    Right,
    cluster_of,
    get,
    kubectl,
    name_of,
    require_ours,
    require_same_pod,
)
from faults.kubernetes.control.experiment import Experiment
from faults.types import P, Plan, Readback

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from cluster.kubernetes.deployment import KubernetesDeployment

VERSION = "v1alpha1"
STRESS, NETWORK, POD = (
    Resource(plural, "chaos-mesh.org", VERSION) for plural in ("stresschaos", "networkchaos", "podchaos")
)
KIND = {STRESS: "StressChaos", NETWORK: "NetworkChaos", POD: "PodChaos"}
INJECT_PATIENCE = 12.0  # s, until its records say that it is injected; the engine allows 15 s in all
GONE_PATIENCE = 10.0  # s, in each of several attempts, until the experiment and its finalizer are gone
POLL = 0.25


class ChaosFault(ClusterFault[P]):
    """A fault that is one experiment of Chaos Mesh.

    Attributes:
        resource: the kind of experiment.
    """

    resource: ClassVar[Resource]
    needs = ("a deployment on Kubernetes", "Chaos Mesh", "the drill account")

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if resource := getattr(cls, "resource", None):
            cls.kinds = (resource,)
            cls.rights = tuple(Right(verb, resource) for verb in ("create", "get", "delete"))

    @abstractmethod
    def spec(self, parameters: P, container: str) -> dict[str, Any]:
        """The fault in the words of Chaos Mesh. Selector and duration are added here."""

    def plan(self, deployment: Deployment, target: str, parameters: P, injection: str, seconds: float) -> Plan:
        cluster = cluster_of(deployment)
        pod = cluster.stack().pod(target)
        kind, name = KIND[self.resource], name_of(injection)
        spec = {
            "mode": "all",
            "selector": {"pods": {pod.namespace: [pod.name]}},
            "duration": f"{math.ceil(seconds) + OWN_TIMEOUT}s",
            **self.spec(parameters, pod.container),
        }
        body = {
            "apiVersion": self.resource.api_version,
            "kind": kind,
            "metadata": {"name": name, "namespace": pod.namespace, "labels": LABELS},
            "spec": spec,
        }
        return Plan(
            injection=injection,
            fault=self.name,
            target=target,
            components=(target,),
            faulty=(target,),
            uids={target: pod.uid},
            parameters=parameters.model_dump(),
            actions=(f"create {kind} {name} in {pod.namespace} of {cluster.api.context}: {json.dumps(spec)}",),
            undo=self.undo(cluster, pod.namespace, name),
            data={"namespace": pod.namespace, "pod": pod.name, "uid": pod.uid, "body": body},
        )

    def undo(self, cluster: KubernetesDeployment, namespace: str, name: str) -> str:
        """The command for a person, with the rights of the drill account: delete the experiment."""
        return kubectl(cluster, namespace, "delete", self.resource.plural, name, "--timeout=60s")

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        api, namespace = cluster_of(deployment).api, str(plan.data["namespace"])
        require_same_pod(api, plan)
        api.create(self.resource, namespace, plan.data["body"])
        until = time.monotonic() + INJECT_PATIENCE
        while True:
            found = Experiment.read(get(api, self.resource, namespace, name_of(plan.injection)) or {})
            if found.injected(namespace, str(plan.data["pod"])):
                return
            if time.monotonic() >= until:
                raise DeploymentError(f"Chaos Mesh did not inject {plan.fault} into {plan.target}: {found.describe()}")
            time.sleep(POLL)

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        api, namespace, name = cluster_of(deployment).api, str(plan.data["namespace"]), name_of(plan.injection)
        require_ours(api, self.resource, namespace, name)
        api.delete(self.resource, namespace, name)
        until = time.monotonic() + GONE_PATIENCE
        while (made := get(api, self.resource, namespace, name)) is not None:
            if time.monotonic() >= until:
                raise DeploymentError(
                    f"Chaos Mesh does not take {KIND[self.resource]} {name} back: {Experiment.read(made).describe()}; "
                    f"if it stays, to delete the pod {plan.data['pod']} ends the fault, which the drill account may not"
                )
            time.sleep(POLL)

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        api, name = cluster_of(deployment).api, name_of(plan.injection)
        made = get(api, self.resource, str(plan.data["namespace"]), name)
        if made is None:
            return Readback(True, f"there is no {KIND[self.resource]} {name}")
        found = Experiment.read(made)
        return Readback(found.recovered, f"{KIND[self.resource]} {name}: {found.describe()}")
