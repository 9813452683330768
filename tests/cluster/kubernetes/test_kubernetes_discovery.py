"""From pods to components, and what stays the same when pods do not."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import mock_stack
import pytest
from mock_api import MockApi
from mock_stack import COMPONENTS, HEAD_POD, NAMESPACE, NODES, SERVING, WORKER_PODS

from cluster.deployment import DeploymentError
from cluster.kubernetes.deployment import KubernetesDeployment
from cluster.topology import Edge, Kind, Relation


def until(condition: Callable[[], bool]) -> None:
    """The test's time limit ends a wait for what never comes."""
    while not condition():
        time.sleep(0.01)


def test_the_reference_deployment(deployment: KubernetesDeployment) -> None:
    topology = deployment.topology()
    assert topology.front_door == "gateway"
    assert {c.id: c.kind for c in topology.components if c.kind not in (Kind.GPU, Kind.NODE)} == {
        "gateway": Kind.GATEWAY,
        "ray-head": Kind.HEAD,
        "ray-replicas-0": Kind.REPLICA,
        "ray-replicas-1": Kind.REPLICA,
        "ray-replicas-2": Kind.REPLICA,
    }
    assert {c.id for c in topology.of_kind(Kind.NODE)} == set(NODES)
    assert {c.id for c in topology.of_kind(Kind.GPU)} == {f"{component}-gpu-0" for component in SERVING}
    assert set(topology.callees("gateway")) == set(SERVING)
    # Pods made in the same second are told apart by name.
    assert topology.hosts("ray-replicas-1") == (NODES[2],)
    assert Edge("ray-replicas-1", "ray-replicas-1-gpu-0", Relation.USES) in topology.edges
    assert Edge("ray-replicas-1-gpu-0", NODES[2], Relation.RUNS_ON) in topology.edges
    for component, pod in COMPONENTS.items():
        labels = topology.component(component).labels
        assert (labels["pod"], labels["namespace"]) == (pod, NAMESPACE)
    assert deployment.stack().pod("ray-head").container == "ray-head"
    assert deployment.name == "mock/falcon"
    assert all(deployment.status().components.values())


def test_a_replaced_pod_is_the_same_component_with_another_uid(
    stack: MockApi, deployment: KubernetesDeployment
) -> None:
    before = deployment.topology().component("ray-replicas-0")
    stack.replace_pod(NAMESPACE, WORKER_PODS[0], "falcon-raycluster-x7k2p-replicas-worker-zzzzz", "10.42.1.99")
    # Between the old pod and the new one there is no such component.
    until(lambda: any("zzzzz" in component.labels.get("pod", "") for component in deployment.topology().components))
    after = deployment.topology()
    assert after.component("ray-replicas-0").uid not in ("", before.uid)
    assert after.component("ray-replicas-0").labels["address"] == "10.42.1.99"
    assert set(after.of_kind(Kind.REPLICA)) and len(after.of_kind(Kind.REPLICA)) == 3
    # A later process decides alike, and knows whose the old pod was.
    again = KubernetesDeployment.connect("mock")
    try:
        assert again.topology().ids == after.ids
        assert again.topology().component("ray-replicas-0").uid == after.component("ray-replicas-0").uid
        assert again.stack().names[WORKER_PODS[0]] == "ray-replicas-0"
    finally:
        again.close()


def test_a_finished_upgrade_is_followed(stack: MockApi, deployment: KubernetesDeployment) -> None:
    """Every change of a RayService's configuration makes a new RayCluster, and the old one goes."""
    before = deployment.topology().of_kind(Kind.HEAD, Kind.REPLICA)
    new = "falcon-raycluster-n3w0z"
    for old in (HEAD_POD, *WORKER_PODS):
        kind, group = ("head", "headgroup") if old == HEAD_POD else ("worker", "replicas")
        stack.create("pods", NAMESPACE, mock_stack.ray_pod(f"{new}-{old[-5:]}", kind, group, new))
    until(lambda: len(deployment._pods.pods()[1]) == 9)
    assert deployment.target.clusters == (mock_stack.CLUSTER,), "requests still go to the old one"
    status = {"serviceStatus": "Running", "activeServiceStatus": {"rayClusterName": new}}
    stack.set_status("rayservices", NAMESPACE, mock_stack.SERVICE, status)
    for old in (HEAD_POD, *WORKER_PODS):
        stack.delete("pods", NAMESPACE, old)
    deployment._followed_at -= 5.0
    until(lambda: deployment.topology().component("ray-head").labels["pod"].startswith(new))
    until(lambda: len(deployment.topology().of_kind(Kind.HEAD, Kind.REPLICA)) == len(before))
    after = deployment.topology().of_kind(Kind.HEAD, Kind.REPLICA)
    assert {one.id for one in after} == {one.id for one in before}, "the same components, of new pods"
    assert all(deployment.status().components.values())


def test_the_watch_survives_an_api_server_that_goes_away(stack: MockApi, deployment: KubernetesDeployment) -> None:
    stack.down()
    stack.delete("pods", NAMESPACE, WORKER_PODS[2])
    until(lambda: "does not answer" in deployment.status().message)
    assert len(deployment.topology().of_kind(Kind.REPLICA)) == 3  # as it was known last
    stack.up()
    until(lambda: len(deployment.topology().of_kind(Kind.REPLICA)) == 2)
    assert deployment.topology().component("ray-replicas-0").labels["pod"] == WORKER_PODS[0]


def test_a_pod_that_is_not_ready_is_down(stack: MockApi, deployment: KubernetesDeployment) -> None:
    stack.set_status("pods", NAMESPACE, WORKER_PODS[1], {"phase": "Running", "conditions": []})
    until(lambda: not deployment.status().components["ray-replicas-1"])
    assert "not ready: ray-replicas-1" in deployment.status().message


def test_several_deployments_are_listed_and_one_can_be_selected(
    stack: MockApi, configure: Callable[[str], None]
) -> None:
    mock_stack.rayservice(stack, name="llama", cluster="llama-1")
    with pytest.raises(DeploymentError, match=r"several deployments: falcon .*, llama .*kubernetes\.toml"):
        KubernetesDeployment.connect("mock")
    configure('[contexts.mock]\ndeployment = "falcon"\n')
    KubernetesDeployment.connect("mock").close()
    configure('[contexts.mock]\ndeployment = "qwen"\n')
    with pytest.raises(DeploymentError, match="no deployment qwen in llm; there are: falcon, llama"):
        KubernetesDeployment.connect("mock")


def test_the_namespace_is_found_where_the_context_names_another(
    stack: MockApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(stack.kubeconfig(tmp_path / "other", namespace="default")))
    found = KubernetesDeployment.connect("mock")
    assert found.target.namespace == NAMESPACE
    found.close()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ('[contexts.mock]\nnamespace = "gone"\n', "gone of mock, which does not exist"),
        ('[contexts.mock]\nnamespace = "gone"\n[contexts.mock.labels]\nreplica = {app = "v"}\n', "no namespace gone"),
        ('[contexts.mock.labels]\nreplica = {app = "v"}\n', "no pod of llm .* serves"),
        ("[contexts.mock]\nnamespce = 1\n", "contexts.mock.namespce: there is no such field"),
        ("[contexts.mock.prometheus]\nscrape = 500\n", "contexts.mock.prometheus.scrape: must be at most 300"),
        ("[contexts.mock.prometheus]\nscrape = 5\n", "needs either url or service"),
        ('[contexts.mock.loki]\nurl = "http://u:secret@host"\n', "must hold no password"),
        ('namespace = "llm"\n', r"belong under \[contexts\.NAME\]"),
        ("[[[", "cannot be read"),
    ],
)
def test_settings_that_match_nothing_are_errors(
    stack: MockApi, configure: Callable[[str], None], settings: str, says: str
) -> None:
    configure(settings)
    with pytest.raises(DeploymentError, match=says) as refused:
        KubernetesDeployment.connect("mock")
    assert "secret" not in str(refused.value) and "\n" not in str(refused.value)


def test_a_stack_without_kuberay_by_its_labels(api: MockApi, configure: Callable[[str], None]) -> None:
    api.create("namespaces", "", {"metadata": {"name": NAMESPACE}})
    api.create("pods", NAMESPACE, mock_stack.plain_pod("vllm-7c9d8f-abcde", {"app": "vllm"}))
    api.create("pods", NAMESPACE, mock_stack.plain_pod("vllm-7c9d8f-fghij", {"app": "vllm"}))
    api.create("pods", NAMESPACE, mock_stack.plain_pod("door-55d5-klmno", {"role": "door"}, container="proxy"))
    configure('[contexts.mock.labels]\nreplica = {app = "vllm"}\ngateway = {role = "door"}\n')
    found = KubernetesDeployment.connect("mock")
    topology = found.topology()
    assert [c.id for c in topology.components if c.kind not in (Kind.GPU, Kind.NODE)] == [
        "gateway",
        "replica-0",
        "replica-1",
    ]
    assert topology.callees("gateway") == ("replica-0", "replica-1")
    assert "nodes are unknown" in found.status().message
    found.close()


def test_pods_of_a_stateful_set_keep_their_number(api: MockApi, configure: Callable[[str], None]) -> None:
    api.create("namespaces", "", {"metadata": {"name": NAMESPACE}})
    for number in (2, 0):
        api.create("pods", NAMESPACE, mock_stack.plain_pod(f"vllm-{number}", {"app": "vllm"}, "StatefulSet"))
    configure('[contexts.mock.labels]\nreplica = {app = "vllm"}\n')
    found = KubernetesDeployment.connect("mock")
    assert [c.id for c in found.topology().of_kind(Kind.REPLICA)] == ["replica-0", "replica-2"]
    assert found.topology().front_door is None
    found.close()


def test_without_crds_and_without_rights(api: MockApi) -> None:
    from mock_store import KUBERAY

    api.store.forget(*KUBERAY)
    with pytest.raises(DeploymentError, match=r"no RayService or RayCluster, and no pod .* in the namespace llm"):
        KubernetesDeployment.connect("mock")
    api.store.know(*KUBERAY)
    api.forbid("list", "rayservices")
    with pytest.raises(DeploymentError, match="RBAC"):
        KubernetesDeployment.connect("mock")


def _pending(stack: MockApi, new: str, active: int | None, pending: int | None) -> None:
    def status(cluster: str, percent: int | None) -> dict[str, object]:
        moved = {} if percent is None else {"trafficRoutedPercent": percent, "targetCapacity": 100}
        return {"rayClusterName": cluster, **moved}

    both = {"activeServiceStatus": status(mock_stack.CLUSTER, active), "pendingServiceStatus": status(new, pending)}
    stack.set_status("rayservices", NAMESPACE, mock_stack.SERVICE, both)


def test_15_two_clusters_serve_during_an_incremental_upgrade(stack: MockApi, deployment: KubernetesDeployment) -> None:
    new = "falcon-raycluster-n3w0z"
    service = stack.get("rayservices", NAMESPACE, mock_stack.SERVICE)
    owner = {"kind": "RayService", "name": mock_stack.SERVICE, "uid": service["metadata"]["uid"]}
    stack.create("rayclusters", NAMESPACE, {"metadata": {"name": new, "ownerReferences": [owner]}, "spec": {}})
    for name, kind, group in (
        ("head", "head", "headgroup"),
        ("w0", "worker", "replicas"),
        ("w1", "worker", "replicas"),
    ):
        stack.create("pods", NAMESPACE, mock_stack.ray_pod(f"{new}-{name}", kind, group, new))
    until(lambda: len(deployment._pods.pods()[1]) == 8)
    for active, pending in ((None, None), (100, 0)):
        _pending(stack, new, active, pending)
        deployment._followed_at -= 5.0
        assert deployment.stack().target.clusters == (mock_stack.CLUSTER,), "the pending one gets no requests yet"
    assert f"the RayCluster {new} of falcon gets no requests and holds 3 pods" in deployment.stack().notes

    _pending(stack, new, 70, 30)
    deployment._followed_at -= 5.0
    topology = deployment.topology()
    old = {"ray-head", "ray-replicas-0", "ray-replicas-1", "ray-replicas-2"}
    assert set(topology.callees("gateway")) == old | {"ray-head-1", "ray-replicas-3", "ray-replicas-4"}
    assert topology.share("gateway", "ray-head") == topology.share("gateway", "ray-replicas-0") == 0.175
    assert topology.share("gateway", "ray-head-1") == topology.share("gateway", "ray-replicas-4") == 0.1
    assert topology.component("ray-replicas-3").labels["cluster"] == new
    _pending(stack, new, 10, 90)
    deployment._followed_at -= 5.0
    assert deployment.topology().share("gateway", "ray-head-1") == 0.3

    status = {"activeServiceStatus": {"rayClusterName": new, "trafficRoutedPercent": 100}, "pendingServiceStatus": {}}
    stack.set_status("rayservices", NAMESPACE, mock_stack.SERVICE, status)
    deployment._followed_at -= 5.0
    after = deployment.topology()
    assert set(after.callees("gateway")) == {"ray-head", "ray-replicas-3", "ray-replicas-4"}
    assert after.share("gateway", "ray-head") is None
    assert (
        f"the RayCluster {mock_stack.CLUSTER} of falcon gets no requests and holds 4 pods" in deployment.stack().notes
    )
