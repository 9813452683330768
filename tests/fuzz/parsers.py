"""The table of parsers: what each reads, from a valid input that is then mutated."""

from __future__ import annotations

import base64
import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from cluster import alerts, host_key, imports
from cluster.endpoints.addresses import parse_file
from cluster.errors import RcaError
from cluster.incident import container, envelope, library, rcaeval, store, summary
from cluster.incident.seal import Seal, close
from cluster.kubernetes import settings
from cluster.kubernetes.identity import PodHistory
from cluster.local import state
from faults import scenario
from faults.journal import Header, Journal
from faults.recording import plan
from rca_tui.bindings import KeymapError, read_keymap

ID = "20260101T000000-00000000"
SETTINGS = """[contexts.lab]
namespace = "serving"
[contexts.lab.prometheus]
url = "http://127.0.0.1:9090"
token_file = "/run/token"
"""


@dataclass(frozen=True)
class Parser:
    """`read` gets a folder of its own and one input. Only an error of `allowed` may come out of it."""

    name: str
    valid: Callable[[Path], bytes]
    read: Callable[[Path, bytes], object]
    allowed: tuple[type[Exception], ...] = (RcaError,)


OWN = "0" * 32
"""An id that no shipped incident has: of those another truth is refused before it is parsed."""


def _shipped(name: str) -> bytes:
    with zipfile.ZipFile(library.SHIPPED / "drill-01.zip") as archive:
        return archive.read(name)


def _zip(folder: Path, content: bytes) -> None:
    path = folder / "x.zip"
    path.write_bytes(content)
    summary.read_summary(path)
    envelope.load_truth(path)
    store.load(path)


def _small_zip(folder: Path) -> bytes:
    tables = ("metrics.parquet", "edge_metrics.parquet", "spans.parquet", "logs.parquet")
    path = folder / "valid.zip"
    if not path.exists():
        container.write(path, {name: _shipped(name) for name in (summary.HEADER, summary.SEALED, *tables)})
    return path.read_bytes()


def _valid_header(folder: Path) -> bytes:
    return json.dumps(json.loads(_shipped(summary.HEADER))["incident"]).encode()


def _header(folder: Path, content: bytes) -> None:
    """A header whose digest is right again, as an attacker makes it: what it says is parsed then."""
    path = folder / "header"
    path.mkdir(exist_ok=True)
    try:
        body = json.loads(content)
        digest = summary.digest(summary.canonical(body))
    except (ValueError, RecursionError, AttributeError):
        body, digest = None, ""
    around = {"schema": 1, "sha256": digest, "incident": body}
    whole = content.decode("latin") if body is None else json.dumps(around)
    (path / summary.HEADER).write_text(whole)
    try:
        envelope.topology(path)
    finally:
        found = summary.read_summary(path)
    assert found.tags and library.Row(library.Listing("x", path, False), found).lasts


def _table(name: str) -> Callable[[Path, bytes], None]:
    def read(folder: Path, content: bytes) -> None:
        """An incident with that table, whose digests are right."""
        path = folder / "tables"
        path.mkdir(exist_ok=True)
        body = json.loads(_shipped(summary.HEADER))["incident"]
        for table in ("metrics", "edge_metrics", "spans", "logs"):
            file = f"{table}.parquet"
            held = content if table == name else _shipped(file)
            (path / file).write_bytes(held)
            body["files"][file] = {"bytes": len(held), "sha256": summary.digest(held)}
        digest = summary.digest(summary.canonical(body))
        (path / summary.HEADER).write_text(json.dumps({"schema": 1, "sha256": digest, "incident": body}))
        store.load(path)

    return read


def _truth(folder: Path, content: bytes) -> None:
    """A truth that is packed or sealed as its version did, whatever it says."""
    path = folder / "truth"
    path.mkdir(exist_ok=True)
    body = json.loads(_shipped(summary.HEADER))["incident"] | {"id": OWN}
    digest = summary.digest(summary.canonical(body))
    (path / summary.HEADER).write_text(json.dumps({"schema": 1, "sha256": digest, "incident": body}))
    (path / summary.SEALED).write_text(json.dumps(close(content, digest, Seal.ALL)))
    envelope.load_truth(path)


def _case(folder: Path, content: bytes) -> None:
    path = folder / "cartservice_cpu" / "1"
    path.mkdir(parents=True, exist_ok=True)
    (path / "data.csv").write_bytes(content)
    (path / "inject_time.txt").write_text("1700000020\n")
    rcaeval.read_case(path)


def _import(name: str) -> Callable[[Path, bytes], None]:
    def read(folder: Path, content: bytes) -> None:
        path = folder / "import"
        path.mkdir(exist_ok=True)
        (path / name).write_bytes(content)
        imports.read(path / name)

    return read


def _journal(folder: Path, content: bytes) -> None:
    path = folder / f"{ID}.jsonl"
    path.write_bytes(content)
    path.chmod(0o600)
    record = Journal(path).read()
    assert record.state and record.pending in (True, False) and (record.deadline is None or record.deadline.remaining())


def _valid_journal(folder: Path) -> bytes:
    path = folder / f"{ID}.jsonl"
    if not path.exists():
        plan = {"injection": ID, "fault": "freeze", "target": "head"}
        Journal.create(Header(ID, "local", "here", "x", "freeze", "head", plan, 60.0, (1, 2), {}), folder)
        return path.read_bytes()
    return path.read_bytes()


def _state(folder: Path, content: bytes) -> None:
    state.state_file(folder).write_bytes(content)
    state.load(folder)


def _file(name: str, read: Callable[[Path], object]) -> Callable[[Path, bytes], object]:
    def written(folder: Path, content: bytes) -> object:
        (folder / name).write_bytes(content)
        return read(folder / name)

    return written


def _valid_scenario(folder: Path) -> bytes:
    return json.dumps(yaml.safe_load(_SCENARIO.read_bytes())).encode()


def _packed_truth() -> bytes:
    text = zlib.decompress(base64.b64decode(json.loads(_shipped(summary.SEALED))["sealed"]))
    return json.dumps(json.loads(text) | {"incident": OWN}).encode()


_CSV = b"time,cartservice_cpu,cartservice_latency-90,frontend_cpu\n" + b"".join(
    f"{1700000000 + i},{i}.5,0.{i},1e-3\n".encode() for i in range(40)
)
_ATTRIBUTES = [{"key": "service.name", "value": {"stringValue": "llm"}}]
_OTLP = {
    "resourceSpans": [
        {
            "resource": {"attributes": _ATTRIBUTES},
            "scopeSpans": [
                {
                    "spans": [
                        {
                            "traceId": "0" * 31 + str(i),
                            "spanId": "0" * 15 + str(i),
                            "name": "llm_request",
                            "startTimeUnixNano": f"{1700000000 + i}000000000",
                            "endTimeUnixNano": f"{1700000001 + i}000000000",
                        }
                        for i in range(1, 4)
                    ]
                }
            ],
        }
    ],
    "resourceLogs": [
        {
            "resource": {"attributes": _ATTRIBUTES},
            "scopeLogs": [{"logRecords": [{"timeUnixNano": "1700000001000000000", "body": {"stringValue": "no"}}]}],
        }
    ],
    "resourceMetrics": [
        {
            "resource": {"attributes": _ATTRIBUTES},
            "scopeMetrics": [
                {
                    "metrics": [
                        {
                            "name": "vllm:num_requests_running",
                            "gauge": {
                                "dataPoints": [
                                    {"timeUnixNano": f"{1700000000 + i}000000000", "asDouble": i} for i in range(5)
                                ]
                            },
                        }
                    ]
                }
            ],
        }
    ],
}
_MATRIX = {
    "status": "success",
    "data": {
        "resultType": "matrix",
        "result": [{"metric": {"__name__": "up", "job": "llm"}, "values": [[1700000000 + i, "1"] for i in range(9)]}],
    },
}
_ALERT = {
    "status": "firing",
    "labels": {"alertname": "GatewaySlow", "severity": "page", "job": "exporter"},
    "annotations": {"summary": "slow"},
    "startsAt": "2026-11-28T03:02:00Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus:9090/graph?g0.expr=rate%28x%5B2m%5D%29+%3E+2",
    "fingerprint": "1a30ba71cca2921f",
}
_POD = {"component": "ray-head", "name": "head-1", "uid": "2", "ip": "10.0.0.1"}
_FILE_SD = [{"targets": ["10.0.0.1:8000", "[::1]:80"], "labels": {"job": "vllm", "__metrics_path__": "/metrics"}}]
_SCENARIO = Path(scenario.__file__).parent / "scenarios" / "cold-replica.yaml"
_PLAN = Path(plan.__file__).parent / "plans" / "short.yaml"
_STATE = {
    "id": "d",
    "engine": "llamacpp",
    "rate": 1.0,
    "run": "/tmp/x",
    "gateway_port": 1,
    "prometheus_port": 2,
    "cgroups": {},
    "rootless": False,
    "ready": True,
    "sandbox": {"pid": 1, "started": 2},
    "holders": {},
}

FILES = (
    Parser("incident (.zip)", _small_zip, _zip),
    Parser("incident header", _valid_header, _header),
    *(
        Parser(f"incident table {name}", lambda _, name=name: _shipped(f"{name}.parquet"), _table(name))
        for name in ("metrics", "spans")
    ),
    Parser("truth", lambda _: _packed_truth(), _truth),
    Parser("RCAEval case", lambda _: _CSV, _case),
    Parser("OTLP file", lambda _: json.dumps(_OTLP).encode(), _import("otlp.json")),
    Parser("answer of query_range", lambda _: json.dumps(_MATRIX).encode(), _import("up.json")),
    Parser("journal", _valid_journal, _journal),
    Parser("state of the deployment", lambda _: json.dumps(_STATE).encode(), _state),
    Parser("key map", lambda _: b'{"quit": "ctrl+x", "help": "f1"}', _file("keys.json", read_keymap), (KeymapError,)),
    Parser("settings", lambda _: SETTINGS.encode(), _file("kubernetes.toml", lambda path: settings.load("lab", path))),
    Parser("pods of a cluster", lambda _: json.dumps([_POD]).encode(), _file("pods.json", PodHistory)),
    # YAML holds JSON: what is written as JSON is mutated value by value too.
    Parser("scenario", _valid_scenario, _file("s.yaml", scenario.load)),
    Parser("file_sd", lambda _: json.dumps(_FILE_SD).encode(), lambda _, content: parse_file(content, "f.yaml")),
    Parser("file_sd, JSON", lambda _: json.dumps(_FILE_SD).encode(), lambda _, content: parse_file(content, "f", True)),
    Parser("plan", lambda _: _PLAN.read_bytes(), _file("p.yaml", lambda path: plan.read(str(path)))),
    Parser(
        "Alertmanager payload",
        lambda _: json.dumps({"version": "4", "status": "firing", "groupKey": "g", "alerts": [_ALERT]}).encode(),
        lambda _, content: alerts.parse(content).title,
    ),
    Parser("host key", lambda _: bytes(32), lambda folder, content: _key(content)),
)


def _key(content: bytes) -> None:
    host_key.path().parent.mkdir(parents=True, exist_ok=True)
    host_key.path().write_bytes(content)
    host_key.path().chmod(0o600)
    host_key.derive("fuzz")
