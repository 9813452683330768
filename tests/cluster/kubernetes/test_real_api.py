"""The stacks of `stacks` on a real API server, which checks every object's schema: the same components as on the mock.

    RCA_TUI_API=KUBECONFIG python -m pytest tests/cluster/kubernetes/test_real_api.py

The kubeconfig's current context may create namespaces, pods and CRDs. Pods are made without their controllers: on a
cluster with a garbage collector they vanish again, so this is for an API server alone. Each run makes namespaces of its
own and deletes them.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stacks
from stacks import Pod

from cluster.kubernetes import discovery
from cluster.kubernetes.api import Api
from cluster.kubernetes.deployment import KubernetesDeployment, open_api
from cluster.topology import Kind

CONFIG = os.environ.get("RCA_TUI_API", "")
pytestmark = [
    pytest.mark.skipif(not CONFIG, reason="needs an API server: set RCA_TUI_API to a kubeconfig"),
    pytest.mark.slow,
]

CASES: dict[str, tuple[list[Pod], dict[str, tuple[str, ...]]]] = {
    "plain": (stacks.plain(), {"gateway": ("replica-0", "replica-1", "replica-2")}),
    "production-stack": (
        [*stacks.production_stack(), stacks.nginx()],
        {"gateway": ("router",), "router": ("replica-0", "replica-1")},
    ),
    "llm-d": (
        stacks.llm_d(disaggregated=True),
        {
            "gateway": ("endpoint-picker", "decode-0", "decode-1"),
            "decode-0": ("prefill-0", "prefill-1"),
            "decode-1": ("prefill-0", "prefill-1"),
        },
    ),
    "kserve": (stacks.kserve(), {"endpoint-picker": ("replica-0", "replica-1", "replica-2")}),
    "kserve-groups": ([*stacks.kserve_groups(), stacks.nginx()], {"gateway": ("replica-0", "replica-1")}),
    "leader-worker-set": ([*stacks.groups(), stacks.nginx()], {"gateway": ("replica-0", "replica-1")}),
    "dynamo": (stacks.dynamo(), {"router": ("decode-0", "decode-1", "prefill-0", "prefill-1")}),
    "aibrix": ([*stacks.aibrix(), stacks.nginx()], {"gateway": ("replica-0", "replica-1")}),
}


class Cluster:
    """Objects on the API server, in namespaces that go with it."""

    def __init__(self, config: str) -> None:
        from kubernetes import client
        from kubernetes.config import new_client_from_config

        self._client = new_client_from_config(config)
        self.core, self.custom = client.CoreV1Api(self._client), client.CustomObjectsApi(self._client)
        self.extensions = client.ApiextensionsV1Api(self._client)
        self.namespaces: list[str] = []

    def namespace(self, name: str) -> str:
        made = f"{name}-{uuid.uuid4().hex[:6]}"
        self.core.create_namespace({"metadata": {"name": made}})
        self.namespaces.append(made)
        return made

    def put(self, namespace: str, pods: list[Pod]) -> None:
        for pod in pods:
            meta = {**pod["metadata"], "ownerReferences": [_owner(pod)]}
            spec = {key: value for key, value in pod["spec"].items() if key != "nodeName"}
            body = {"metadata": meta, "spec": {**spec, "automountServiceAccountToken": False}}
            name = self.core.create_namespaced_pod(namespace, body).metadata.name
            status = {**pod["status"], "podIPs": [{"ip": pod["status"]["podIP"]}]}
            self.core.patch_namespaced_pod_status(name, namespace, {"status": status})

    def close(self) -> None:
        for namespace in self.namespaces:
            for pod in self.core.list_namespaced_pod(namespace).items:
                self.core.delete_namespaced_pod(pod.metadata.name, namespace, grace_period_seconds=0)
            self.core.delete_namespace(namespace)
        self._client.close()


def _owner(pod: Pod) -> dict[str, Any]:
    owner = pod["metadata"]["ownerReferences"][0]
    group = "batch/v1" if owner["kind"] == "Job" else "apps/v1"
    return {**owner, "apiVersion": group, "controller": True, "uid": str(uuid.uuid4())}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    for variable in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{variable}_HOME", str(tmp_path / variable.lower()))
    monkeypatch.setenv("KUBECONFIG", CONFIG)
    made = Cluster(CONFIG)
    yield made
    made.close()


def connect(namespace: str) -> KubernetesDeployment:
    api, configured = open_api(None)
    chosen = configured.model_copy(update={"namespace": namespace})
    return KubernetesDeployment(api, chosen, discovery.find_target(api, chosen))


@pytest.mark.parametrize("name", CASES)
def test_a_stack_is_found(cluster: Cluster, name: str) -> None:
    pods, expected = CASES[name]
    namespace = cluster.namespace(name)
    cluster.put(namespace, pods)
    found = connect(namespace)
    try:
        topology = found.topology()
        assert {one: callees for one in topology.ids if (callees := topology.callees(one))} == expected
        assert all(pod.ready for held in found.stack().pods.values() for pod in held)
    finally:
        found.close()


def test_a_pool_names_the_deployment_and_its_picker(cluster: Cluster) -> None:
    _define_pools(cluster)
    namespace = cluster.namespace("pools")
    for name in ("qwen", "llama"):
        own = stacks.pod(f"{name}-vllm-7c9d8f-aaaaa", f"{name}-vllm", {"app": name}, image="mirror/ours:1")
        cluster.put(namespace, [own, stacks.picker(f"{name}-epp")])
        body = stacks.pool(f"{name}-pool", {"app": name}, f"{name}-epp")
        body |= {"apiVersion": "inference.networking.k8s.io/v1", "kind": "InferencePool"}
        cluster.custom.create_namespaced_custom_object(
            "inference.networking.k8s.io", "v1", namespace, "inferencepools", body
        )
    api, configured = open_api(None)
    chosen = configured.model_copy(update={"namespace": namespace, "deployment": "qwen-pool"})
    found = KubernetesDeployment(api, chosen, discovery.find_target(api, chosen))
    try:
        assert found.topology().callees("endpoint-picker") == ("replica-0",)
        assert [pod.name for pod in found.stack().pods["endpoint-picker"]] == ["qwen-epp-7c9d8f-ppppp"]
    finally:
        found.close()


def test_a_replaced_pod_keeps_its_number(cluster: Cluster) -> None:
    """The old one has a finalizer, so the server keeps it as one that is being deleted."""
    namespace = cluster.namespace("replaced")
    old, other, _ = (one for one in stacks.plain()[:3])
    old["metadata"]["finalizers"] = ["example.test/hold"]
    cluster.put(namespace, [old, other])
    found = connect(namespace)
    try:
        before = {component: pods[0].name for component, pods in found.stack().pods.items()}
        name = old["metadata"]["name"]
        number = next(component for component, pod in before.items() if pod == name)
        cluster.core.delete_namespaced_pod(name, namespace, grace_period_seconds=0)
        cluster.put(namespace, [stacks.pod("vllm-7c9d8f-zzzzz", "vllm", {"app": "vllm"})])
        _until(lambda: found.stack().pods[number][0].name == "vllm-7c9d8f-zzzzz")
        assert len(found.topology().of_kind(Kind.REPLICA)) == 2
        cluster.core.patch_namespaced_pod(name, namespace, {"metadata": {"finalizers": None}})
        _until(lambda: name not in {pod.name for pod in found._pods.pods()[1]})
        assert found.stack().pods[number][0].name == "vllm-7c9d8f-zzzzz"
    finally:
        found.close()


def _define_pools(cluster: Cluster) -> None:
    from kubernetes.client import ApiException

    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"kind": "InferencePool", "plural": "inferencepools", "singular": "inferencepool"}
    group = "inference.networking.k8s.io"
    approved = {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api-inference-extension"}
    try:
        cluster.extensions.create_custom_resource_definition(
            {
                "metadata": {"name": f"inferencepools.{group}", "annotations": approved},
                "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
            }
        )
    except ApiException as error:
        if error.status != 409:
            raise
    from cluster.kubernetes.resources import INFERENCE_POOLS

    with Api() as api:
        _until(lambda: api.serves(INFERENCE_POOLS[0]))


def _until(condition: object) -> None:
    assert callable(condition)
    while not condition():
        time.sleep(0.1)
