"""Jaeger: complete traces, one service at a time.

Asked by `/api/v3`, which is documented and speaks OTLP; where that is not there, by the `/api` of its own page, which
all of Jaeger 1 has. The two differ in more than the path: in milliseconds and dates, in ids, in where a pod stands.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from cluster import otlp
from cluster.deployment import DeploymentError
from cluster.kubernetes.sources import JsonClient
from cluster.kubernetes.stack import Stack
from cluster.kubernetes.traces.spans import LARGEST, PART_LIMIT, Span, component_of, search
from cluster.spans import failed, row, with_phases
from cluster.window import Window


def read(client: JsonClient, stack: Stack, window: Window, deadline: float, notes: list[str]) -> Iterator[Span]:
    """Spans of the window's traces. Raises DeploymentError; appends to the notes what is left out."""
    services, traces_of = _api(client, stack)
    ends = time.monotonic() + deadline
    known: set[str] = set()
    for service in services:

        def find(part: Window, left: float, service: str = service) -> list[list[Span]]:
            return traces_of(service, part, left)

        cut = f"traces: at most {LARGEST} traces of {service} were read, Jaeger has more"
        for trace in search("Jaeger", window, ends, notes, cut, find):
            trace_id = trace[0][1]["trace_id"]
            if trace_id not in known:
                known.add(trace_id)
                yield from trace


def probe(client: JsonClient) -> None:
    """Raises DeploymentError when it does not answer as Jaeger does."""
    _services(client)


def _api(client: JsonClient, stack: Stack) -> tuple[list[str], Callable[[str, Window, float], list[list[Span]]]]:
    """The services, and what reads the traces of one in a part of the window, by spans: none is empty."""
    third, services = _services(client)
    if third:
        return services, lambda service, part, left: _third(client, stack, service, part, left)
    return services, lambda service, part, left: client.read(lambda: _first(client, stack, service, part, left))


def _services(client: JsonClient) -> tuple[bool, list[str]]:
    """Whether the server has the third version of the API, and its services."""
    try:
        return True, client.read(lambda: _names(client.get("/api/v3/services", {})["services"]))
    except DeploymentError:
        return False, client.read(lambda: _names(client.get("/api/services", {})["data"]))


def _names(listed: Any) -> list[str]:
    """Each once. Raises ValueError: the characters of a text would be as many services."""
    if not isinstance(listed, list | None):
        raise ValueError("no list of services")
    return list(dict.fromkeys(str(one) for one in listed or []))


def _third(client: JsonClient, stack: Stack, service: str, part: Window, timeout: float) -> list[list[Span]]:
    query = {
        "query.service_name": service,
        "query.start_time_min": _date(part.start),
        "query.start_time_max": _date(part.end),
        "query.search_depth": str(PART_LIMIT),
        "query.num_traces": str(PART_LIMIT),  # its name in older releases
    }
    try:
        documents = client.documents("/api/v3/traces", query, timeout)
    except DeploymentError as error:
        if "HTTP 404" in str(error):  # so it says that there is no trace
            return []
        raise
    traces: dict[str, list[Span]] = {}
    for resource, own, one in client.read(lambda: [span for d in documents for span in _resource_spans(d)]):
        traces.setdefault(one["trace_id"], []).append((component_of(stack, {**own, **resource}), one))
    return list(traces.values())


def _resource_spans(document: Any) -> Iterator[Any]:
    return otlp.spans(document.get("result", document).get("resourceSpans"))


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _first(client: JsonClient, stack: Stack, service: str, part: Window, timeout: float) -> list[list[Span]]:
    span = {"start": str(round(part.start * 1e6)), "end": str(round(part.end * 1e6)), "limit": str(PART_LIMIT)}
    found = client.get("/api/traces", {**span, "service": service}, timeout)["data"] or []
    return [spans for trace in found if (spans := list(_spans(stack, dict(trace))))]


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
        whole = row(
            str(span["traceID"]), str(span["spanID"]), parent, span.get("operationName"),
            float(span["startTime"]) / 1e6, float(span["duration"]) / 1e6,
            failed(tags, tags.get("error", "").lower() == "true" or tags.get("otel.status_code") == "ERROR"),
        )  # fmt: skip
        component = component_of(stack, {**tags, **processes.get(span.get("processID"), {})})
        for one in with_phases(whole, tags):
            yield component, one


def _tags(listed: Any) -> dict[str, str]:
    return {str(one.get("key")): str(one.get("value")) for one in listed or []}
