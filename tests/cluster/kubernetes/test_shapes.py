"""Stacks that are found without configuration: who is the gateway, who serves, who calls whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import stacks
from mock_api import MockApi
from mock_stack import NAMESPACE

from cluster.deployment import DeploymentError
from cluster.kubernetes.deployment import KubernetesDeployment
from cluster.kubernetes.metrics import SeriesOwner
from cluster.kubernetes.objects import parse_pod
from cluster.kubernetes.shapes import place
from cluster.kubernetes.shapes.types import Part
from cluster.prometheus.promql import Query
from cluster.signals import PODS, SERVING
from cluster.topology import Edge, Kind, Relation, Topology

Connect = Callable[[], KubernetesDeployment]


@pytest.fixture
def connect(api: MockApi) -> Iterator[Connect]:
    opened: list[KubernetesDeployment] = []

    def make() -> KubernetesDeployment:
        opened.append(KubernetesDeployment.connect("mock"))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def parts(topology: Topology) -> dict[str, Kind]:
    return {one.id: one.kind for one in topology.components if one.kind not in (Kind.GPU, Kind.NODE)}


def called(topology: Topology) -> dict[str, tuple[str, ...]]:
    return {one: callees for one in topology.ids if (callees := topology.callees(one))}


def test_a_plain_deployment_behind_nginx(api: MockApi, connect: Connect) -> None:
    stacks.put(api, *stacks.plain())
    found = connect()
    topology = found.topology()
    assert found.name == "mock/vllm"
    assert parts(topology) == {"gateway": Kind.GATEWAY} | {f"replica-{i}": Kind.REPLICA for i in range(3)}
    assert called(topology) == {"gateway": ("replica-0", "replica-1", "replica-2")}
    assert (topology.front_door, topology.hosts("replica-0")) == ("gateway", ("gpu-node-a",))
    assert found.stack().notes == ()


def test_a_stateful_set_without_a_gateway(api: MockApi, connect: Connect) -> None:
    image, command = "registry.example/ours/llm:3", ("python3", "-m", "sglang.launch_server", "--model", "m")
    for number in (0, 1):
        stacks.put(api, stacks.pod(f"llm-{number}", "llm", kind="StatefulSet", image=image, args=command))
    found = connect()
    assert (found.target.name, set(parts(found.topology()))) == ("llm", {"replica-0", "replica-1"})
    assert found.topology().front_door is None
    assert "no gateway pod was found" in found.status().message


def test_the_production_stack_by_its_chart(api: MockApi, connect: Connect) -> None:
    stacks.put(api, *stacks.production_stack())
    found = connect()
    assert found.target.name == "vllm-llama3"
    assert called(found.topology()) == {"router": ("replica-0", "replica-1")}
    assert found.topology().front_door == "router"
    stacks.put(api, stacks.nginx())
    again = connect().topology()
    assert called(again) == {"gateway": ("router",), "router": ("replica-0", "replica-1")}
    assert again.front_door == "gateway"


def test_models_of_one_production_stack_are_deployments_to_choose_from(
    api: MockApi, connect: Connect, configure: Callable[[str], None]
) -> None:
    stacks.put(api, *stacks.production_stack(), *stacks.production_stack(model="mistral")[:2])
    with pytest.raises(DeploymentError, match=r"several deployments: vllm-llama3 \(namespace llm\), vllm-mistral "):
        connect()
    configure('[contexts.mock]\ndeployment = "vllm-mistral"\n')
    found = connect()
    assert {p.name for c in ("replica-0", "replica-1") for p in found.stack().pods[c]} == {
        f"vllm-mistral-deployment-vllm-7c9d8f-{letter * 5}" for letter in "ab"
    }
    assert found.topology().callees("router") == ("replica-0", "replica-1")


def test_llm_d_with_its_pool(api: MockApi, connect: Connect) -> None:
    api.store.know(stacks.INFERENCE_POOL)
    stacks.put(api, *stacks.llm_d())
    api.create("inferencepools", NAMESPACE, stacks.pool("gaie-qwen3", {"llm-d.ai/model": "qwen3"}, "gaie-qwen3-epp"))
    found = connect()
    topology = found.topology()
    assert found.target.name == "gaie-qwen3"
    replicas = ("replica-0", "replica-1", "replica-2")
    assert called(topology) == {"gateway": ("endpoint-picker", *replicas)}
    assert topology.front_door == "gateway"
    assert [pod.name for pod in found.stack().pods["gateway"]] == ["inference-gateway-istio-7c9d8f-ggggg"]


def test_llm_d_disaggregated_without_the_right_to_list_pools(api: MockApi, connect: Connect) -> None:
    """The decode pods' sidecars call the prefill pods."""
    api.store.know(stacks.INFERENCE_POOL)
    api.forbid("list", "inferencepools")
    stacks.put(api, *stacks.llm_d(disaggregated=True))
    found = connect()
    topology = found.topology()
    assert found.target.name == "qwen3"
    assert called(topology) == {
        "gateway": ("endpoint-picker", "decode-0", "decode-1"),
        "decode-0": ("prefill-0", "prefill-1"),
        "decode-1": ("prefill-0", "prefill-1"),
    }
    assert topology.component("prefill-0").labels["phase"] == "prefill"
    assert topology.peers("prefill-0") == ("prefill-1",)
    assert topology.peers("decode-0") == ("decode-1",)


@pytest.mark.parametrize("old", [False, True], ids=["v1", "v1alpha2"])
def test_two_pools_of_plain_engines_have_each_their_own_picker(
    api: MockApi, connect: Connect, configure: Callable[[str], None], old: bool
) -> None:
    api.store.know(stacks.OLD_INFERENCE_POOL if old else stacks.INFERENCE_POOL)
    for name in ("qwen", "llama"):
        own = stacks.pod(f"{name}-vllm-7c9d8f-aaaaa", f"{name}-vllm", {"app": name}, image="mirror/ours:1")
        stacks.put(api, own, stacks.picker(f"{name}-epp"))
        body = stacks.pool(f"{name}-pool", {"app": name}, f"{name}-epp")
        if old:
            body["spec"] = {
                "selector": {"app": name},
                "extensionRef": {"name": f"{name}-epp"},
                "targetPortNumber": 8000,
            }
        api.create("inferencepools", NAMESPACE, body)
    with pytest.raises(DeploymentError, match=r"llama-pool .*, qwen-pool "):
        connect()
    configure('[contexts.mock]\ndeployment = "llama-pool"\n')
    found = connect()
    assert called(found.topology()) == {"endpoint-picker": ("replica-0",)}
    assert found.topology().front_door == "endpoint-picker"
    assert [p.name for p in found.stack().pods["endpoint-picker"]] == ["llama-epp-7c9d8f-ppppp"]
    assert [p.name for p in found.stack().pods["replica-0"]] == ["llama-vllm-7c9d8f-aaaaa"]


def test_8_kserve_by_the_labels_of_its_pods(api: MockApi, connect: Connect) -> None:
    stacks.put(api, *stacks.kserve())
    found = connect()
    assert found.target.name == "llama"
    assert called(found.topology()) == {"endpoint-picker": ("replica-0", "replica-1", "replica-2")}


def test_8_kserve_with_prefill_workers(api: MockApi, connect: Connect) -> None:
    stacks.put(api, *stacks.kserve(disaggregated=True), stacks.istio_gateway())
    topology = connect().topology()
    assert called(topology) == {
        "gateway": ("endpoint-picker", "decode-0", "decode-1"),
        "decode-0": ("prefill-0", "prefill-1"),
        "decode-1": ("prefill-0", "prefill-1"),
    }


def test_8_16_kserve_over_several_nodes(api: MockApi, connect: Connect) -> None:
    stacks.put(api, *stacks.kserve_groups())
    topology = connect().topology()
    assert parts(topology) == {
        "replica-0": Kind.REPLICA,
        "replica-0-worker-1": Kind.WORKER,
        "replica-1": Kind.REPLICA,
        "replica-1-worker-1": Kind.WORKER,
    }


def test_an_inference_service_of_kserve(api: MockApi, connect: Connect) -> None:
    labels = {"serving.kserve.io/inferenceservice": "qwen", "component": "predictor"}
    name = "qwen-predictor-00001-deployment"
    stacks.put(api, stacks.pod(f"{name}-7c9d8f-aaaaa", name, labels, container="kserve-container", image="ours:1"))
    assert connect().target.name == "qwen"


def test_16_a_leader_worker_set_is_one_replica_a_group(api: MockApi, connect: Connect) -> None:
    stacks.put(api, *stacks.groups(), stacks.nginx())
    found = connect()
    topology = found.topology()
    assert found.target.name == "deepseek"
    assert topology.callees("gateway") == ("replica-0", "replica-1")
    assert [one.id for one in topology.of_kind(Kind.WORKER)] == [
        f"replica-{group}-worker-{worker}" for worker in (1, 2, 3) for group in (0, 1)
    ]
    assert Edge("replica-1-worker-2", "replica-1", Relation.PART_OF) in topology.edges
    assert Edge("replica-1-worker-2", "replica-1-worker-2-gpu-0", Relation.USES) in topology.edges
    assert topology.hosts("replica-1-worker-2") == ("gpu-node-12",)
    assert topology.peers("replica-0") == ("replica-1",)
    assert "replica-0-worker-3" in topology.peers("replica-0-worker-1")
    assert found.stack().names["deepseek-0-2"] == "replica-0-worker-2"
    assert found.stack().pod("replica-0").name == "deepseek-0"


def test_16_workers_that_export_an_engines_metrics_are_told(api: MockApi, connect: Connect) -> None:
    stacks.put(api, *stacks.groups())
    owner = SeriesOwner(connect().stack())
    values = np.ones(3)
    series = {("deepseek-0",): values, ("deepseek-0-2",): values}
    waiting = Query("queue_length", "x", ("pod",), SERVING)
    assert set(owner.rename(waiting, series)) >= {("replica-0",)}
    assert owner.serving_workers == {"replica-0-worker-2"}
    owner = SeriesOwner(connect().stack())
    of_containers = owner.rename(Query("cpu_usage", "x", ("pod",), PODS), series)
    assert set(of_containers) == {("replica-0",), ("replica-0-worker-2",)} and not owner.serving_workers


def test_16_a_group_in_which_every_pod_serves_is_no_group(api: MockApi, connect: Connect) -> None:
    stacks.put(api, *stacks.groups(size=2, args=("vllm serve m", "--data-parallel-hybrid-lb")))
    assert parts(connect().topology()) == {f"replica-{i}": Kind.REPLICA for i in range(4)}


def test_dynamo_routes_to_both_phases(api: MockApi, connect: Connect) -> None:
    stacks.put(api, *stacks.dynamo())
    found = connect()
    assert found.target.name == "qwen"
    assert called(found.topology()) == {"router": ("decode-0", "decode-1", "prefill-0", "prefill-1")}
    assert found.topology().peers("decode-0") == ("decode-1",), "a prefill worker does other work"


def test_aibrix(api: MockApi, connect: Connect) -> None:
    stacks.put(api, *stacks.aibrix())
    assert (connect().target.name, set(parts(connect().topology()))) == ("deepseek-r1", {"replica-0", "replica-1"})


def test_prefill_and_decode_of_plain_deployments_are_one_deployment(api: MockApi, connect: Connect) -> None:
    router = stacks.pod("proxy-7c9d8f-aaaaa", "proxy", image="ghcr.io/berriai/litellm:main", gpus=0)
    for role in ("prefill", "decode"):
        stacks.put(api, stacks.pod(f"llama-{role}-7c9d8f-aaaaa", f"llama-{role}"))
    stacks.put(api, router)
    found = connect()
    assert found.target.name == "llama"
    assert called(found.topology()) == {"router": ("decode-0", "prefill-0")}


def test_a_stack_in_another_namespace_than_the_contexts_is_found(api: MockApi, connect: Connect) -> None:
    stacks.put(api, *stacks.plain(), namespace="serving")
    api.create("namespaces", "", {"metadata": {"name": NAMESPACE}})
    assert connect().target.namespace == "serving"
    api.forbid("list", "rayservices")
    assert connect().target.namespace == "serving", "a right that this stack does not need"


def test_the_same_name_in_two_namespaces_is_asked_for(api: MockApi, connect: Connect) -> None:
    for namespace in ("team-a", "team-b"):
        stacks.put(api, *stacks.plain(), namespace=namespace)
    with pytest.raises(DeploymentError, match=r"vllm \(namespace team-a\), vllm \(namespace team-b\); set namespace"):
        connect()


@pytest.mark.parametrize(
    ("image", "args", "part"),
    [
        ("vllm/vllm-openai:v0.11.0", (), Part.ENGINE),
        ("quay.io/modh/vllm@sha256:c0ffee", (), Part.ENGINE),
        ("rocm/vllm:latest", (), Part.ENGINE),
        ("registry.redhat.io/rhaiis/vllm-cuda-rhel9:3.2", (), Part.ENGINE),
        ("lmsysorg/sglang:v0.5.3", (), Part.ENGINE),
        ("ghcr.io/huggingface/text-generation-inference:3.3", (), Part.ENGINE),
        ("nvcr.io/nvidia/tritonserver:25.09-trtllm-python-py3", (), Part.ENGINE),
        ("nvcr.io/nvidia/tensorrt-llm/release:1.1", (), Part.ENGINE),
        ("nvcr.io/nim/meta/llama-3.1-8b-instruct:1.8", (), Part.ENGINE),
        ("ghcr.io/ggml-org/llama.cpp:server-cuda", (), Part.ENGINE),
        ("openmmlab/lmdeploy:v0.10", (), Part.ENGINE),
        ("ours:1", ("trtllm-serve", "/models/m"), Part.ENGINE),
        ("lmcache/lmstack-router:latest", (), Part.ROUTER),
        ("vllm/vllm-router:nightly", (), Part.ROUTER),
        ("ours:1", ("python", "-m", "sglang_router.launch_router"), Part.ROUTER),
        ("ghcr.io/vllm-project/semantic-router/extproc:latest", (), None),
        ("vllm/vllm-openai:latest", ("vllm", "bench", "serve"), None),
        ("ghcr.io/huggingface/text-embeddings-inference:1.8", (), None),
        ("postgres:17", (), None),
        ("", (), None),
    ],
)
def test_engines_and_routers_by_their_container(image: str, args: tuple[str, ...], part: Part | None) -> None:
    found = place(parse_pod(stacks.pod("p-7c9d8f-aaaaa", "p", image=image, args=args)))
    assert (found.part if found else None) == part


def test_a_sidecar_that_comes_first_is_not_the_engine() -> None:
    body = stacks.pod("p-7c9d8f-aaaaa", "p")
    body["spec"]["containers"].insert(0, {"name": "istio-proxy", "image": "istio/proxyv2:1.28"})
    assert (parse_pod(body).container, parse_pod(body).image) == ("vllm", stacks.ENGINE_IMAGE)
    body["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": "istio-proxy"}
    assert parse_pod(body).container == "istio-proxy"


@pytest.mark.parametrize(
    "labels",
    [
        {"leaderworkerset.sigs.k8s.io/name": "x", "leaderworkerset.sigs.k8s.io/group-index": "-1"},
        {f"leaderworkerset.sigs.k8s.io/{key}": "٣" for key in ("name", "group-index", "worker-index")},
        {f"leaderworkerset.sigs.k8s.io/{key}": "9" * 5000 for key in ("name", "group-index", "worker-index")},
        {"app.kubernetes.io/part-of": "llminferenceservice"},
        {"nvidia.com/dynamo-graph-deployment-name": "x", "nvidia.com/dynamo-component-type": "planner"},
        {"llm-d.ai/role": "\x1b[31m"},
    ],
)
def test_odd_labels_raise_nothing(labels: dict[str, str]) -> None:
    place(parse_pod(stacks.pod("p-7c9d8f-aaaaa", "p", labels)))
