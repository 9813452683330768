"""Jaeger: complete traces, one service at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from cluster.kubernetes.discovery import Stack
from cluster.kubernetes.sources import JsonClient
from cluster.kubernetes.traces.spans import LARGEST, PART_LIMIT, Span, component_of, failed, row, search
from cluster.window import Window


def read(client: JsonClient, stack: Stack, window: Window, deadline: float, notes: list[str]) -> Iterator[Span]:
    """Spans of the window's traces. Raises DeploymentError; appends to the notes what is left out."""
    services = client.read(lambda: [str(one) for one in client.get("/api/services", {})["data"] or []])
    ends = time.monotonic() + deadline
    known: set[str] = set()
    for service in services:

        def find(part: Window, left: float, service: str = service) -> list[dict[str, Any]]:
            return client.read(lambda: _traces(client, service, part, left))

        cut = f"traces: at most {LARGEST} traces of {service} were read, Jaeger has more"
        for trace in search("Jaeger", window, ends, notes, cut, find):
            if (trace_id := str(trace.get("traceID"))) not in known:
                known.add(trace_id)
                yield from client.read(lambda trace=trace: list(_spans(stack, trace)))  # type: ignore[misc]


def probe(client: JsonClient) -> None:
    """Raises DeploymentError when it does not answer as Jaeger does."""
    client.read(lambda: client.get("/api/services", {})["data"])


def _traces(client: JsonClient, service: str, part: Window, timeout: float) -> list[dict[str, Any]]:
    """The traces of a service in a part of the window."""
    span = {"start": str(round(part.start * 1e6)), "end": str(round(part.end * 1e6)), "limit": str(PART_LIMIT)}
    return [dict(one) for one in client.get("/api/traces", {**span, "service": service}, timeout)["data"] or []]


def _spans(stack: Stack, trace: Any) -> Iterator[Span]:
    processes = {
        key: {**_tags(one.get("tags")), "service.name": str(one.get("serviceName", ""))}
        for key, one in (trace.get("processes") or {}).items()
    }
    for span in trace.get("spans") or []:
        tags = _tags(span.get("tags"))
        parent = next(
            (str(r.get("spanID")) for r in span.get("references") or [] if r.get("refType") == "CHILD_OF"), None
        )
        yield component_of(stack, {**tags, **processes.get(span.get("processID"), {})}), row(
            str(span["traceID"]), str(span["spanID"]), parent, span.get("operationName"),
            float(span["startTime"]) / 1e6, float(span["duration"]) / 1e6,
            failed(tags, tags.get("error") == "True" or tags.get("otel.status_code") == "ERROR"),
        )  # fmt: skip


def _tags(listed: Any) -> dict[str, str]:
    return {str(one.get("key")): str(one.get("value")) for one in listed or []}
