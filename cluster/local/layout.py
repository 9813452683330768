"""The fixed shape of the embedded deployment: pods, addresses, ports, and the files of each in the run folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cluster.topology import Kind

NODE = "node"
GATEWAY = "gateway"
HEAD = "head"
MOST_REPLICAS = 8
"""Degree of data parallelism that the addresses and files below have room for."""
USUAL_REPLICAS = 4
REPLICAS = tuple(f"replica-{i}" for i in range(MOST_REPLICAS - 1))
SERVING = (HEAD, *REPLICAS)
"""Every pod that may serve: the head first, which serves as they do. A deployment has the first few."""
SYSTEM = "system"  # the cgroup of what serves the sandbox itself
CLIENT = "client"  # the load generator's pod: no component of the topology
KINDS = {GATEWAY: Kind.GATEWAY, HEAD: Kind.HEAD, **dict.fromkeys(REPLICAS, Kind.REPLICA), NODE: Kind.NODE}
PODS = (GATEWAY, *SERVING, CLIENT)
LLAMACPP, VLLM = "llamacpp", "vllm"

DATA_BRIDGE, MANAGEMENT_BRIDGE = "data0", "mgmt0"
DATA_LINK, MANAGEMENT_LINK = "eth0", "eth1"  # as the pod sees them
_DATA_NET, _MANAGEMENT_NET = "10.77.0", "10.78.0"
_HOST_PART = {NODE: 1, GATEWAY: 2, CLIENT: 3, HEAD: 10} | {name: 11 + i for i, name in enumerate(REPLICAS)}

SERVE_PORT = 8000
GCS_PORT = 6379
RAY_METRICS_PORT = 8080
ENGINE_METRICS_PORT = 9400
EXPORTER_PORT = 9500
CLIENT_METRICS_PORT = 9600
GATEWAY_STATUS_PORT = 8081
PROMETHEUS_PORT = 9090
DEFAULT_GATEWAY_PORT = 18000
DEFAULT_PROMETHEUS_PORT = 18090

RAY_TEMP = "/run/ray"

# Environment markers, set on every process that is started: cleanup finds leftovers by them.
ENV_STATE = "RCA_TUI_STATE"  # the state folder that the deployment belongs to
ENV_DEPLOYMENT = "RCA_TUI_DEPLOYMENT"  # the deployment's id
ENV_COMPONENT = "RCA_TUI_COMPONENT"  # the pod's component id
ENV_RUN = "RCA_TUI_RUN"  # the run folder, for what runs inside a pod
ENV_SPANS = "RCA_TUI_SPANS"  # the file that a pod's processes append their spans to
ENV_TAG = "RCA_TUI_TAG"  # the tag given to `LocalPod.spawn`


def data_ip(pod: str) -> str:
    return f"{_DATA_NET}.{_HOST_PART[pod]}"


def management_ip(pod: str) -> str:
    return f"{_MANAGEMENT_NET}.{_HOST_PART[pod]}"


def serving(engine: str, replicas: int = USUAL_REPLICAS) -> tuple[str, ...]:
    """The pods that serve: so many with llama.cpp, only the head with vLLM, which is too large for more."""
    return (HEAD,) if engine == VLLM else SERVING[:replicas]


def pods(serving: tuple[str, ...]) -> tuple[str, ...]:
    """All pods of a deployment: serving pods, gateway and client."""
    return (GATEWAY, *serving, CLIENT)


def upstreams(serving: tuple[str, ...]) -> dict[str, str]:
    """`address:port` of each serving pod, as the gateway sees it, to its component id."""
    return {f"{data_ip(pod)}:{SERVE_PORT}": pod for pod in serving}


def host_link(pod: str, link: str) -> str:
    """Name of the bridge's end of a pod's link (`DATA_LINK` or `MANAGEMENT_LINK`); at most 15 characters."""
    return f"{pod}-{'d' if link == DATA_LINK else 'm'}"


@dataclass(frozen=True, slots=True)
class RunDir:
    """Files of one run of the deployment, all below one folder; see `cluster.local` for their formats."""

    root: Path

    def pod(self, component: str) -> Path:
        return self.root / component

    def ray(self, component: str) -> Path:
        return self.pod(component) / "ray"

    def spans(self, component: str) -> Path:
        return self.pod(component) / "spans.jsonl"

    def engine_log(self, component: str) -> Path:
        return self.pod(component) / "engine.log"

    @property
    def access_log(self) -> Path:
        return self.pod(GATEWAY) / "access.log"

    @property
    def gateway_config(self) -> Path:
        return self.root / "nginx" / f"{GATEWAY}.conf"

    @property
    def gateway_error_log(self) -> Path:
        return self.pod(GATEWAY) / "error.log"

    @property
    def progress(self) -> Path:
        return self.root / "progress.jsonl"

    @property
    def health(self) -> Path:
        return self.root / "health.json"

    @property
    def settings(self) -> Path:
        return self.root / "settings.json"

    @property
    def load(self) -> Path:
        return self.root / "load.json"

    @property
    def usual_load(self) -> Path:
        """The load that comes back when a lent one ends."""
        return self.root / "usual-load.json"

    @property
    def rate(self) -> Path:
        return self.root / "rate"

    @property
    def supervisor_log(self) -> Path:
        return self.root / "supervisor.log"

    def folders(self) -> Iterator[Path]:
        """Every folder that must exist before anything starts."""
        for pod in PODS:
            yield self.pod(pod)
        for pod in SERVING:
            yield self.ray(pod)
        yield from (self.root / name for name in ("home", "nginx", "prometheus", "output"))
