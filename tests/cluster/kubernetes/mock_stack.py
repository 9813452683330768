"""The reference deployment as objects of the mock API server: KubeRay's labels, NGINX, nodes with a GPU each."""

from __future__ import annotations

from typing import Any

from mock_api import MockApi

SECRET = "prometheus-token-c0ffee"
NAMESPACE, SERVICE, CLUSTER = "llm", "falcon", "falcon-raycluster-x7k2p"
GATEWAY_POD = "nginx-6d4b75cb6d-hx9zq"
HEAD_POD = f"{CLUSTER}-head-4kq8d"
WORKER_PODS = tuple(f"{CLUSTER}-replicas-worker-{suffix}" for suffix in ("2mvnt", "8wz5c", "r6gjx"))
SERVING = {"ray-head": HEAD_POD} | {f"ray-replicas-{i}": pod for i, pod in enumerate(WORKER_PODS)}
COMPONENTS = {"gateway": GATEWAY_POD, **SERVING}
NODES = ("gpu-node-a", "gpu-node-b", "gpu-node-c", "gpu-node-d")
ADDRESSES = {pod: f"10.42.{i}.{10 + i}" for i, pod in enumerate(COMPONENTS.values())}
NODE_ADDRESSES = {node: f"192.168.7.{11 + i}" for i, node in enumerate(NODES)}
ON_NODE = {GATEWAY_POD: NODES[0], HEAD_POD: NODES[0], **dict(zip(WORKER_PODS, NODES[1:], strict=True))}


def reference(api: MockApi, namespace: str = NAMESPACE) -> None:
    """Everything of the reference deployment, up and ready."""
    api.create("namespaces", "", {"metadata": {"name": namespace}})
    for node in NODES:
        api.create("nodes", "", node_object(node))
    rayservice(api, namespace)
    api.create("pods", namespace, nginx_pod(GATEWAY_POD))
    group = {HEAD_POD: ("head", "headgroup")} | dict.fromkeys(WORKER_PODS, ("worker", "replicas"))
    for pod, (node_type, name) in group.items():
        api.create("pods", namespace, ray_pod(pod, node_type, name))
    api.create(
        "services", namespace, {"metadata": {"name": f"{SERVICE}-serve-svc"}, "spec": {"ports": [{"port": 8000}]}}
    )


def rayservice(api: MockApi, namespace: str = NAMESPACE, name: str = SERVICE, cluster: str = CLUSTER) -> None:
    service = api.create(
        "rayservices",
        namespace,
        {
            "metadata": {"name": name},
            "spec": {},
            "status": {"serviceStatus": "Running", "activeServiceStatus": {"rayClusterName": cluster}},
        },
    )
    owner = {"apiVersion": "ray.io/v1", "kind": "RayService", "name": name, "uid": service["metadata"]["uid"]}
    api.create("rayclusters", namespace, {"metadata": {"name": cluster, "ownerReferences": [owner]}, "spec": {}})


def ray_pod(name: str, node_type: str, group: str, cluster: str = CLUSTER, gpus: int = 1) -> dict[str, Any]:
    labels = {"ray.io/cluster": cluster, "ray.io/node-type": node_type, "ray.io/group": group, "ray.io/serve": "true"}
    labels |= {"app.kubernetes.io/name": "kuberay", "ray.io/is-ray-node": "yes"}
    limits = {"cpu": "8", "memory": "16Gi"} | ({"nvidia.com/gpu": str(gpus)} if gpus else {})
    return _pod(name, labels, f"ray-{node_type}", limits, {"kind": "RayCluster", "name": cluster, "uid": "c"})


def nginx_pod(name: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "nginx", "pod-template-hash": "6d4b75cb6d"}
    owner = {"kind": "ReplicaSet", "name": "nginx-6d4b75cb6d", "uid": "r"}
    return _pod(name, labels, "nginx", {"cpu": "2"}, owner)


def plain_pod(
    name: str, labels: dict[str, str], owner_kind: str = "ReplicaSet", container: str = "vllm"
) -> dict[str, Any]:
    """A pod of a vLLM Deployment or StatefulSet without KubeRay."""
    owner = {"kind": owner_kind, "name": name.rpartition("-")[0], "uid": "o"}
    return _pod(name, labels, container, {"nvidia.com/gpu": "1"} if container == "vllm" else {}, owner)


def _pod(name: str, labels: dict[str, str], container: str, limits: dict[str, str], owner: dict[str, str]) -> Any:
    ip = ADDRESSES.get(name, f"10.42.9.{sum(name.encode()) % 200}")
    return {
        "metadata": {"name": name, "labels": labels, "ownerReferences": [owner]},
        "spec": {
            "nodeName": ON_NODE.get(name, NODES[0]),
            "containers": [
                {"name": container, "image": f"{container}:1", "resources": {"limits": limits}},
                {"name": "fluent-bit", "image": "fluent-bit:3", "resources": {}},
            ],
        },
        "status": {
            "phase": "Running",
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def node_object(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": NODE_ADDRESSES.get(name, "192.168.7.99")},
                {"type": "Hostname", "address": name},
            ],
            "allocatable": {"cpu": "16", "nvidia.com/gpu": "1"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
