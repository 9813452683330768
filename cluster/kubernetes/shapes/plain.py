"""Engines of any Deployment or StatefulSet, by their container's image or command; gateways and routers likewise.

A deployment has the name of its workload, without a phase at its end: `llama-prefill` and `llama-decode` are one.
"""

from __future__ import annotations

import re

from cluster.kubernetes.objects import Pod
from cluster.kubernetes.shapes.phases import split
from cluster.kubernetes.shapes.types import Part, Place

_ROUTER_IMAGE = re.compile(r"lmstack-router|vllm-router|sgl-model-gateway|sgl(?:ang)?-router|litellm", re.IGNORECASE)
_ROUTER_COMMAND = re.compile(r"\b(?:vllm[-_]router|sglang[-_]router|smg launch|litellm)\b")
_ENGINE_IMAGE = re.compile(
    r"(?:^|/)(?:[\w.-]*vllm[\w.-]*|sglang[\w.-]*|text-generation-inference|tritonserver|tensorrt-llm/\w+|lmdeploy"
    r"|llama\.cpp|llm-d-(?:cuda|rocm|xpu|cpu|inference-sim)[\w.-]*|nim/.+)(?:[:@]|$)",
    re.IGNORECASE,
)
_ENGINE_COMMAND = re.compile(
    r"vllm serve|vllm\.entrypoints|sglang\.launch_server|text-generation-launcher|trtllm-serve|tritonserver"
    r"|llama-server|lmdeploy serve"
)
_NO_ENGINE = re.compile(r"\b(?:vllm bench|benchmark\w*|guidellm|aiperf|genai-perf|sleep)\b|semantic-router")
_GATEWAY_KEYS = ("app.kubernetes.io/component", "app.kubernetes.io/name", "app")
_GATEWAY_NAMES = frozenset(
    {"gateway", "nginx", "ingress-nginx", "nginx-gateway", "envoy", "haproxy", "traefik", "kong", "apisix"}
)


def is_gateway(pod: Pod) -> bool:
    """By common labels of a proxy in front of a service; a setting overrides them."""
    return any(pod.labels.get(key) in _GATEWAY_NAMES for key in _GATEWAY_KEYS)


def place(pod: Pod) -> Place | None:
    if is_gateway(pod):
        return Place(Part.GATEWAY)
    if _ROUTER_IMAGE.search(pod.image) or _ROUTER_COMMAND.search(pod.command):
        return Place(Part.ROUTER)
    if _NO_ENGINE.search(pod.command) or _NO_ENGINE.search(pod.image):
        return None
    if _ENGINE_IMAGE.search(pod.image) or _ENGINE_COMMAND.search(pod.command):
        name, phase = split(pod.owner or pod.name)
        return Place(Part.ENGINE, name, phase)
    return None
