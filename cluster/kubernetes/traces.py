"""Spans of a deployment's requests: from Tempo, Jaeger or DeepFlow, each by its documented HTTP API.

Attributes come from the traced programs and are hostile: none of them can raise; a malformed span is left out.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from concurrent.futures import TimeoutError as TookTooLong
from functools import partial
from typing import Any

import pandas as pd

from cluster.deployment import DeploymentError
from cluster.http import printable
from cluster.incident.model import SPAN_COLUMNS
from cluster.kubernetes.discovery import GATEWAY, Stack
from cluster.kubernetes.settings import Traces
from cluster.kubernetes.sources import JsonClient
from cluster.window import Window

LARGEST = 500  # traces per window
PARTS = 20
ROWS = 50_000  # of DeepFlow
_WORKERS = 8
_LONGEST_NAME = 1024
_HEX = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}")
_POD_ATTRIBUTES = (
    "k8s.pod.name",
    "pod",
    "pod.name",
    "kubernetes.pod_name",
    "service.instance.id",
    "host.name",
    "hostname",
)

Row = dict[str, Any]


def read(client: JsonClient, configured: Traces, stack: Stack, window: Window, deadline: float) -> pd.DataFrame:
    """Spans that start in the window, by start; columns `SPAN_COLUMNS`. Raises DeploymentError.

    `attrs["notes"]` names what was left out: a window may hold more traces than can be fetched one by one.
    """
    notes: list[str] = []
    reader = {"tempo": _tempo, "jaeger": _jaeger, "deepflow": _deepflow}[configured.kind]
    rows, unknown = [], 0
    for component, row in reader(client, stack, window, deadline, notes):
        if component is None:
            unknown += 1
        elif row["start"] in window:
            rows.append({**row, "component": component})
    if unknown:
        notes.append(f"traces: left out {unknown} spans that belong to no component")
    rows.sort(key=lambda row: row["start"])
    frame = pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=kind) for name, kind in SPAN_COLUMNS.items()}
    )
    frame.attrs["notes"] = notes
    return frame


def probe(client: JsonClient, configured: Traces) -> str:
    """The kind of the store. Raises DeploymentError when it does not answer as that kind does."""
    if configured.kind == "tempo":
        now = int(time.time())
        client.read(
            lambda: client.get("/api/search", {"limit": "1", "start": str(now - 60), "end": str(now)})["traces"]
        )
    elif configured.kind == "jaeger":
        client.read(lambda: client.get("/api/services", {})["data"])
    else:
        _sql(client, "show databases")
    return configured.kind


# Tempo: search for trace ids, then fetch each trace.


def _tempo(
    client: JsonClient, stack: Stack, window: Window, deadline: float, notes: list[str]
) -> Iterator[tuple[str | None, Row]]:
    ends = time.monotonic() + deadline
    ids: list[str] = []
    for part in _parts(window):
        if (left := ends - time.monotonic()) <= 0:
            notes.append("traces: not all of the window was searched, Tempo took too long")
            break
        listed = client.read(partial(_tempo_search, client, stack.target.namespace, part, left))
        cut = f"traces: at most {LARGEST} of the window's traces were read, Tempo has more"
        if len(listed) >= LARGEST // PARTS and cut not in notes:
            notes.append(cut)
        ids += listed
    yield from _fetch_all(
        client, [trace for trace in dict.fromkeys(ids) if re.fullmatch(r"[0-9a-fA-F]{1,32}", trace)], deadline, notes,
        lambda trace: client.read(lambda: list(_otlp(stack, client.get(f"/api/traces/{trace}", {})))),
    )  # fmt: skip


def _tempo_search(client: JsonClient, namespace: str, part: Window, timeout: float) -> list[str]:
    """Ids of the traces in a part of the window."""
    span = {"start": str(int(part.start)), "end": str(math.ceil(part.end)), "limit": str(LARGEST // PARTS)}
    # A collector without the Kubernetes attributes processor omits the namespace: then search all traces.
    for query in ({"q": f'{{ resource.k8s.namespace.name = "{namespace}" }}'}, {}):
        if found := [str(one["traceID"]) for one in client.get("/api/search", span | query, timeout)["traces"] or []]:
            return found
    return []


def _parts(window: Window) -> list[Window]:
    """Parts of the window, searched one by one: a store that cuts its answer would omit one end of the window."""
    size = window.seconds / PARTS
    return [Window(window.start + size * i, window.start + size * (i + 1)) for i in range(PARTS)]


def _fetch_all(
    client: JsonClient,
    traces: list[str],
    deadline: float,
    notes: list[str],
    fetch: Callable[[str], list[tuple[str | None, Row]]],
) -> Iterator[tuple[str | None, Row]]:
    """Spans of all traces, fetched in parallel under one deadline; a trace that fails or is late is noted."""
    pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="traces")
    jobs = [pool.submit(fetch, trace) for trace in traces]
    done, reason = 0, "they took too long"
    try:
        for job in as_completed(jobs, timeout=deadline):
            try:
                yield from job.result()
                done += 1
            except DeploymentError as error:
                reason = str(error)
    except TookTooLong:
        pass
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    if traces and not done:
        raise DeploymentError(reason if reason.startswith(client.server) else f"{client.server}: {reason}")
    if done < len(traces):
        notes.append(f"traces: {len(traces) - done} of {len(traces)} could not be read, {reason}")


def _otlp(stack: Stack, answer: Any) -> Iterator[tuple[str | None, Row]]:
    """Spans of one trace in OTLP's JSON; ids are hex, or base64 where the JSON was made from protobuf."""
    trace = answer.get("trace", answer)
    for batch in trace.get("batches") or trace.get("resourceSpans") or []:
        resource = _attributes((batch.get("resource") or {}).get("attributes"))
        for scope in batch.get("scopeSpans") or batch.get("instrumentationLibrarySpans") or []:
            for span in scope.get("spans") or []:
                start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
                code = (span.get("status") or {}).get("code", 0)
                own = _attributes(span.get("attributes"))
                yield _component_of(stack, {**own, **resource}), _row(
                    _id(span["traceId"]), _id(span["spanId"]), _id(span.get("parentSpanId")), span.get("name"),
                    start / 1e9, (end - start) / 1e9, _failed(own, code in (2, "STATUS_CODE_ERROR")),
                )  # fmt: skip


def _attributes(listed: Any) -> dict[str, str]:
    values = {}
    for one in listed or []:
        value = one.get("value") or {}
        plain = next(
            (value[key] for key in ("stringValue", "intValue", "boolValue", "doubleValue") if key in value), None
        )
        if plain is not None:
            values[str(one.get("key"))] = str(plain)
    return values


# Jaeger: complete traces, one service at a time.


def _jaeger(
    client: JsonClient, stack: Stack, window: Window, deadline: float, notes: list[str]
) -> Iterator[tuple[str | None, Row]]:
    services = client.read(lambda: [str(one) for one in client.get("/api/services", {})["data"] or []])
    seen: set[str] = set()
    ends = time.monotonic() + deadline
    for service, part in ((service, part) for service in services for part in _parts(window)):
        if (left := ends - time.monotonic()) <= 0:
            notes.append("traces: not all of the window was searched, Jaeger took too long")
            return
        span = {
            "start": str(round(part.start * 1e6)),
            "end": str(round(part.end * 1e6)),
            "limit": str(LARGEST // PARTS),
        }
        traces = client.read(partial(_jaeger_search, client, {**span, "service": service}, left))
        cut = f"traces: at most {LARGEST} traces of {service} were read, Jaeger has more"
        if len(traces) >= LARGEST // PARTS and cut not in notes:
            notes.append(cut)
        for trace in traces:
            if str(trace.get("traceID")) not in seen:
                seen.add(str(trace.get("traceID")))
                yield from client.read(lambda trace=trace: list(_jaeger_trace(stack, trace)))  # type: ignore[misc]


def _jaeger_search(client: JsonClient, params: Mapping[str, str], timeout: float) -> list[dict[str, Any]]:
    return [dict(one) for one in client.get("/api/traces", params, timeout)["data"] or []]


def _jaeger_trace(stack: Stack, trace: Any) -> Iterator[tuple[str | None, Row]]:
    processes = {
        key: {**_tags(one.get("tags")), "service.name": str(one.get("serviceName", ""))}
        for key, one in (trace.get("processes") or {}).items()
    }
    for span in trace.get("spans") or []:
        tags = _tags(span.get("tags"))
        parent = next(
            (str(r.get("spanID")) for r in span.get("references") or [] if r.get("refType") == "CHILD_OF"), None
        )
        yield _component_of(stack, {**tags, **processes.get(span.get("processID"), {})}), _row(
            str(span["traceID"]), str(span["spanID"]), parent, span.get("operationName"),
            float(span["startTime"]) / 1e6, float(span["duration"]) / 1e6,
            _failed(tags, tags.get("error") == "True" or tags.get("otel.status_code") == "ERROR"),
        )  # fmt: skip


def _tags(listed: Any) -> dict[str, str]:
    return {str(one.get("key")): str(one.get("value")) for one in listed or []}


# DeepFlow: requests, observed by eBPF at the server's process.


def _deepflow(
    client: JsonClient, stack: Stack, window: Window, deadline: float, notes: list[str]
) -> Iterator[tuple[str | None, Row]]:
    names = (
        "trace_id",
        "span_id",
        "parent_span_id",
        "pod_1",
        "endpoint",
        "start_time",
        "response_duration",
        "response_status",
    )
    # One observation point, the server's process: agents record a request at each hop, which would count it repeatedly.
    where = (
        f"time >= {int(window.start)} AND time <= {int(window.end) + 1} AND observation_point = 's-p' "
        f"AND pod_ns_1 = '{stack.target.namespace}'"
    )
    answer = _sql(
        client,
        # The name of a namespace cannot hold quotes: Kubernetes allows letters, digits and dashes.
        f"SELECT {', '.join(names)}, toString(_id) AS id FROM l7_flow_log "  # noqa: S608
        f"WHERE {where} ORDER BY start_time LIMIT {ROWS}",
    )
    columns = client.read(lambda: [str(one) for one in answer["columns"]])
    if missing := [name for name in names if name not in columns]:
        raise DeploymentError(f"DeepFlow at {client.address} gives no data: it has no {', '.join(missing)}")
    rows = client.read(lambda: [dict(zip(columns, values, strict=True)) for values in answer["values"] or []])
    if len(rows) >= ROWS:
        notes.append(f"traces: the first {ROWS} requests of the window were read, DeepFlow has more")
    yield from client.read(lambda: [(stack.names.get(_text(cells["pod_1"])), _request(cells)) for cells in rows])


def _request(cells: Mapping[str, Any]) -> Row:
    # A request without a propagated context is a trace of one span.
    span = _text(cells["span_id"]) or _text(cells.get("id"))
    # 0 is success, 1 any error, 3 the server's; 4, the client's error, is not the deployment's. Others are unknown.
    error = {"0": False, "1": True, "3": True, "4": False}.get(str(cells["response_status"]))
    start, duration = float(cells["start_time"]) / 1e6, float(cells["response_duration"]) / 1e6
    parent = _text(cells["parent_span_id"]) or None
    return _row(_text(cells["trace_id"]) or span, span, parent, cells["endpoint"], start, duration, error)


def _sql(client: JsonClient, statement: str) -> Mapping[str, Any]:
    answer = client.post("/v1/query/", {"db": "flow_log", "sql": statement})
    if not isinstance(answer, dict) or answer.get("OPT_STATUS") != "SUCCESS":
        reason = printable(answer.get("DESCRIPTION", "")) if isinstance(answer, dict) else ""
        raise DeploymentError(
            f"DeepFlow at {client.address} gives no data: {reason or 'it does not answer as DeepFlow'}"
        )
    result = answer.get("result")
    return result if isinstance(result, dict) else {"columns": [], "values": []}


# Shared by all three.


def _component_of(stack: Stack, attributes: Mapping[str, str]) -> str | None:
    for name in _POD_ATTRIBUTES:
        value = attributes.get(name, "")
        if value and (component := stack.names.get(value) or stack.addresses.get(value)):
            return component
    service = attributes.get("service.name", "")
    if service in stack.topology:
        return service
    owners = {pods[0].owner: component for component, pods in stack.pods.items() if component == GATEWAY}
    return owners.get(service)


def _row(
    trace: str, span: str, parent: str | None, operation: object, start: float, duration: float, error: bool | None
) -> Row:
    if not (trace and span) or duration < 0 or start < 0:
        raise ValueError("not a span")
    return {
        "trace_id": trace[:_LONGEST_NAME],
        "span_id": span[:_LONGEST_NAME],
        "parent_id": parent or None,
        "operation": _text(operation),
        "start": start,
        "duration": duration,
        "error": error,
    }


def _failed(attributes: Mapping[str, str], marked: bool) -> bool:
    status = attributes.get("http.response.status_code") or attributes.get("http.status_code") or ""
    return marked or (status.isdigit() and int(status) >= 500)


def _id(value: object) -> str:
    """Lower-case hex, as the incident keeps it; empty for none."""
    text = str(value or "")
    if not text or _HEX.fullmatch(text.lower()):
        return text.lower()
    try:
        return base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        return text


def _text(value: object) -> str:
    return str(value or "")[:_LONGEST_NAME].encode("utf-8", "replace").decode()
