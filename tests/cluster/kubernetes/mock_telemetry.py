"""Loki, Tempo, Jaeger and DeepFlow as far as they are asked: their documented answers, limits, paging and errors."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from http_server import Handler, server
from mock_stack import GATEWAY_POD, NAMESPACE, SERVING

Answer = tuple[int, str, bytes]


@dataclass
class Telemetry:
    """What the servers hold.

    Attributes:
        lines: (unix seconds, stream labels, line) of Loki.
        traces: trace id (32 hex digits) -> spans, each a dict of name, span, parent, pod, start, duration, error.
        broken: given instead of an answer to every request whose path it matches.
        requests: (path, parameters, headers) in order.
        metadata: labels of Loki that are structured metadata, not indexed.
        tempo, jaeger: newest version of their API; with 3, Jaeger has no other.
    """

    lines: list[tuple[float, dict[str, str], str]] = field(default_factory=list)
    traces: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    broken: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    loki_limit: int = 5000
    metadata: frozenset[str] = frozenset()
    tempo: int = 1
    jaeger: int = 1

    def answer(self, path: str, query: dict[str, str]) -> Answer:
        for pattern, broken in self.broken.items():
            if re.search(pattern, path):
                return broken
        if path == "/loki/api/v1/labels":
            return _json({"status": "success", "data": sorted({name for one in self._indexed() for name in one})})
        if match := re.fullmatch(r"/loki/api/v1/label/(\w+)/values", path):
            return _json({"status": "success", "data": sorted({one.get(match[1], "") for one in self._indexed()})})
        if path == "/loki/api/v1/query_range":
            return self._loki(query)
        if path == "/api/search":
            return self._search(query)
        if match := re.fullmatch(r"/api/traces/([0-9a-f]+)", path):
            return self._tempo(match[1])
        if self.tempo == 2 and (match := re.fullmatch(r"/api/v2/traces/([0-9a-f]+)", path)):
            status, kind, content = self._tempo(match[1])
            trace = {"resourceSpans": json.loads(content)["batches"]}
            return (
                _json({"trace": trace, "status": "PARTIAL", "message": "too big"})
                if status == 200
                else (404, kind, b"")
            )
        if self.jaeger == 3:
            return self._jaeger_3(path, query)
        if path == "/api/services":
            return _json({"data": ["gateway", "llm"], "total": 2})
        if path == "/api/traces":
            return self._jaeger(query)
        if path == "/v1/query/":
            return self._deepflow(query["sql"])
        return 404, "text/plain", b"404 page not found"

    def _loki(self, query: dict[str, str]) -> Answer:
        limit = int(query.get("limit", 100))
        if limit > self.loki_limit:
            return 400, "text/plain", b"max entries limit per query exceeded"
        selector, _, filters = query["query"].partition("}")
        if any(name in self.metadata for name in re.findall(r"(\w+)=", selector)):
            return _json({"status": "success", "data": {"resultType": "streams", "result": []}})
        wanted = dict(re.findall(r'(\w+)="([^"]*)"', selector + filters))
        start, end = int(query["start"]), int(query["end"])
        found = [
            (round(at * 1e9), labels, line)
            for at, labels, line in sorted(self.lines, key=lambda one: one[0])
            if start <= round(at * 1e9) < end and wanted.items() <= labels.items()
        ][:limit]
        streams: dict[str, dict[str, Any]] = {}
        for at, labels, line in found:
            stream = streams.setdefault(json.dumps(labels), {"stream": labels, "values": []})
            stream["values"].append([str(at), line])
        return _json({"status": "success", "data": {"resultType": "streams", "result": list(streams.values())}})

    def _indexed(self) -> list[dict[str, str]]:
        return [{k: v for k, v in labels.items() if k not in self.metadata} for _, labels, _ in self.lines]

    def _jaeger_3(self, path: str, query: dict[str, str]) -> Answer:
        """One document a trace, hex ids; no trace is a 404."""
        if path == "/api/v3/services":
            return _json({"services": ["gateway", "llm"]})
        if path != "/api/v3/traces":
            return 200, "text/html", b"<html>the page of Jaeger</html>"
        start, end = (
            datetime.fromisoformat(query[f"query.start_time_{which}"]).timestamp() for which in ("min", "max")
        )
        inside = [t for t, spans in self.traces.items() if any(start <= one["start"] < end for one in spans)]
        if not inside or not query["query.service_name"]:
            return 404, "application/json", b'{"error":{"httpCode":404,"message":"No traces found"}}'
        documents = []
        for trace in inside[: int(query["query.search_depth"])]:
            batches = json.loads(self._tempo(trace)[2])["batches"]
            for span in (span for one in batches for scope in one["scopeSpans"] for span in scope["spans"]):
                for key in {"traceId", "spanId", "parentSpanId"} & span.keys():
                    span[key] = base64.b64decode(span[key]).hex()
            documents.append(json.dumps({"result": {"resourceSpans": batches}}))
        return 200, "application/json", "\n".join(documents).encode()

    def _search(self, query: dict[str, str]) -> Answer:
        inside = {
            trace: spans
            for trace, spans in self.traces.items()
            if any(int(query["start"]) <= one["start"] <= int(query["end"]) for one in spans)
        }
        found = [{"traceID": trace.lstrip("0"), "rootServiceName": "gateway"} for trace in inside]
        if not found:
            return _json({"metrics": {}})
        return _json({"traces": found[: int(query["limit"])], "metrics": {}})

    def _tempo(self, short: str) -> Answer:
        spans = self.traces.get(short.rjust(32, "0"))
        if spans is None:
            return 404, "text/plain", b"trace not found"

        def coded(value: str) -> str:
            return base64.b64encode(bytes.fromhex(value)).decode()

        batches = [
            {
                "resource": {
                    "attributes": [
                        {"key": "k8s.pod.name", "value": {"stringValue": one["pod"]}},
                        {"key": "service.name", "value": {"stringValue": "llm"}},
                    ]
                },
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": coded(short.rjust(32, "0")),
                                "spanId": coded(one["span"]),
                                **({"parentSpanId": coded(one["parent"])} if one["parent"] else {}),
                                "name": one["name"],
                                "startTimeUnixNano": str(round(one["start"] * 1e9)),
                                "endTimeUnixNano": str(round((one["start"] + one["duration"]) * 1e9)),
                                "status": {"code": "STATUS_CODE_ERROR"} if one["error"] else {},
                                "attributes": [
                                    {"key": name, "value": {"doubleValue": seconds}}
                                    for name, seconds in one.get("latency", {}).items()
                                ],
                            }
                        ]
                    }
                ],
            }
            for one in spans
        ]
        return _json({"batches": batches})

    def _jaeger(self, query: dict[str, str]) -> Answer:
        start, end = float(query["start"]) / 1e6, float(query["end"]) / 1e6
        data = [
            {
                "traceID": trace,
                "spans": [
                    {
                        "traceID": trace,
                        "spanID": one["span"],
                        "operationName": one["name"],
                        "references": [{"refType": "CHILD_OF", "traceID": trace, "spanID": one["parent"]}]
                        if one["parent"]
                        else [],
                        "startTime": round(one["start"] * 1e6),
                        "duration": round(one["duration"] * 1e6),
                        "tags": [{"key": "error", "type": "bool", "value": True}] if one["error"] else [],
                        "processID": f"p{number}",
                    }
                    for number, one in enumerate(spans)
                ],
                "processes": {
                    f"p{number}": {"serviceName": "llm", "tags": [{"key": "hostname", "value": one["pod"]}]}
                    for number, one in enumerate(spans)
                },
            }
            for trace, spans in self.traces.items()
            if any(start <= one["start"] < end for one in spans)
        ]
        return _json({"data": data[: int(query["limit"])], "total": 0, "errors": None})

    def _deepflow(self, sql: str) -> Answer:
        if sql == "show databases":
            return _json({"OPT_STATUS": "SUCCESS", "DESCRIPTION": "", "result": {"columns": [], "values": []}})
        columns = re.sub(r"toString\(_id\) AS id", "id", re.search(r"SELECT (.*) FROM l7_flow_log", sql)[1]).split(", ")  # type: ignore[index]
        if f"pod_ns_1 = '{NAMESPACE}'" not in sql or "observation_point = 's-p'" not in sql:
            return _json({"OPT_STATUS": "INVALID_SQL", "DESCRIPTION": f"cannot parse {sql}", "result": None})
        rows = [
            {
                "trace_id": trace, "span_id": one["span"], "parent_span_id": one["parent"] or "", "pod_1": one["pod"],
                "endpoint": one["name"], "start_time": round(one["start"] * 1e6),
                "response_duration": round(one["duration"] * 1e6), "response_status": 3 if one["error"] else 0,
                "id": str(number),
            }
            for trace, spans in self.traces.items()
            for number, one in enumerate(spans)
        ]  # fmt: skip
        values = [[row[name] for name in columns] for row in rows]
        return _json({"OPT_STATUS": "SUCCESS", "DESCRIPTION": "", "result": {"columns": columns, "values": values}})

    def request(self, number: int, at: float, pod: str, seconds: float, error: bool = False) -> None:
        """One request through the gateway to a pod: two spans."""
        trace = f"{number:032x}"
        gateway, engine = f"{2 * number + 1:016x}", f"{2 * number + 2:016x}"
        self.traces[trace] = [
            _span("POST /v1/completions", gateway, None, GATEWAY_POD, at, seconds + 0.01, error),
            _span("generate", engine, gateway, pod, at + 0.005, seconds, error),
        ]


def _span(
    name: str, span: str, parent: str | None, pod: str, start: float, duration: float, error: bool
) -> dict[str, Any]:
    return {
        "name": name,
        "span": span,
        "parent": parent,
        "pod": pod,
        "start": start,
        "duration": duration,
        "error": error,
    }


@contextmanager
def serving(held: Telemetry) -> Iterator[str]:
    """All four behind one address: their paths differ."""

    def answering(handler: Handler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0)).decode()
        parts = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(parts.query + "&" + body).items()}
        held.requests.append((parts.path, query, dict(handler.headers)))
        status, kind, content = held.answer(parts.path, query)
        handler.reply(status, content, kind)

    with server(answering) as url:
        yield url


def _json(value: object) -> Answer:
    return 200, "application/json", json.dumps(value).encode()


def requests(held: Telemetry, start: float, seconds: float, slow: Callable[[str, float], bool]) -> None:
    """Two requests a second, to the serving pods in turn; slow ones take eight times as long. Each logs."""
    for number in range(int(seconds * 2)):
        at = start + number / 2
        component = list(SERVING)[number % len(SERVING)]
        pod = SERVING[component]
        held.request(number + 1, at, pod, 4.0 if slow(component, at) else 0.5)
        held.lines.append((at, {"namespace": NAMESPACE, "pod": pod, "job": "ray"}, f"INFO request {number} ended"))
