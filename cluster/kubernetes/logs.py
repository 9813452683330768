"""Log lines of a deployment's pods, from Loki's HTTP API (`/loki/api/v1/query_range`).

What ships the lines names their labels: `namespace` and `pod`, or, over OTLP, `k8s_namespace_name` and `k8s_pod_name`,
which need not be indexed: then they are structured metadata of each line.

Lines are hostile text: they are cut, and characters that no file can hold are replaced; no line can raise.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from cluster import secrets
from cluster.deployment import DeploymentError
from cluster.http import printable
from cluster.incident.model import LOG_COLUMNS
from cluster.kubernetes.sources import JsonClient
from cluster.kubernetes.stack import Stack
from cluster.prometheus.client import partial_reason
from cluster.window import Window

PAGE = 5000  # Loki's own limit by default
LARGEST = 50_000  # lines per window
LONGEST_MESSAGE = 8 << 10
_NAMESPACES = (
    "namespace",
    "k8s_namespace_name",
    "kubernetes_namespace_name",
    "kubernetes_namespace",
    "namespace_name",
    "exported_namespace",
)
_PODS = ("pod", "k8s_pod_name", "pod_name", "kubernetes_pod_name", "exported_pod", "service_instance_id", "instance")
_INDEXED = ("service_name", "service_namespace", "k8s_cluster_name", "job")  # what every line fed by OTLP may have
_LEVELS = ("detected_level", "level", "severity", "severity_text")
_LEVEL_WORD = re.compile(r"\b(DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b", re.IGNORECASE)
_SEVERITIES = {
    "WARN": "WARNING",
    "ERR": "ERROR",
    "FATAL": "CRITICAL",
    "CRIT": "CRITICAL",
    "INFORMATION": "INFO",
    "NOTICE": "INFO",
    "UNKNOWN": "INFO",
    "TRACE": "DEBUG",
    "": "INFO",
}


def read(client: JsonClient, stack: Stack, window: Window) -> pd.DataFrame:
    """Lines of the deployment's pods in the window, by time; columns `LOG_COLUMNS`. Raises DeploymentError.

    `attrs["notes"]` names what was left out.
    """
    rows: dict[tuple[int, str, str], tuple[float, str, str, str]] = {}
    notes: list[str] = []
    unknown = 0
    for selector in _selectors(client, stack.target.namespace, window):
        unknown += _read(client, stack, selector, window, rows, notes)
    if not rows and not unknown:
        labels = ", ".join(_labels(client, window)[:12]) or "no label at all"
        notes.append(f"logs: Loki has no line of the namespace {stack.target.namespace}; it has {printable(labels)}")
    if unknown:
        notes.append(f"logs: {unknown} lines of other pods in the namespace were left out")
    inside = [row for _, row in sorted(rows.items()) if row[0] in window]
    frame = pd.DataFrame(
        {name: pd.Series([row[i] for row in inside], dtype=kind) for i, (name, kind) in enumerate(LOG_COLUMNS.items())}
    )
    frame.attrs["notes"] = notes
    return frame


def _selectors(client: JsonClient, namespace: str, window: Window) -> list[str]:
    """Queries that select the namespace's lines, by each label that holds it; else by structured metadata."""
    labels = _labels(client, window)
    holding = [name for name in _NAMESPACES if name in labels and namespace in _labels(client, window, name)]
    if holding:
        return [f'{{{name}="{namespace}"}}' for name in holding]
    indexed = next((name for name in _INDEXED if name in labels), None)
    if indexed is None:
        return [f'{{namespace="{namespace}"}}']
    return [f'{{{indexed}=~".+"}} | k8s_namespace_name="{namespace}"']


def _labels(client: JsonClient, window: Window, name: str = "") -> list[str]:
    """The indexed labels, or the values of one."""
    path = f"/loki/api/v1/label/{name}/values" if name else "/loki/api/v1/labels"
    span = {"start": str(round(window.start * 1e9)), "end": str(round(window.end * 1e9))}
    return client.read(lambda: [str(one) for one in client.get(path, span).get("data") or []])


def _read(
    client: JsonClient,
    stack: Stack,
    selector: str,
    window: Window,
    rows: dict[tuple[int, str, str], tuple[float, str, str, str]],
    notes: list[str],
) -> int:
    """Add the lines page by page. Returns how many belong to no component."""
    start, end = round(window.start * 1e9), round(window.end * 1e9)
    unknown = read = 0
    while True:
        params = {"query": selector, "start": str(start), "end": str(end), "limit": str(PAGE), "direction": "forward"}
        answer = client.get("/loki/api/v1/query_range", params)
        page = client.read(lambda answer=answer: [_line(*one) for one in _entries(answer)])  # type: ignore[misc]
        read += len(page)
        if said := client.read(lambda answer=answer: partial_reason(answer)):  # type: ignore[misc]
            cut = f"logs: Loki answered in part, {said}"
            notes += [cut] if cut not in notes else []
        for nanoseconds, labels, text in page:
            component = _component(stack, labels)
            if component is None:
                unknown += 1
                continue
            # The next page starts at the last time of this one, since more lines may have that time.
            rows[nanoseconds, component, text] = (nanoseconds / 1e9, component, _severity(labels, text), text)
        if len(page) < PAGE:
            return unknown
        last = max(nanoseconds for nanoseconds, _, _ in page)
        # A server that repeats its lines, or gives some from before what was asked for, adds no row for ever.
        if len(rows) + unknown >= LARGEST or read >= 2 * LARGEST:
            notes.append(f"logs: only the first {len(rows)} lines of the window were read")
            return unknown
        start = max(last, start + 1)


def probe(client: JsonClient) -> str:
    """The name of the server. Raises DeploymentError when it does not answer as Loki does."""
    answer = client.get("/loki/api/v1/labels", {})
    if not isinstance(answer, dict) or answer.get("status") != "success":
        raise DeploymentError(f"Loki at {client.address} gives no data: it does not answer as Loki does")
    return "loki"


def _entries(answer: Any) -> list[tuple[str, str, Mapping[str, str]]]:
    """(nanoseconds, line, labels) of every line of all streams; labels that are no text are left out."""
    return [
        (entry[0], entry[1], _texts({**stream["stream"], **(_metadata(entry[2]) if len(entry) > 2 else {})}))
        for stream in answer["data"]["result"]
        for entry in stream["values"]
    ]


def _texts(labels: Mapping[str, Any]) -> Mapping[str, str]:
    return {name: text for name, text in labels.items() if isinstance(text, str)}


def _metadata(third: Mapping[str, Any]) -> Mapping[str, str]:
    """Structured metadata of a line: as it is, or apart from what a query has parsed."""
    apart = third.get("structuredMetadata")
    return apart if isinstance(apart, dict) else third


def _line(nanoseconds: str, text: str, labels: Mapping[str, str]) -> tuple[int, Mapping[str, str], str]:
    clean = secrets.hide(str(text))[:LONGEST_MESSAGE].encode("utf-8", "replace").decode()
    # fluent-bit and others ship a JSON record; its log or message is the line.
    if clean.startswith("{"):
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            inner = next((record[key] for key in ("log", "message", "msg") if isinstance(record.get(key), str)), None)
            level = next((record[key] for key in (*_LEVELS, "levelname") if isinstance(record.get(key), str)), None)
            labels = {**labels, **({"level": level} if level else {})}
            clean = (
                clean if inner is None else secrets.hide(inner)[:LONGEST_MESSAGE].encode("utf-8", "replace").decode()
            )
    time = int(nanoseconds)
    if not math.isfinite(time / 1e9):
        raise ValueError("not a time")
    return time, labels, clean.rstrip("\n")


def _component(stack: Stack, labels: Mapping[str, str]) -> str | None:
    for name in _PODS:
        if component := stack.names.get(labels.get(name, "")):
            return component
    return None


def _severity(labels: Mapping[str, str], text: str) -> str:
    level = next((labels[name] for name in reversed(_LEVELS) if labels.get(name)), "")
    if not level and (match := _LEVEL_WORD.search(text[:200])):
        level = match[1]
    level = level[:16].upper()
    return _SEVERITIES.get(level, level)
