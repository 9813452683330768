"""Tempo: search for trace ids, then fetch each trace as OTLP."""

from __future__ import annotations

import base64
import binascii
import math
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from concurrent.futures import TimeoutError as TookTooLong
from typing import Any

from cluster.deployment import DeploymentError
from cluster.kubernetes.discovery import Stack
from cluster.kubernetes.sources import JsonClient
from cluster.kubernetes.traces.spans import LARGEST, PART_LIMIT, Span, component_of, failed, row, search
from cluster.window import Window

_WORKERS = 8
_HEX = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}")


def read(client: JsonClient, stack: Stack, window: Window, deadline: float, notes: list[str]) -> Iterator[Span]:
    """Spans of the window's traces. Raises DeploymentError; appends to the notes what is left out."""

    def find(part: Window, left: float) -> list[str]:
        return client.read(lambda: _trace_ids(client, stack.target.namespace, part, left))

    cut = f"traces: at most {LARGEST} of the window's traces were read, Tempo has more"
    ids = dict.fromkeys(search("Tempo", window, time.monotonic() + deadline, notes, cut, find))
    yield from _fetch_all(
        client,
        [trace for trace in ids if re.fullmatch(r"[0-9a-fA-F]{1,32}", trace)],
        deadline,
        notes,
        lambda trace: client.read(lambda: list(_spans(stack, client.get(f"/api/traces/{trace}", {})))),
    )


def probe(client: JsonClient) -> None:
    """Raises DeploymentError when it does not answer as Tempo does."""
    now = int(time.time())
    client.read(lambda: client.get("/api/search", {"limit": "1", "start": str(now - 60), "end": str(now)})["traces"])


def _trace_ids(client: JsonClient, namespace: str, part: Window, timeout: float) -> list[str]:
    """Ids of the traces in a part of the window."""
    span = {"start": str(int(part.start)), "end": str(math.ceil(part.end)), "limit": str(PART_LIMIT)}
    # A collector without the Kubernetes attributes processor omits the namespace: then search all traces.
    for query in ({"q": f'{{ resource.k8s.namespace.name = "{namespace}" }}'}, {}):
        if ids := [str(one["traceID"]) for one in client.get("/api/search", span | query, timeout)["traces"] or []]:
            return ids
    return []


def _fetch_all(
    client: JsonClient,
    traces: list[str],
    deadline: float,
    notes: list[str],
    fetch: Callable[[str], list[Span]],
) -> Iterator[Span]:
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


def _spans(stack: Stack, answer: Any) -> Iterator[Span]:
    """Spans of one trace in OTLP's JSON; ids are hex, or base64 where the JSON was made from protobuf."""
    trace = answer.get("trace", answer)
    for batch in trace.get("batches") or trace.get("resourceSpans") or []:
        resource = _attributes((batch.get("resource") or {}).get("attributes"))
        for scope in batch.get("scopeSpans") or batch.get("instrumentationLibrarySpans") or []:
            for span in scope.get("spans") or []:
                start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
                code = (span.get("status") or {}).get("code", 0)
                own = _attributes(span.get("attributes"))
                yield component_of(stack, {**own, **resource}), row(
                    _id(span["traceId"]), _id(span["spanId"]), _id(span.get("parentSpanId")), span.get("name"),
                    start / 1e9, (end - start) / 1e9, failed(own, code in (2, "STATUS_CODE_ERROR")),
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


def _id(value: object) -> str:
    """Lower-case hex, as the incident keeps it; empty for none."""
    text = str(value or "")
    if not text or _HEX.fullmatch(text.lower()):
        return text.lower()
    try:
        return base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        return text
