"""KServe: LLMInferenceService, whose parts are told by `app.kubernetes.io/component`, and InferenceService.

Of a service with prefill workers, the decode pods hold a sidecar that calls them.
"""

from __future__ import annotations

from cluster.kubernetes.objects import Pod
from cluster.kubernetes.shapes.types import Part, Place

_OF = "llminferenceservice"
_WORKLOAD = f"{_OF}-workload"
_PICKER = f"{_OF}-router-scheduler"


def place(pod: Pod) -> Place | None:
    labels = pod.labels
    if labels.get("app.kubernetes.io/part-of") == _OF:
        name, component = labels.get("app.kubernetes.io/name", ""), labels.get("app.kubernetes.io/component", "")
        if component == _PICKER:
            return Place(Part.PICKER, name, exact=True)
        if component == _WORKLOAD or component.startswith(f"{_WORKLOAD}-"):
            prefill = component.endswith("-prefill")
            decode = labels.get("llm-d.ai/role") == "decode"
            phase = "prefill" if prefill else "decode" if decode else ""
            return Place(Part.ENGINE, name, phase, inner=prefill, exact=True)
        return None
    service = labels.get("serving.kserve.io/inferenceservice")
    if service and labels.get("component", "predictor") == "predictor":
        return Place(Part.ENGINE, service, exact=True)
    return None
