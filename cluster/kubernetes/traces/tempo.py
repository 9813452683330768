"""Tempo: search for trace ids, then fetch each trace as OTLP, by the second version of its API or the first."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from concurrent.futures import TimeoutError as TookTooLong
from typing import Any

from cluster import otlp
from cluster.deployment import DeploymentError
from cluster.http import printable
from cluster.kubernetes.sources import JsonClient
from cluster.kubernetes.stack import Stack
from cluster.kubernetes.traces.spans import LARGEST, PART_LIMIT, Span, component_of, search
from cluster.window import Window

_WORKERS = 8
_SECOND, _FIRST = "/api/v2/traces", "/api/traces"


def read(client: JsonClient, stack: Stack, window: Window, deadline: float, notes: list[str]) -> Iterator[Span]:
    """Spans of the window's traces. Raises DeploymentError; appends to the notes what is left out."""

    def find(part: Window, left: float) -> list[str]:
        return client.read(lambda: _trace_ids(client, stack.target.namespace, part, left))

    cut = f"traces: at most {LARGEST} of the window's traces were read, Tempo has more"
    ids = dict.fromkeys(search("Tempo", window, time.monotonic() + deadline, notes, cut, find))
    traces = [trace for trace in ids if re.fullmatch(r"[0-9a-fA-F]{1,32}", trace)]
    if not traces:
        return
    path = _path(client, traces[0])
    yield from _fetch_all(
        client,
        traces,
        deadline,
        notes,
        lambda trace: client.read(lambda: list(_spans(stack, client.get(f"{path}/{trace}", {}), notes))),
    )


def probe(client: JsonClient) -> None:
    """Raises DeploymentError when it does not answer as Tempo does."""
    now = int(time.time())
    search = {"limit": "1", "start": str(now - 60), "end": str(now)}
    client.read(lambda: client.get("/api/search", search).get("traces"))


def _path(client: JsonClient, trace: str) -> str:
    """Where this server has its traces: Tempo before 2.7 knows only the first version of the API."""
    try:
        client.get(f"{_SECOND}/{trace}", {})
    except DeploymentError:
        return _FIRST
    return _SECOND


def _trace_ids(client: JsonClient, namespace: str, part: Window, timeout: float) -> list[str]:
    """Ids of the traces in a part of the window."""
    span = {"start": str(int(part.start)), "end": str(math.ceil(part.end)), "limit": str(PART_LIMIT)}
    # A collector without the Kubernetes attributes processor omits the namespace: then search all traces.
    for query in ({"q": f'{{ resource.k8s.namespace.name = "{namespace}" }}'}, {}):
        found = client.get("/api/search", span | query, timeout).get(
            "traces"
        )  # protobuf's JSON leaves out an empty one
        if ids := [str(one["traceID"]) for one in found or []]:
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


def _spans(stack: Stack, answer: Any, notes: list[str]) -> Iterator[Span]:
    """Spans of one trace. The second version of the API wraps it, and says when it is not whole."""
    trace = answer.get("trace", answer)
    if answer.get("status") == "PARTIAL":
        cut = f"traces: Tempo gave some in part, {printable(answer.get('message') or 'they are too large')}"
        notes += [cut] if cut not in notes else []
    for resource, own, row in otlp.spans(trace.get("batches") or trace.get("resourceSpans")):
        yield component_of(stack, {**own, **resource}), row
