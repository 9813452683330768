"""What a pod is in a deployment, by its labels and containers alone: no further right is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from cluster.kubernetes.objects import Pod


class Part(StrEnum):
    """GATEWAY: clients call it. ROUTER: it passes requests on to the engines. PICKER: a gateway asks it which engine

    a request goes to. ENGINE: it serves. WORKER: it computes for the engine that leads its group.
    """

    GATEWAY = "gateway"
    ROUTER = "router"
    PICKER = "picker"
    ENGINE = "engine"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Place:
    """The place of one pod.

    Attributes:
        deployment: its name; "" for a gateway, a router or a picker that may belong to any in its namespace.
        phase: `prefill` or `decode` where the two run in pods of their own, else "".
        inner: requests reach it through the engines of the other phase, not through a gateway or router.
        group: number of its group of pods, None where each pod serves alone.
        member: its number in the group; 0 leads.
        exact: its labels name the deployment of every part; no InferencePool does.
    """

    part: Part
    deployment: str = ""
    phase: str = ""
    inner: bool = False
    group: int | None = None
    member: int = 0
    exact: bool = False


Shape: TypeAlias = Callable[[Pod], Place | None]
"""How one stack labels its pods; None for a pod of another stack."""
