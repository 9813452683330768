"""Log lines of a deployment's pods, from Loki's HTTP API (`/loki/api/v1/query_range`).

Lines are hostile text: they are cut, and characters that no file can hold are replaced; no line can raise.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from cluster.deployment import DeploymentError
from cluster.incident.model import LOG_COLUMNS
from cluster.kubernetes.discovery import Stack
from cluster.kubernetes.sources import JsonClient
from cluster.window import Window

PAGE = 5000  # Loki's own limit by default
LARGEST = 50_000  # lines per window
LONGEST_MESSAGE = 8 << 10
_LEVELS = ("detected_level", "level", "severity")
_LEVEL_WORD = re.compile(r"\b(DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b", re.IGNORECASE)
_SEVERITIES = {
    "WARN": "WARNING",
    "FATAL": "CRITICAL",
    "NOTICE": "INFO",
    "UNKNOWN": "INFO",
    "TRACE": "DEBUG",
    "": "INFO",
}


def read(client: JsonClient, stack: Stack, window: Window) -> pd.DataFrame:
    """Lines of the deployment's pods in the window, by time; columns `LOG_COLUMNS`. Raises DeploymentError.

    `attrs["notes"]` names what was left out.
    """
    selector = f'{{namespace="{stack.target.namespace}"}}'
    start, end = round(window.start * 1e9), round(window.end * 1e9)
    rows: dict[tuple[int, str, str], tuple[float, str, str, str]] = {}
    notes: list[str] = []
    unknown = 0
    while True:
        params = {"query": selector, "start": str(start), "end": str(end), "limit": str(PAGE), "direction": "forward"}
        answer = client.get("/loki/api/v1/query_range", params)
        page = client.read(lambda answer=answer: [_line(*one) for one in _entries(answer)])  # type: ignore[misc]
        for nanoseconds, labels, text in page:
            component = _component(stack, labels)
            if component is None:
                unknown += 1
                continue
            # The next page starts at the last time of this one, since more lines may have that time.
            rows[nanoseconds, component, text] = (nanoseconds / 1e9, component, _severity(labels, text), text)
        if len(page) < PAGE:
            break
        last = max(nanoseconds for nanoseconds, _, _ in page)
        if len(rows) + unknown >= LARGEST:
            notes.append(f"logs: only the first {len(rows)} lines of the window were read")
            break
        start = last if last > start else last + 1
    if unknown:
        notes.append(f"logs: {unknown} lines of other pods in the namespace were left out")
    inside = [row for _, row in sorted(rows.items()) if row[0] in window]
    frame = pd.DataFrame(
        {name: pd.Series([row[i] for row in inside], dtype=kind) for i, (name, kind) in enumerate(LOG_COLUMNS.items())}
    )
    frame.attrs["notes"] = notes
    return frame


def probe(client: JsonClient) -> str:
    """The name of the server. Raises DeploymentError when it does not answer as Loki does."""
    answer = client.get("/loki/api/v1/labels", {})
    if not isinstance(answer, dict) or answer.get("status") != "success":
        raise DeploymentError(f"Loki at {client.address} gives no data: it does not answer as Loki does")
    return "loki"


def _entries(answer: Any) -> list[tuple[str, str, Mapping[str, str]]]:
    """(nanoseconds, line, labels) of every line of all streams."""
    return [
        (entry[0], entry[1], {**stream["stream"], **(entry[2] if len(entry) > 2 else {})})
        for stream in answer["data"]["result"]
        for entry in stream["values"]
    ]


def _line(nanoseconds: str, text: str, labels: Mapping[str, str]) -> tuple[int, Mapping[str, str], str]:
    clean = str(text)[:LONGEST_MESSAGE].encode("utf-8", "replace").decode()
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
            clean = clean if inner is None else inner[:LONGEST_MESSAGE].encode("utf-8", "replace").decode()
    time = int(nanoseconds)
    if not math.isfinite(time / 1e9):
        raise ValueError("not a time")
    return time, labels, clean.rstrip("\n")


def _component(stack: Stack, labels: Mapping[str, str]) -> str | None:
    for name in ("pod", "k8s_pod_name", "pod_name", "kubernetes_pod_name", "instance"):
        if component := stack.names.get(labels.get(name, "")):
            return component
    return None


def _severity(labels: Mapping[str, str], text: str) -> str:
    level = next((labels[name] for name in reversed(_LEVELS) if labels.get(name)), "")
    if not level and (match := _LEVEL_WORD.search(text[:200])):
        level = match[1]
    level = level[:16].upper()
    return _SEVERITIES.get(level, level)
