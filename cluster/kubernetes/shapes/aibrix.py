"""AIBrix: engines by `model.aibrix.ai/name`; its gateway is in a namespace of its own."""

from __future__ import annotations

from cluster.kubernetes.objects import Pod
from cluster.kubernetes.shapes.types import Part, Place


def place(pod: Pod) -> Place | None:
    name, role = pod.labels.get("model.aibrix.ai/name"), pod.labels.get("role-name", "")
    return Place(Part.ENGINE, name, role if role in ("prefill", "decode") else "") if name else None
