"""What `rca-tui import` reads beside RCAEval: OTLP files, saved answers of query_range, days of OpenRCA."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster import imports
from cluster.imports import json_files
from cluster.incident import store
from cluster.incident.container import IncidentError
from cluster.provenance import Origin
from cluster.topology import Edge, Kind, Relation

T0 = 1_700_000_000


def attribute(**values: str) -> list[dict[str, Any]]:
    return [{"key": key.replace("__", "."), "value": {"stringValue": value}} for key, value in values.items()]


def resource(kind: str, records: list[Any], pod: str = "vllm-0") -> dict[str, Any]:
    scope, inner = {
        "resourceSpans": ("scopeSpans", "spans"),
        "resourceMetrics": ("scopeMetrics", "metrics"),
        "resourceLogs": ("scopeLogs", "logRecords"),
    }[kind]
    return {kind: [{"resource": {"attributes": attribute(k8s__pod__name=pod)}, scope: [{inner: records}]}]}


def nano(seconds: float) -> str:
    return str(round((T0 + seconds) * 1e9))


def span(number: int, at: float, seconds: float, parent: str = "", **more: Any) -> dict[str, Any]:
    return {
        "traceId": f"{1:032x}", "spanId": f"{number:016x}", "parentSpanId": parent, "name": "llm_request", "kind": 2,
        "startTimeUnixNano": nano(at), "endTimeUnixNano": nano(at + seconds), **more,
    }  # fmt: skip


def lines(path: Path, *documents: Any) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in documents))
    return path


def matrix(*series: tuple[dict[str, str], list[tuple[float, str]]], **more: Any) -> dict[str, Any]:
    result = [{"metric": labels, "values": values} for labels, values in series]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}, **more}


def test_28_otlp_files_are_json_lines_one_kind_a_file(tmp_path: Path) -> None:
    told = [{"key": "gen_ai.latency.time_in_queue", "value": {"doubleValue": 0.5}}]
    lines(
        tmp_path / "traces.jsonl",
        resource("resourceSpans", [span(1, 1, 2.0)], "router-0"),
        resource("resourceSpans", [span(2, 1.1, 1.5, f"{1:016x}", attributes=told, status={"code": 2})]),
    )
    log = {"timeUnixNano": nano(3), "severityText": "Error", "body": {"stringValue": "out of memory"}}
    lines(tmp_path / "logs.jsonl", resource("resourceLogs", [log]))
    points = [{"timeUnixNano": nano(n), "asDouble": 3.0} for n in range(10)]
    count = [{"timeUnixNano": nano(n), "asInt": str(40 * n)} for n in range(10)]
    ttft = [
        {"timeUnixNano": nano(n), "bucketCounts": [str(5 * n), str(4 * n), str(n)], "explicitBounds": [100, 400]}
        for n in range(10)
    ]
    lines(
        tmp_path / "metrics.jsonl",
        resource(
            "resourceMetrics",
            [
                {"name": "vllm:num_requests_waiting", "gauge": {"dataPoints": points}},
                {"name": "vllm:generation_tokens", "sum": {"isMonotonic": True, "dataPoints": count}},
                {"name": "gen_ai.server.time_to_first_token", "unit": "ms", "histogram": {"dataPoints": ttft}},
                {"name": "acme.seats", "gauge": {"dataPoints": points}},
            ],
        ),
    )
    incident, truth = imports.read(tmp_path)
    assert truth is None
    metrics = incident.telemetry.metrics
    assert metrics["vllm-0", "queue_length"].iloc[-1] == 3.0
    assert metrics["vllm-0", "token_rate"].iloc[-1] == pytest.approx(40.0)
    assert metrics["vllm-0", "ttft_p90"].iloc[-1] == pytest.approx(0.4)  # ms become s
    assert metrics["vllm-0", "acme_seats"].iloc[-1] == 3.0
    assert incident.topology.edges == (Edge("router-0", "vllm-0"),)
    assert incident.topology.front_door == "router-0"
    assert incident.topology.component("vllm-0").kind is Kind.REPLICA
    spans = incident.telemetry.spans.set_index("operation")
    assert spans.loc["queue", "duration"] == 0.5
    assert incident.telemetry.logs[["component", "severity", "message"]].values.tolist() == [
        ["vllm-0", "ERROR", "out of memory"]
    ]
    saved = store.save(incident, tmp_path / "x.zip")
    assert store.load(saved).topology == incident.topology


def test_files_of_spans_alone_have_the_latency_and_the_requests_of_each_component(tmp_path: Path) -> None:
    rows = [(n, "router-0", "") for n in range(40)] + [(n, "vllm-0", f"{n + 1:016x}") for n in range(40)]
    lines(
        tmp_path / "traces.jsonl",
        *(
            resource("resourceSpans", [span(n + (101 if parent else 1), n * 0.5, 1.0 if parent else 2.0, parent)], pod)
            for n, pod, parent in rows
        ),
    )
    incident, _ = imports.read(tmp_path)
    assert incident.topology.front_door == "router-0"
    assert incident.telemetry.series("router-0", "latency_p90").dropna().unique() == pytest.approx([2.0])
    assert incident.telemetry.series("vllm-0", "latency_p90").dropna().unique() == pytest.approx([1.0])
    assert incident.telemetry.series("vllm-0", "request_rate").iloc[1:-1].unique() == pytest.approx([2.0])
    assert any("computed from the spans" in note for note in incident.notes)


def test_deltas_are_added_up(tmp_path: Path) -> None:
    points = [{"timeUnixNano": nano(n), "asInt": "40"} for n in range(12)]
    total = {"isMonotonic": True, "aggregationTemporality": 1, "dataPoints": points}
    lines(tmp_path / "m.jsonl", resource("resourceMetrics", [{"name": "vllm:generation_tokens_total", "sum": total}]))
    incident, _ = imports.read(tmp_path / "m.jsonl")
    assert incident.telemetry.metrics["vllm-0", "token_rate"].iloc[-1] == pytest.approx(40.0)


def test_saved_answers_of_query_range(tmp_path: Path) -> None:
    def samples(value: float) -> list[tuple[float, str]]:
        return [(T0 + n * 5, repr(value * (n if value > 10 else 1))) for n in range(20)]

    name = "vllm:num_requests_waiting"
    raw = matrix(
        *(({"__name__": name, "pod": "a", "replica": copy}, samples(4.0)) for copy in "01"),
        ({"__name__": name, "pod": "b"}, samples(2.0)),
        ({"__name__": "vllm:generation_tokens_total", "pod": "a"}, samples(500.0)),
    )
    (tmp_path / "raw.json").write_text(json.dumps(raw))
    (tmp_path / "ttft_p90.json").write_text(json.dumps(matrix(({"pod": "a"}, samples(0.25)))))
    (tmp_path / "latency_p90.json").write_text(json.dumps(matrix(({"pod": "a"}, samples(1.0)), isPartial=True)))
    incident, _ = imports.read(tmp_path)
    metrics = incident.telemetry.metrics
    assert metrics["a", "queue_length"].iloc[-1] == 4.0  # the copies of a store that does not merge count once
    assert metrics["a", "token_rate"].iloc[-1] == pytest.approx(100.0)
    assert metrics["a", "ttft_p90"].iloc[-1] == 0.25
    assert ("a", "latency_p90") not in metrics
    assert any("answered in part" in note for note in incident.notes)
    assert np.median(np.diff(metrics.index)) == 5.0


def deep(depth: int) -> str:
    return '{"resourceSpans":' + "[" * depth + "]" * depth + "}"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not JSON"),
        ("[1]", "not an object"),
        ('{"a": 1}', "none of resourceSpans"),
        (deep(100_000), "nested too deep|another form|not JSON"),
        ('{"resourceSpans": 7}', "another form"),
        ('{"resourceSpans": []}', "no span, log line or sample"),
        (json.dumps(resource("resourceSpans", [span(1, 0, 1)])).replace(nano(0), "1e9"), "another form|invalid"),
        (json.dumps(resource("resourceSpans", [span(1, 0, -5)])), "not a span"),
        (json.dumps(resource("resourceSpans", [span(1, 0, 1e9)])), "not a span"),
        (json.dumps(resource("resourceSpans", [span(1, 0, 1), span(2, 1e6, 1)])), "hours"),
        (json.dumps({"status": "error", "error": "bad query", "data": {}}), "bad query"),
        (json.dumps({"status": "error", "errorType": "bad_data", "error": "bad query"}), "an error: bad query"),
        (json.dumps(matrix(({"pod": "a"}, [(float("nan"), "1")]))), "no time"),
        (json.dumps(matrix(({"pod": "a"}, [(1e300, "1")]))), "calendar"),
        (json.dumps(matrix(({"pod": "a"}, [(T0, "much")]))), "the value of a sample is no number: much"),
        (json.dumps(matrix(({"pod": "a"}, [(T0, "0x1f")]))), "the value of a sample is no number: 0x1f"),
        (json.dumps(matrix(({"pod": "a"}, [(T0, {"a": 1})]))), "the value of a sample is no number"),
        (json.dumps(matrix(({"pod": "a"}, [("noon", "1")]))), "the time of a sample is no number: noon"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with warnings.catch_warnings(), pytest.raises(IncidentError, match=says) as refused:
        warnings.simplefilter("error")
        imports.read(tmp_path)
    assert "\n" not in str(refused.value)


def test_size_and_links_are_looked_at_before_anything_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "x.jsonl").open("wb") as stream:
        stream.truncate(json_files.BUDGET + 1)
    with pytest.raises(IncidentError, match="128 MB"):
        imports.read(tmp_path)
    (tmp_path / "x.jsonl").unlink()
    (tmp_path / "x.jsonl").symlink_to("/etc/passwd")
    with pytest.raises(IncidentError, match="link"):
        imports.read(tmp_path)
    with pytest.raises(IncidentError, match="link"):
        imports.read(tmp_path / "x.jsonl")
    with pytest.raises(IncidentError, match="none of what can be imported"):
        imports.read(Path(__file__))
    with pytest.raises(IncidentError, match="nothing at"):
        imports.read(tmp_path / "nowhere")


def day(root: Path) -> Path:
    folder = root / "Market" / "telemetry" / "2022_03_20"
    for name in ("metric", "trace", "log"):
        (folder / name).mkdir(parents=True)
    at = [T0 + 60 * n for n in range(5)]
    rows = "".join(f"{t},node-6.cart-0,container_cpu,{n}\n" for n, t in enumerate(at))
    (folder / "metric" / "metric_container.csv").write_text("timestamp,cmdb_id,kpi_name,value\n" + rows)
    rows = "".join(f"cart-grpc,{t},99,100,{n},7\n" for n, t in enumerate(at))
    (folder / "metric" / "metric_service.csv").write_text("service,timestamp,rr,sr,mrt,count\n" + rows)
    (folder / "trace" / "trace_span.csv").write_text(
        "timestamp,cmdb_id,span_id,trace_id,duration,type,status_code,operation_name,parent_span\n"
        f"{T0 * 1000},front-0,a,t,49877,rpc,0,/,\n{T0 * 1000 + 5},cart-0,b,t,20000,rpc,13,/Get,a\n"
    )
    (folder / "log" / "log_service.csv").write_text(
        f"log_id,timestamp,cmdb_id,log_name,value\n1,{T0 + 5},cart-0,log,slow\n"
    )
    (root / "Market" / "record.csv").write_text(
        f"level,component,timestamp,datetime,reason\npod,cart-0,{T0 + 120},x,container CPU load\n"
        f"pod,other,{T0 + 999999},x,elsewhere\n"
    )
    return folder


def test_30_a_day_of_openrca(tmp_path: Path) -> None:
    incident, truth = imports.read(day(tmp_path))
    metrics, spans = incident.telemetry.metrics, incident.telemetry.spans
    assert metrics["cart-0", "container_cpu"].tolist() == [0, 1, 2, 3, 4]
    assert metrics["cart", "mrt"].tolist() == [0, 1, 2, 3, 4]
    assert spans["duration"].tolist() == pytest.approx([0.049877, 0.02])
    assert spans["error"].tolist() == [False, True]
    assert spans["start"].tolist() == [T0, T0 + 0.005]
    assert Edge("front-0", "cart-0") in incident.topology.edges
    assert Edge("cart-0", "node-6", Relation.RUNS_ON) in incident.topology.edges
    assert incident.topology.component("node-6").kind is Kind.NODE
    assert incident.telemetry.logs["component"].tolist() == ["cart-0"]
    assert truth is not None
    assert (truth.components, truth.fault, truth.injected_at) == (("cart-0",), "container CPU load", T0 + 120)
    store.save(incident, tmp_path / "x.zip", truth)


@pytest.mark.parametrize(
    ("head", "row", "seconds"),
    [
        ("timestamp,cmdb_id,parent_id,span_id,trace_id,duration", "{ms},dockerA2,p,s,t,19", 0.019),
        (
            "callType,startTime,elapsedTime,success,traceId,id,pid,cmdb_id,dsName,serviceName",
            "JDBC,{ms},2.0,True,t,s,None,docker_003,db_003,",
            0.002,
        ),
    ],
)
def test_30_spans_of_each_system_have_their_own_spelling(tmp_path: Path, head: str, row: str, seconds: float) -> None:
    folder = day(tmp_path)
    (folder / "trace" / "trace_span.csv").write_text(f"{head}\n{row.format(ms=T0 * 1000)}\n")
    spans = imports.read(folder)[0].telemetry.spans
    assert spans["duration"].tolist() == [seconds]
    assert spans["start"].tolist() == [T0]


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("metric/metric_container.csv", "timestamp,value\n1,2\n", "cmdb_id"),
        ("trace/trace_span.csv", "timestamp\n1\n", "traces lack"),
        ("log/log_service.csv", "timestamp\n1\n", "logs need"),
        ("metric/metric_container.csv", "timestamp,cmdb_id,kpi_name,value,value\n1,a,b,2,3\n", "twice"),
    ],
)
def test_a_damaged_day_is_one_sentence(tmp_path: Path, file: str, content: str, says: str) -> None:
    folder = day(tmp_path)
    (folder / file).write_text(content)
    with pytest.raises(IncidentError, match=says):
        imports.read(folder)


@pytest.mark.parametrize("file", ["metric_service", "metric_container"])
def test_a_metric_of_text_alone_is_told(tmp_path: Path, file: str) -> None:
    folder = day(tmp_path)
    table = folder / "metric" / f"{file}.csv"
    rows = [line.split(",") for line in table.read_text().splitlines()]
    place = rows[0].index("mrt" if file == "metric_service" else "value")
    for one in rows[1:]:
        one[place] = "slow"
    table.write_text("\n".join(map(",".join, rows)))
    incident = imports.read(folder)[0]
    owner, signal = ("cart", "mrt") if file == "metric_service" else ("cart-0", "container_cpu")
    told = incident.provenance.of(owner, signal)
    assert told is not None and told.origin is Origin.PARTIAL and told.reason.startswith("5 values are no number")
    assert "5 values are no numbers, infinite or beyond 1e+100, and are gaps" in incident.notes


def test_a_null_among_the_values_is_a_gap(tmp_path: Path) -> None:
    values = [(T0 + 5 * n, None if 3 <= n < 12 else "2") for n in range(20)]
    (tmp_path / "vllm:num_requests_waiting.json").write_text(json.dumps(matrix(({"pod": "a"}, values))))
    waiting = imports.read(tmp_path)[0].telemetry.series("a", "queue_length")
    assert (waiting.dropna() == 2.0).all()
    assert waiting.loc[T0 + 30 : T0 + 55].isna().all() and waiting.loc[T0 + 65 :].notna().all()
