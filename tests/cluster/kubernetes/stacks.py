"""Stacks without KubeRay as objects of the mock API server, labelled as their own controllers and charts label them."""

from __future__ import annotations

from typing import Any

from mock_api import MockApi
from mock_stack import NAMESPACE, node_object
from mock_store import Kind

ENGINE_IMAGE = "vllm/vllm-openai:v0.11.0"
INFERENCE_POOL = Kind("inference.networking.k8s.io", "v1", "inferencepools", "InferencePool")
OLD_INFERENCE_POOL = Kind("inference.networking.x-k8s.io", "v1alpha2", "inferencepools", "InferencePool")
LWS = "leaderworkerset.sigs.k8s.io/"
Pod = dict[str, Any]


def pod(
    name: str,
    owner: str,
    labels: dict[str, str] | None = None,
    *,
    kind: str = "ReplicaSet",
    container: str = "vllm",
    image: str = ENGINE_IMAGE,
    args: tuple[str, ...] = (),
    node: str = "gpu-node-a",
    gpus: int = 1,
    ip: str = "",
) -> Pod:
    """A pod that runs and is ready."""
    limits = {"cpu": "8"} | ({"nvidia.com/gpu": str(gpus)} if gpus else {})
    owned = f"{owner}-7c9d8f" if kind == "ReplicaSet" else owner
    address = ip or f"10.42.9.{1 + sum(name.encode()) % 250}"
    return {
        "metadata": {
            "name": name,
            "labels": labels or {},
            "ownerReferences": [{"kind": kind, "name": owned, "uid": "o"}],
        },
        "spec": {
            "nodeName": node,
            "containers": [{"name": container, "image": image, "args": list(args), "resources": {"limits": limits}}],
        },
        "status": {"phase": "Running", "podIP": address, "conditions": [{"type": "Ready", "status": "True"}]},
    }


def put(api: MockApi, *pods: Pod, namespace: str = NAMESPACE) -> None:
    """The pods in the namespace, and the nodes that they run on."""
    if namespace not in [one["metadata"]["name"] for one in api.store.list(api.store.kind_of("namespaces"))]:
        api.create("namespaces", "", {"metadata": {"name": namespace}})
    known = {one["metadata"]["name"] for one in api.store.list(api.store.kind_of("nodes"))}
    for node in sorted({one["spec"]["nodeName"] for one in pods} - known):
        api.create("nodes", "", node_object(node))
    for one in pods:
        api.create("pods", namespace, one)


def plain() -> list[Pod]:
    """Three engines of a Deployment behind an NGINX, and what only looks like an engine."""
    engines = [pod(f"vllm-7c9d8f-{letter * 5}", "vllm", {"app": "vllm"}) for letter in "abc"]
    bench = pod("bench-xyz12", "bench", kind="Job", gpus=0, args=("vllm", "bench", "serve"))
    shell = pod("shell-7c9d8f-aaaaa", "shell", args=("sleep", "infinity"), gpus=0)
    return [*engines, nginx(), bench, shell, pod("redis-0", "redis", image="redis:7", container="redis", gpus=0)]


def nginx() -> Pod:
    labels = {"app.kubernetes.io/name": "nginx"}
    return pod("nginx-7c9d8f-hx9zq", "nginx", labels, container="nginx", image="nginx:1.27", gpus=0)


def production_stack(release: str = "vllm", model: str = "llama3") -> list[Pod]:
    """The Helm chart's router and engines."""
    own = {"environment": "test", "release": "test", "model": model, "helm-release-name": release}
    deployment = f"{release}-{model}-deployment-vllm"
    engines = [pod(f"{deployment}-7c9d8f-{letter * 5}", deployment, own) for letter in "ab"]
    return [*engines, production_router(release)]


def production_router(release: str = "vllm") -> Pod:
    name, labels = f"{release}-deployment-router", {"environment": "router", "release": "router"}
    image = "lmcache/lmstack-router:latest"
    return pod(f"{name}-7c9d8f-rrrrr", name, labels, container="router-container", image=image, gpus=0)


def llm_d(model: str = "qwen3", disaggregated: bool = False) -> list[Pod]:
    """Engines of llm-d's model service, the endpoint picker of their pool, and an Istio gateway."""
    own = {"llm-d.ai/inferenceServing": "true", "llm-d.ai/model": model}
    image, roles = "ghcr.io/llm-d/llm-d-cuda:v0.6.0", {"decode": "ab", "prefill": "cd"}
    engines = [
        pod(f"{model}-{role}-7c9d8f-{letter * 5}", f"{model}-{role}", {**own, "llm-d.ai/role": role}, image=image)
        for role, letters in (roles if disaggregated else {"both": "abc"}).items()
        for letter in letters
    ]
    return [*engines, picker(f"gaie-{model}-epp"), istio_gateway(), waypoint()]


def picker(name: str) -> Pod:
    image = "ghcr.io/llm-d/llm-d-inference-scheduler:v0.5.0"
    return pod(f"{name}-7c9d8f-ppppp", name, {"inferencepool": name}, container="epp", image=image, gpus=0)


def istio_gateway() -> Pod:
    labels = {
        "gateway.networking.k8s.io/gateway-name": "inference-gateway",
        "gateway.istio.io/managed": "istio.io-gateway-controller",
    }
    name = "inference-gateway-istio"
    return pod(f"{name}-7c9d8f-ggggg", name, labels, container="istio-proxy", image="istio/proxyv2:1.28", gpus=0)


def waypoint() -> Pod:
    labels = {
        "gateway.networking.k8s.io/gateway-name": "waypoint",
        "gateway.istio.io/managed": "istio.io-mesh-controller",
    }
    return pod("waypoint-7c9d8f-wwwww", "waypoint", labels, container="istio-proxy", image="istio/proxyv2:1.28", gpus=0)


def pool(name: str, selector: dict[str, str], epp: str) -> dict[str, Any]:
    """An InferencePool of v1."""
    reference = {"name": epp, "port": {"number": 9002}}
    return {
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": selector}, "endpointPickerRef": reference, "targetPorts": []},
    }


def kserve(name: str = "llama", disaggregated: bool = False) -> list[Pod]:
    """The pods of an LLMInferenceService."""
    of = "llminferenceservice"
    parts = {"workload": "ab", "workload-prefill": "cd"} if disaggregated else {"workload": "abc"}
    pods = [
        pod(
            f"{name}-kserve{part.removeprefix('workload')}-7c9d8f-{letter * 5}",
            f"{name}-kserve{part.removeprefix('workload')}",
            {
                **_part_of(name, f"{of}-{part}"),
                "kserve.io/component": "workload",
                "llm-d.ai/role": "prefill" if "prefill" in part else "decode" if disaggregated else "both",
            },
            container="main",
        )
        for part, letters in parts.items()
        for letter in letters
    ]
    scheduler = f"{name}-kserve-router-scheduler"
    labels = _part_of(name, f"{of}-router-scheduler")
    return [*pods, pod(f"{scheduler}-7c9d8f-ppppp", scheduler, labels, container="main", image="epp:v1", gpus=0)]


def kserve_groups(name: str = "llama", size: int = 2) -> list[Pod]:
    """The same over several nodes: a LeaderWorkerSet of two groups."""
    return [
        {**one, "metadata": {**one["metadata"], "labels": {**one["metadata"]["labels"], **_part_of(name, component)}}}
        for one in groups(f"{name}-kserve-mn", size)
        for component in [f"llminferenceservice-workload-{'leader' if one['worker'] == 0 else 'worker'}"]
    ]


def _part_of(name: str, component: str) -> dict[str, str]:
    of = "app.kubernetes.io/"
    return {f"{of}part-of": "llminferenceservice", f"{of}name": name, f"{of}component": component}


def groups(name: str = "deepseek", size: int = 4, count: int = 2, args: tuple[str, ...] = ()) -> list[Pod]:
    """A LeaderWorkerSet: `count` groups of `size` pods, each pod on a node of its own."""
    pods = []
    for group in range(count):
        for worker in range(size):
            labels = {
                f"{LWS}name": name,
                f"{LWS}group-index": str(group),
                f"{LWS}worker-index": str(worker),
                f"{LWS}group-key": f"key-{group}",
            }
            full = f"{name}-{group}" + (f"-{worker}" if worker else "")
            owner = f"{name}-{group}" if worker else name
            made = pod(full, owner, labels, kind="StatefulSet", args=args, node=f"gpu-node-{group}{worker}", gpus=1)
            pods.append({**made, "worker": worker})
    return pods


def dynamo(graph: str = "qwen") -> list[Pod]:
    """A DynamoGraphDeployment with prefill workers."""
    of = "nvidia.com/dynamo-"
    parts = (("frontend", "frontend", ""), ("decode", "worker", "decode"), ("prefill", "worker", "prefill"))
    image = "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.0"
    return [
        pod(
            f"{graph}-{part}-7c9d8f-{letter * 5}",
            f"{graph}-{part}",
            {
                f"{of}graph-deployment-name": graph,
                f"{of}component-type": kind,
                **({f"{of}sub-component-type": sub} if sub else {}),
            },
            container="main",
            image=image,
            gpus=0 if kind == "frontend" else 1,
        )
        for part, kind, sub in parts
        for letter in ("a" if kind == "frontend" else "ab")
    ]


def aibrix(model: str = "deepseek-r1") -> list[Pod]:
    labels = {"model.aibrix.ai/name": model, "model.aibrix.ai/port": "8000"}
    return [pod(f"{model}-7c9d8f-{letter * 5}", model, labels, container="vllm-openai") for letter in "ab"]
