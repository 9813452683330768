"""Options of the embedded deployment."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.deployment import DeploymentError
from cluster.local import layout
from cluster.local.layout import LLAMACPP, MOST_REPLICAS, USUAL_REPLICAS, VLLM

ENGINES = (LLAMACPP, VLLM)


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of one start. Raises DeploymentError for values out of range.

    Attributes:
        engine: `llamacpp` (four replicas) or `vllm` (one, on the head, see `cluster.local.engines.vllm`).
        pod_cpus: CPU limit of a serving pod in cores, 1.5 times that for the head, where cgroups can be written.
            Nothing limits vLLM: its one replica has no peer to disturb.
        gateway_port, prometheus_port: first port to try on 127.0.0.1; None means the default or the next free one.
        replicas: degree of data parallelism: pods that serve, the head included; vLLM has one.
    """

    engine: str = LLAMACPP
    pod_cpus: float = 0.5
    gateway_port: int | None = None
    prometheus_port: int | None = None
    replicas: int = USUAL_REPLICAS

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise DeploymentError(f"unknown engine {self.engine!r}; there are: {', '.join(ENGINES)}")
        if not 1 <= self.replicas <= MOST_REPLICAS:
            raise DeploymentError(f"there may be 1 to {MOST_REPLICAS} replicas, the head included, got {self.replicas}")
        if not 0.05 <= self.pod_cpus <= 64:
            raise DeploymentError(f"pod_cpus must be from 0.05 to 64 cores, got {self.pod_cpus}")
        for port in (self.gateway_port, self.prometheus_port):
            if port is not None and not 1024 <= port <= 65535:
                raise DeploymentError(f"a port must be from 1024 to 65535, got {port}")

    @property
    def serving(self) -> tuple[str, ...]:
        return layout.serving(self.engine, self.replicas)
