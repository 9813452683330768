from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_data import SECONDS, T0

from cluster.deployment import DeploymentError
from cluster.incident.model import LOG_COLUMNS, SPAN_COLUMNS, Telemetry
from cluster.local import records, telemetry
from cluster.local.cgroups import Cgroups, Version
from cluster.local.deployment import LocalDeployment
from cluster.local.layout import RunDir
from cluster.local.state import LocalState
from cluster.window import Window

WINDOW = Window(1000.0, 1060.0)
NO_CGROUPS = Cgroups(Version.NONE, reason="a test")
TRACE, SPAN, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"
PARSERS = [records.span, records.access, records.engine, records.ray_serve, records.nginx_error]


def connected(folder: Path, prometheus_port: int) -> LocalDeployment:
    """A deployment of which nothing runs but, perhaps, Prometheus."""
    state = LocalState("id", "llamacpp", folder, 1, prometheus_port, NO_CGROUPS, rootless=False)
    return LocalDeployment(state)


@pytest.fixture
def deployment(tmp_path: Path) -> LocalDeployment:
    for folder in RunDir(tmp_path).folders():
        folder.mkdir(parents=True, exist_ok=True)
    return connected(tmp_path, prometheus_port=1)


def span(**changes: Any) -> bytes:
    fields = {
        "trace_id": TRACE,
        "span_id": SPAN,
        "parent_id": PARENT,
        "component": "head",
        "operation": "engine decode",
    }
    fields |= {"start": 1010.0, "duration": 0.5, "error": False, "attributes": {}}
    return json.dumps(fields | changes).encode() + b"\n"


def access(**changes: Any) -> bytes:
    fields = {
        "time": "1010.250",
        "component": "gateway",
        "request_id": TRACE,
        "method": "POST",
        "uri": "/v1/completions",
    }
    fields |= {"status": "200", "request_time": "0.700", "upstream": "replica-1", "upstream_response_time": "-"}
    return json.dumps(fields | changes).encode() + b"\n"


def engine(**changes: Any) -> bytes:
    fields = {"time": 1010.5, "component": "replica-0", "severity": "INFO", "message": "request ok", "seconds": 0.6}
    return json.dumps(fields | changes).encode() + b"\n"


def ray(**changes: Any) -> bytes:
    fields = {
        "asctime": "2026-11-22 18:00:00,000",
        "levelname": "WARNING",
        "message": "slow",
        "timestamp_ns": 1011 * 10**9,
    }
    return json.dumps(fields | changes).encode() + b"\n"


HOSTILE = [
    b"\n",
    b"\xff\xfe\x00garbage\x80\n",
    b'{"torn": \n',
    b"null\n",
    b"[1, 2]\n",
    b"[" * 50_000 + b"\n",
    b'{"start": 1e999, "time": NaN, "timestamp_ns": Infinity}\n',
    b'{"start": ' + b"9" * 5000 + b"}\n",
    b"x" * (records.LONGEST_LINE * 3) + b"\n",
]


# Single lines.


def test_a_span_line() -> None:
    assert records.span(span(), "head") == {
        "trace_id": TRACE,
        "span_id": SPAN,
        "parent_id": PARENT,
        "component": "head",
        "operation": "engine decode",
        "start": 1010.0,
        "duration": 0.5,
        "error": False,
        "written": 1010.5,
    }
    root = records.span(span(parent_id=None, error=None), "gateway")
    assert root is not None
    assert root["parent_id"] is None
    assert root["error"] is None


def test_no_line_speaks_for_another_pod() -> None:
    for line, parser in ((span(component="replica-2"), records.span), (engine(component="head"), records.engine)):
        record = parser(line, "replica-0")
        assert record is not None
        assert record["component"] == "replica-0"


@pytest.mark.parametrize(
    "changes",
    [
        {"trace_id": "ABC"},
        {"trace_id": TRACE.upper()},
        {"span_id": None},
        {"parent_id": 7},
        {"start": "1010"},
        {"start": True},
        {"start": -1.0},
        {"duration": -0.1},
        {"duration": None},
        {"duration": 10**400},
    ],
)
def test_a_span_line_that_lacks_what_matters_is_none(changes: dict[str, Any]) -> None:
    assert records.span(span(**changes), "head") is None


def test_an_access_line_and_its_severity() -> None:
    record = records.access(access(), "gateway")
    assert record is not None
    assert record["time"] == 1010.25
    assert record["message"] == "POST /v1/completions 200 from replica-1 after 0.700 s"
    for status, severity in (("200", "INFO"), ("404", "WARNING"), ("499", "ERROR"), ("504", "ERROR")):
        record = records.access(access(status=status), "gateway")
        assert record is not None
        assert record["severity"] == severity


def test_a_ray_serve_line_keeps_its_traceback() -> None:
    record = records.ray_serve(ray(exc_text="Traceback:\n  boom"), "replica-0")
    assert record is not None
    assert record["message"] == "slow\nTraceback:\n  boom"
    assert (record["time"], record["severity"]) == (1011.0, "WARNING")


def test_an_nginx_error_line_is_in_local_time() -> None:
    stamp = time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(1_700_000_000))
    record = records.nginx_error(f"{stamp} [crit] 1#1: *7 connect() failed\n".encode(), "gateway")
    assert record is not None
    assert (record["time"], record["severity"]) == (1_700_000_000, "CRITICAL")
    assert record["message"] == "1#1: *7 connect() failed"
    assert records.nginx_error(b"9999/99/99 99:99:99 [error] x\n", "gateway") is None


def test_bytes_that_are_no_utf8_are_replaced_and_kept() -> None:
    record = records.engine(engine(message="caf\\u00e9").replace(b"request", b"x").replace(b"caf", b"\xff\xfe"), "head")
    assert record is not None
    assert "�" in record["message"]
    record = records.access(access(uri="/caf").replace(b"/caf", b"/\xff\x1b[31m"), "gateway")
    assert record is None or "�" in record["message"]


def test_lone_surrogates_and_endless_messages_are_tamed_but_control_characters_stay() -> None:
    record = records.engine(engine(message="\ud800 \x1b[31m" + "x" * 100_000), "head")
    assert record is not None
    record["message"].encode()
    assert "\x1b[31m" in record["message"]
    assert len(record["message"]) <= records.LONGEST_MESSAGE


FIELDS = [
    *("trace_id", "span_id", "parent_id", "operation", "start", "duration", "error", "time", "severity", "message"),
    *("levelname", "timestamp_ns", "exc_text", "status", "request_time", "uri", "method", "upstream"),
]
lines = st.binary(max_size=200) | st.builds(
    lambda value: json.dumps(value).encode(),
    st.dictionaries(
        st.sampled_from(FIELDS),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=20)
        | st.sampled_from([TRACE, SPAN, "200", "0.5", "1010", 1010.0])
        | st.lists(st.integers(), max_size=2),
    ),
)


@given(line=lines, parser=st.sampled_from(PARSERS))
@settings(max_examples=400, deadline=None)
def test_any_line_is_a_record_that_fits_the_model_or_none(line: bytes, parser: records.Parser) -> None:
    record = parser(line, "head")
    if record is None:
        return
    columns = SPAN_COLUMNS if parser is records.span else LOG_COLUMNS
    frame = pd.DataFrame({name: pd.Series([record[name]], dtype=kind) for name, kind in columns.items()})
    assert frame["component"].tolist() == ["head"]
    assert record["written"] >= 0
    frame.to_json()
    "".join(str(value) for value in record.values()).encode()


@given(
    start=st.floats(0, 4e9),
    duration=st.floats(0, 1e4),
    operation=st.text(max_size=30),
    error=st.none() | st.booleans(),
)
@settings(deadline=None)
def test_a_good_span_survives(start: float, duration: float, operation: str, error: bool | None) -> None:
    record = records.span(span(start=start, duration=duration, operation=operation, error=error), "head")
    assert record is not None
    assert (record["start"], record["duration"], record["error"]) == (start, duration, error)
    assert record["operation"] == operation.encode("utf-8", "replace").decode()


# Files.


def test_spans_of_all_pods_in_the_window_by_start(deployment: LocalDeployment) -> None:
    run = deployment.state.run_dir
    run.spans("gateway").write_bytes(span(start=1059.9, duration=30.0, parent_id=None) + span(start=1060.0))
    run.spans("replica-1").write_bytes(span(start=999.9) + span(start=1000.0) + span(start=1020.0, error=True))
    spans = deployment.spans(WINDOW)
    assert spans["start"].tolist() == [1000.0, 1020.0, 1059.9]
    assert spans["component"].tolist() == ["replica-1", "replica-1", "gateway"]
    assert {name: str(kind) for name, kind in spans.dtypes.items()} == {
        name: str(pd.Series(dtype=kind).dtype) for name, kind in SPAN_COLUMNS.items()
    }
    assert spans["parent_id"].isna().tolist() == [False, False, True]
    assert spans.attrs["notes"] == []
    Telemetry(spans=spans)


def test_logs_of_every_writer(deployment: LocalDeployment) -> None:
    run = deployment.state.run_dir
    run.access_log.write_bytes(access() + access(time="1061.0"))
    stamp = time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(1015))
    run.gateway_error_log.write_text(f"{stamp} [error] 12#12: *1 upstream timed out\n")
    run.engine_log("replica-0").write_bytes(engine())
    serve = run.ray("replica-2") / "session_2026-11-22_18-00-00_000000_1" / "logs" / "serve"
    serve.mkdir(parents=True)
    (serve / "replica_llm_LLM_x.log").write_bytes(ray())
    (run.ray("replica-2") / "session_latest").symlink_to("/nowhere")
    logs = deployment.logs(WINDOW)
    assert list(zip(logs["time"], logs["component"], logs["severity"], strict=True)) == [
        (1010.25, "gateway", "INFO"),
        (1010.5, "replica-0", "INFO"),
        (1011.0, "replica-2", "WARNING"),
        (1015.0, "gateway", "ERROR"),
    ]
    Telemetry(logs=logs)


def test_hostile_and_torn_lines_are_skipped_and_counted(deployment: LocalDeployment) -> None:
    good = span(start=1001.0)
    deployment.state.run_dir.spans("head").write_bytes(b"".join(HOSTILE) + good + b"".join(HOSTILE) + good + good[:-20])
    spans = deployment.spans(WINDOW)
    assert len(spans) == 2
    assert spans.attrs["notes"] == [f"head/spans.jsonl: skipped {2 * (len(HOSTILE) - 1)} lines that are no records"]


def test_nothing_written_yet(deployment: LocalDeployment) -> None:
    assert deployment.spans(WINDOW).empty
    logs = deployment.logs(WINDOW)
    assert list(logs.columns) == list(LOG_COLUMNS)
    assert logs.attrs["notes"] == []


def test_a_file_that_cannot_be_read_is_noted(deployment: LocalDeployment) -> None:
    deployment.state.run_dir.access_log.mkdir()
    assert deployment.logs(WINDOW).attrs["notes"] == ["gateway/access.log: cannot be read, Is a directory"]


@pytest.mark.parametrize("start", [0.0, 1234.0, 4000.0, 7990.0])
def test_in_a_long_file_the_window_is_found_and_little_else_is_read(
    deployment: LocalDeployment, start: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = deployment.state.run_dir.spans("head")
    with path.open("wb") as file:
        for second in range(8000):
            file.write(span(start=float(second), operation="x" * 200))
            if second % 500 == 0:
                file.write(b"\x00 no record\n")
    parsed = []
    original = records.span
    monkeypatch.setattr(records, "span", lambda line, component: parsed.append(line) or original(line, component))
    spans = deployment.spans(Window(start, start + 10.0))
    assert spans["start"].tolist() == [start + i for i in range(10)]
    assert len(parsed) < 2000


def test_reading_stops_at_its_limit_and_says_so(deployment: LocalDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "LARGEST_READ", 10_000)
    deployment.state.run_dir.spans("head").write_bytes(b"".join(span(start=1000.0 + i / 10) for i in range(500)))
    spans = deployment.spans(WINDOW)
    assert 0 < len(spans) < 500
    assert len(spans.attrs["notes"]) == 1
    assert "were read" in spans.attrs["notes"][0]


def test_one_record_of_a_clock_that_stepped_hides_nothing_behind_it(deployment: LocalDeployment) -> None:
    starts = [1000.0, 1001.0, 5000.0, *(1002.0 + i for i in range(8))]
    deployment.state.run_dir.spans("head").write_bytes(b"".join(span(start=start) for start in starts))
    spans = deployment.spans(Window(1000.0, 1010.0))
    assert spans["start"].tolist() == [1000.0 + i for i in range(10)]


@given(parts=st.lists(st.sampled_from([span(start=1001.0), *HOSTILE]) | st.binary(max_size=40), max_size=12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_can_be_read(deployment: LocalDeployment, parts: list[bytes]) -> None:
    deployment.state.run_dir.spans("head").write_bytes(b"".join(parts))
    deployment.state.run_dir.access_log.write_bytes(b"".join(parts))
    Telemetry(spans=deployment.spans(WINDOW), logs=deployment.logs(WINDOW))


# Metrics.


def test_samples_of_the_running_prometheus(tmp_path: Path, prometheus_url: str) -> None:
    deployment = connected(tmp_path, int(prometheus_url.rpartition(":")[2]))
    samples = deployment.samples(Window(T0, T0 + SECONDS), 1.0)
    assert samples.metrics["replica-0", "latency_p90"].iloc[50] == pytest.approx(0.8)
    assert samples.edge_metrics["gateway", "head", "latency_p90"].iloc[50] == pytest.approx(0.8)
    assert samples.metrics["replica-0", "preemption_rate"].iloc[50] == pytest.approx(1.0)  # only the engine knows it
    assert len(samples.metrics) == SECONDS
    few = deployment.samples(Window(T0, T0 + 10), 1.0, ["memory_used", "restarts"])
    assert list(few.metrics.columns) == [("node", "memory_used")]
    assert few.notes == ("not measured here: restarts",)


def test_an_unknown_signal_and_a_dead_server_are_one_sentence(tmp_path: Path, prometheus_url: str) -> None:
    with pytest.raises(DeploymentError, match="the connection failed"):
        connected(tmp_path, 1).samples(WINDOW, 1.0)
    deployment = connected(tmp_path, int(prometheus_url.rpartition(":")[2]))
    with pytest.raises(DeploymentError, match=r"^no signal nonsense; there are: "):
        deployment.samples(WINDOW, 1.0, ["nonsense"])
