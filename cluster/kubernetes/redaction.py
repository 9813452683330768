"""Removes names and addresses of a cluster from a text, so that a report can be shared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from cluster import secrets
from cluster.kubernetes.api import Api
from cluster.kubernetes.deployment import KubernetesDeployment
from cluster.topology import Kind

_GROUPS = r"ray\.io|k8s\.io|kubernetes\.io|chaos-mesh\.org"  # kinds of objects look like hosts: rayservices.ray.io
_PATTERNS = (
    (re.compile(r"\b(?:https?)://[^\s,;)\"'`]+"), "[address]"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "[address]"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "[uid]"),
    (re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b"), "[mail]"),
    (re.compile(rf"\b(?!(?:[a-z0-9-]+\.)+(?:{_GROUPS})\b)(?:[a-z0-9-]+\.){{2,}}[a-z]{{2,}}\b"), "[host]"),
    # Tokens: JWTs, those of Google, OpenShift and K3s, and any other long word of mixed characters.
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "[token]"),
    (re.compile(r"\bya29\.[\w.-]+|\bsha256~[\w-]+|\bK10\w+::[\w:.-]+"), "[token]"),
    (re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])\w{24,}\b"), "[token]"),
    (re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[\w-]{16,}"), "[token]"),
)


def known_names(api: Api | None, deployment: KubernetesDeployment | None) -> dict[str, str]:
    """The names of this cluster and its parts, each with its replacement."""
    known: dict[str, str] = {}
    if api is not None:
        known |= {api.context: "[context]", urlsplit(api.server).netloc: "[server]", api.namespace: "[namespace]"}
    if deployment is not None:
        stack = deployment.stack()
        known |= {stack.target.namespace: "[namespace]", stack.target.name: "[deployment]"}
        known |= dict.fromkeys(stack.target.clusters, "[cluster]")
        known |= {name: f"[pod of {component}]" for name, component in stack.names.items()}
        known |= {name: f"node-{number}" for number, name in enumerate(sorted(stack.nodes), 1)}
        hosts = [one.labels["node"] for one in stack.topology.of_kind(Kind.NODE) if one.labels["node"] not in known]
        known |= {name: f"node-x{number}" for number, name in enumerate(sorted(hosts), 1)}
    return {word: replacement for word, replacement in known.items() if word}


def redact(text: str, known: Mapping[str, str]) -> str:
    """The text with all names, addresses, ids and tokens replaced, and the secrets that are held here."""
    text = secrets.hide(text)
    for word in sorted(known, key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", known[word], text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text
