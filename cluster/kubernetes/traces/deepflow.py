"""DeepFlow: requests, observed by eBPF at the server's process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cluster.deployment import DeploymentError
from cluster.http import printable
from cluster.kubernetes.sources import JsonClient
from cluster.kubernetes.stack import Stack
from cluster.kubernetes.traces.spans import Span
from cluster.spans import Row, row, text
from cluster.window import Window

ROWS = 50_000  # requests per window
_COLUMNS = (
    "trace_id",
    "span_id",
    "parent_span_id",
    "pod_1",
    "endpoint",
    "start_time",
    "response_duration",
    "response_status",
)


def read(client: JsonClient, stack: Stack, window: Window, deadline: float, notes: list[str]) -> Iterator[Span]:
    """A span for each request of the window. Raises DeploymentError; appends to the notes what is left out."""
    # One observation point, the server's process: agents record a request at each hop, which would count it repeatedly.
    where = (
        f"time >= {int(window.start)} AND time <= {int(window.end) + 1} AND observation_point = 's-p' "
        f"AND pod_ns_1 = '{stack.target.namespace}'"
    )
    answer = _sql(
        client,
        # The name of a namespace cannot hold quotes: Kubernetes allows letters, digits and dashes.
        f"SELECT {', '.join(_COLUMNS)}, toString(_id) AS id FROM l7_flow_log "  # noqa: S608
        f"WHERE {where} ORDER BY start_time LIMIT {ROWS}",
    )
    columns = client.read(lambda: [str(one) for one in answer["columns"]])
    if missing := [name for name in _COLUMNS if name not in columns]:
        raise DeploymentError(f"DeepFlow at {client.address} gives no data: it has no {', '.join(missing)}")
    rows = client.read(lambda: [dict(zip(columns, values, strict=True)) for values in answer["values"] or []])
    if len(rows) >= ROWS:
        notes.append(f"traces: the first {ROWS} requests of the window were read, DeepFlow has more")
    yield from client.read(lambda: [(stack.names.get(text(cells["pod_1"])), _request(cells)) for cells in rows])


def probe(client: JsonClient) -> None:
    """Raises DeploymentError when it does not answer as DeepFlow does."""
    _sql(client, "show databases")


def _request(cells: Mapping[str, Any]) -> Row:
    """The columns of a request's span."""
    # A request without a propagated context is a trace of one span.
    span = text(cells["span_id"]) or text(cells.get("id"))
    # 0 is success, 1 any error, 3 the server's; 4, the client's error, is not the deployment's. Others are unknown.
    error = {"0": False, "1": True, "3": True, "4": False}.get(str(cells["response_status"]))
    start, duration = float(cells["start_time"]) / 1e6, float(cells["response_duration"]) / 1e6
    parent = text(cells["parent_span_id"]) or None
    return row(text(cells["trace_id"]) or span, span, parent, cells["endpoint"], start, duration, error)


def _sql(client: JsonClient, statement: str) -> Mapping[str, Any]:
    """The result of a query: `columns` and `values`. Raises DeploymentError."""
    answer = client.post("/v1/query/", {"db": "flow_log", "sql": statement})
    if not isinstance(answer, dict) or answer.get("OPT_STATUS") != "SUCCESS":
        reason = printable(answer.get("DESCRIPTION", "")) if isinstance(answer, dict) else ""
        raise DeploymentError(
            f"DeepFlow at {client.address} gives no data: {reason or 'it does not answer as DeepFlow'}"
        )
    result = answer.get("result")
    return result if isinstance(result, dict) else {"columns": [], "values": []}
