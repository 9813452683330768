"""llm-d: engines by `llm-d.ai/inferenceServing` or `llm-d.ai/role`. The decode pods call the prefill pods."""

from __future__ import annotations

from cluster.kubernetes.objects import Pod
from cluster.kubernetes.shapes.types import Part, Place

_SERVES = ("llm-d.ai/inferenceServing", "llm-d.ai/inference-serving")
_NAMES = ("llm-d.ai/model", "llm-d.ai/guide", "app.kubernetes.io/instance")


def place(pod: Pod) -> Place | None:
    labels = pod.labels
    role = labels.get("llm-d.ai/role", "")
    if not role and not any(labels.get(key) == "true" for key in _SERVES):
        return None
    name = next((labels[key] for key in _NAMES if labels.get(key)), "llm-d")
    phase = role if role in ("prefill", "decode") else ""
    return Place(Part.ENGINE, name, phase, inner=phase == "prefill")
