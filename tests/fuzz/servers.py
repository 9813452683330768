"""Parsers of answers: a server of this process gives the mutated answer, and the client reads it as it always does.

A valid input is JSON, from the beginning of a path to the answer there, so that each answer of an exchange is mutated.
An input that is no such object is the answer to everything.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cluster.http import Login
from cluster.kubernetes import events, logs, traces
from cluster.kubernetes.api import Api
from cluster.kubernetes.discovery import find_target
from cluster.kubernetes.identity import PodHistory
from cluster.kubernetes.metrics import MetricsReader
from cluster.kubernetes.objects import parse_node, parse_pod
from cluster.kubernetes.resources import NODES, PODS
from cluster.kubernetes.settings import Labels, Metrics, Settings, Traces
from cluster.kubernetes.sources import JsonClient, locate
from cluster.kubernetes.stack import Stack, build_stack
from cluster.kubernetes.target import Target
from cluster.topology import Component, Edge, Kind, Relation, Topology
from cluster.window import Window
from tests.fuzz.parsers import Parser

T0 = 1_700_000_000
WINDOW = Window(T0, T0 + 60.0)
DEADLINE = 20.0  # s; of one exchange, long: what is looked for is an exception
_POD = {
    "metadata": {
        "name": "head-1",
        "uid": "2",
        "namespace": "llm",
        "creationTimestamp": "2026-11-28T03:02:00Z",
        "labels": {"ray.io/cluster": "falcon-1", "ray.io/node-type": "head", "ray.io/group": "headgroup"},
        "ownerReferences": [{"kind": "RayCluster", "name": "falcon-1", "uid": "3"}],
    },
    "spec": {
        "nodeName": "n1",
        "containers": [{"name": "ray", "resources": {"limits": {"nvidia.com/gpu": "1"}}}],
    },
    "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
}
STACK = Stack(
    Target("falcon", "uid", "llm", Labels(), ("falcon-1",)),
    Topology(
        (Component("gateway", Kind.GATEWAY), Component("ray-head", Kind.HEAD)),
        (Edge("gateway", "ray-head", Relation.CALLS),),
        "gateway",
    ),
    {"gateway": (parse_pod({"metadata": {"name": "nginx-1"}}),), "ray-head": (parse_pod(_POD),)},
    {},
    {"nginx-1": "gateway", "head-1": "ray-head"},
)


class _Answers:
    """The server, started with the first input, and what it answers now."""

    def __init__(self) -> None:
        self.content = b""
        self._url = ""

    def give(self, content: bytes) -> str:
        """The server's address."""
        self.content = content
        if not self._url:
            server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            self._url = f"http://127.0.0.1:{server.server_address[1]}"
        return self._url

    def to(self, path: str) -> bytes:
        try:
            answers = json.loads(self.content)
            start = max((one for one in answers if path.startswith(one)), key=len)
            return json.dumps(answers[start]).encode()
        except (ValueError, TypeError, RecursionError, LookupError):
            return self.content


ANSWERS = _Answers()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one packet: of two, the second waits for 40 ms

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = ANSWERS.to(urlsplit(self.path).path)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *args: object) -> None:
        pass


def _prometheus(folder: Path, content: bytes) -> None:
    url = ANSWERS.give(content)
    reader = MetricsReader(Metrics(url=url), lambda: Login(url), DEADLINE)
    reader.samples(STACK, WINDOW, 5.0, ("latency_p90", "cpu_usage"))
    reader.exposition(STACK, WINDOW)
    reader.age(STACK)


def _kubernetes(folder: Path, content: bytes) -> None:
    user = {"name": "u", "user": {"token": "t"}}
    cluster = {"name": "c", "cluster": {"server": ANSWERS.give(content)}}
    context = {"name": "fuzz", "context": {"cluster": "c", "user": "u", "namespace": "llm"}}
    config = folder / "kubeconfig"
    config.write_text(json.dumps({"clusters": [cluster], "users": [user], "contexts": [context]}))
    with Api("fuzz", config, DEADLINE) as api:
        target = find_target(api, Settings())
        nodes = {node.name: node for node in map(parse_node, api.list(NODES))}
        stack = build_stack(target, map(parse_pod, api.list(PODS, target.namespace)), nodes, PodHistory(None))
        events.read(api, stack, Window(time.time() - 60, time.time()))
        locate(api, Settings())
        for kind, one in api.watch(PODS, target.namespace, "1", 1.0):
            assert kind and parse_pod(one).labels is not None


def _client(name: str, content: bytes) -> JsonClient:
    return JsonClient(name, Login(ANSWERS.give(content)), DEADLINE)


def _loki(folder: Path, content: bytes) -> None:
    logs.read(_client("Loki", content), STACK, WINDOW)


def _traces(kind: str) -> Callable[[Path, bytes], None]:
    def read(folder: Path, content: bytes) -> None:
        client = _client(kind, content)
        traces.read(client, Traces.model_validate({"kind": kind, "url": client.address}), STACK, WINDOW, DEADLINE)

    return read


def _valid(answers: dict[str, Any]) -> Callable[[Path], bytes]:
    return lambda _: json.dumps(answers).encode()


def _success(data: Any) -> dict[str, Any]:
    return {"status": "success", "data": data}


_POINTS = [[T0 + 5 * i, f"0.{i}"] for i in range(1, 6)]
_SERIES = {"component": "ray-head", "pod": "head-1", "namespace": "llm", "__name__": "vllm:e2e_request_latency_seconds"}
_PROMETHEUS = {
    "/api/v1/label": _success(["vllm:e2e_request_latency_seconds_bucket", "container_cpu_usage_seconds_total", "up"]),
    "/api/v1/query": _success({"resultType": "vector", "result": [{"metric": _SERIES, "value": _POINTS[0]}]}),
    "/api/v1/query_range": {
        **_success({"resultType": "matrix", "result": [{"metric": _SERIES, "values": _POINTS}]}),
        "warnings": [],
    },
    "/api/v1/metadata": _success({"up": [{"type": "gauge", "help": "", "unit": ""}]}),
    "/api/v1/targets": _success({"activeTargets": [{"labels": {"job": "llm"}, "scrapeInterval": "5s"}]}),
    "/api/v1/series": _success([_SERIES]),
}

_RAY = {"name": "falcon", "uid": "1", "namespace": "llm"}
_NODE = {
    "metadata": {"name": "n1", "uid": "4"},
    "status": {
        "addresses": [{"type": "InternalIP", "address": "192.168.0.1"}],
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}
_EVENT = {
    "metadata": {"name": "head-1.17", "uid": "5", "namespace": "llm"},
    "involvedObject": {"kind": "Pod", "name": "head-1"},
    "type": "Warning",
    "reason": "BackOff",
    "message": "Back-off",
    "count": 3,
    "firstTimestamp": "2026-11-28T03:02:00Z",
    "lastTimestamp": "2096-11-28T03:02:00Z",
}
_SERVICE = {
    "metadata": {"name": "loki", "uid": "6", "namespace": "monitoring"},
    "spec": {"ports": [{"port": 3100}]},
}


def _listed(*items: Any) -> dict[str, Any]:
    return {"kind": "List", "metadata": {"resourceVersion": "7"}, "items": items}


_KUBERNETES = {
    "/apis/ray.io/v1/namespaces/llm/rayservices": _listed(
        {"metadata": _RAY, "status": {"activeServiceStatus": {"rayClusterName": "falcon-1"}}}
    ),
    "/apis/ray.io/v1/namespaces/llm/rayclusters": _listed({"metadata": {**_RAY, "name": "falcon-1"}}),
    "/api/v1/nodes": _listed(_NODE),
    "/api/v1/namespaces/llm/pods": {**_listed(_POD), "type": "MODIFIED", "object": _POD},
    "/api/v1/namespaces/llm/events": _listed(_EVENT),
    "/api/v1/namespaces/default/events": _listed(_EVENT),
    "/api/v1/services": _listed(_SERVICE),
}

_LOKI = {
    "/loki/api/v1/labels": _success(["namespace", "pod"]),
    "/loki/api/v1/label/": _success(["llm"]),
    "/loki/api/v1/query_range": _success(
        {
            "resultType": "streams",
            "result": [
                {
                    "stream": {"namespace": "llm", "pod": "head-1", "detected_level": "warn"},
                    "values": [
                        [f"{T0}000000000", "ERROR no", {"structuredMetadata": {"level": "info"}}],
                        [f"{T0 + 1}000000000", '{"log": "line", "level": "error"}'],
                    ],
                }
            ],
        }
    ),
}

_ATTRIBUTES = [
    {"key": "k8s.pod.name", "value": {"stringValue": "head-1"}},
    {"key": "gen_ai.latency.time_in_queue", "value": {"doubleValue": 0.1}},
]
_OTLP = [
    {
        "resource": {"attributes": _ATTRIBUTES},
        "scopeSpans": [
            {
                "spans": [
                    {
                        "traceId": "0" * 31 + "1",
                        "spanId": "0" * 15 + "2",
                        "parentSpanId": "",
                        "name": "llm_request",
                        "startTimeUnixNano": f"{T0 + 1}000000000",
                        "endTimeUnixNano": f"{T0 + 2}000000000",
                        "status": {"code": "STATUS_CODE_ERROR"},
                        "attributes": _ATTRIBUTES,
                    }
                ]
            }
        ],
    }
]
_TEMPO = {
    "/api/search": {"traces": [{"traceID": "1"}]},
    "/api/v2/traces/": {"trace": {"resourceSpans": _OTLP}, "status": "PARTIAL", "message": "large"},
    "/api/traces/": {"batches": _OTLP},
}
_JAEGER_3 = {"/api/v3/services": {"services": ["llm"]}, "/api/v3/traces": {"result": {"resourceSpans": _OTLP}}}
_JAEGER_1 = {
    "/api/services": {"data": ["llm"]},
    "/api/traces": {
        "data": [
            {
                "traceID": "1",
                "spans": [
                    {
                        "traceID": "1",
                        "spanID": "2",
                        "operationName": "llm",
                        "references": [{"refType": "CHILD_OF", "traceID": "1", "spanID": "3"}],
                        "startTime": T0 * 10**6,
                        "duration": 5,
                        "tags": [{"key": "error", "type": "bool", "value": True}],
                        "processID": "p1",
                    }
                ],
                "processes": {"p1": {"serviceName": "llm", "tags": [{"key": "hostname", "value": "head-1"}]}},
            }
        ]
    },
}
_COLUMNS = ["trace_id", "span_id", "parent_span_id", "pod_1", "endpoint", "start_time", "response_duration"]
_DEEPFLOW = {
    "/v1/query/": {
        "OPT_STATUS": "SUCCESS",
        "result": {
            "columns": [*_COLUMNS, "response_status", "id"],
            "values": [["1", "2", "", "head-1", "/v1", T0 * 10**6, 5, 0, "9"]],
        },
    }
}

SERVERS = (
    Parser("Prometheus", _valid(_PROMETHEUS), _prometheus),
    Parser("Kubernetes", _valid(_KUBERNETES), _kubernetes),
    Parser("Loki", _valid(_LOKI), _loki),
    Parser("Tempo", _valid(_TEMPO), _traces("tempo")),
    Parser("Jaeger", _valid(_JAEGER_3), _traces("jaeger")),
    Parser("Jaeger 1", _valid(_JAEGER_1), _traces("jaeger")),
    Parser("DeepFlow", _valid(_DEEPFLOW), _traces("deepflow")),
)
