"""Imported incidents say of each signal what live ones say: measured, partial, stale, known under no name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cluster import imports
from cluster.incident import store
from cluster.incident.container import IncidentError
from cluster.incident.model import Incident
from cluster.provenance import UNREACHED, Origin
from cluster.replay import ReplayDeployment
from cluster.topology import Kind
from guidelines import catalog
from guidelines.survey import Survey
from guidelines.types import Verdict

T0 = 1_700_000_000
STEP = 5
WAITING, RUNNING = "vllm:num_requests_waiting", "vllm:num_requests_running"
LATENCY = "vllm:e2e_request_latency_seconds_bucket"


def row(name: str, pod: str, value: float, steps: int = 30, grows: bool = False, **labels: str) -> dict[str, Any]:
    own = {"__name__": name, "pod": pod, **labels}
    return {"metric": own, "values": [[T0 + STEP * n, repr(value * (n if grows else 1))] for n in range(steps)]}


def latency(pod: str) -> list[dict[str, Any]]:
    return [row(LATENCY, pod, rate, grows=True, le=le) for le, rate in (("1.0", 9.0), ("4.0", 10.0), ("+Inf", 10.0))]


def imported(folder: Path, *rows: dict[str, Any], **partial: list[dict[str, Any]]) -> Incident:
    for name, some in {"raw": list(rows), **partial}.items():
        answer: dict[str, Any] = {"status": "success", "data": {"resultType": "matrix", "result": some}}
        if name != "raw":
            answer["warnings"] = ["a shard is missing"]
        (folder / f"{name}.json").write_text(json.dumps(answer))
    return imports.read(folder)[0]


def origin(incident: Incident, component: str, signal: str) -> Origin | None:
    return incident.provenance.origin(component, signal)


def test_each_signal_of_each_component_has_its_state(tmp_path: Path) -> None:
    incident = imported(
        tmp_path,
        *latency("a"),
        row(WAITING, "a", 3.0),
        row(WAITING, "b", 3.0, steps=10),
        row(RUNNING, "b", 3.0),
        row("acme_kv_cache_usage", "b", 0.5),
        row("acme_seats", "b", 0.5),
    )
    of = incident.provenance.of
    measured = of("a", "queue_length")
    assert measured is not None and (measured.origin, measured.metrics) == (Origin.MEASURED, (WAITING,))
    assert measured.interval == STEP
    assert origin(incident, "b", "queue_length") is Origin.STALE
    near = of("b", "kv_usage")
    assert near is not None and (near.origin, near.metrics) == (Origin.UNKNOWN_NAME, ("acme_kv_cache_usage",))
    absent = of("a", "kv_usage")
    assert absent is not None and (absent.origin, absent.reason) == (Origin.NOT_EXPORTED, "it is not in these files")
    door = of("front-door", "latency_p90")
    assert door is not None and (door.origin, door.metrics) == (Origin.MEASURED, (LATENCY,))


def test_what_a_store_gave_in_part_is_partial_and_a_gap_of_the_front_door(tmp_path: Path) -> None:
    incident = imported(
        tmp_path, *latency("a"), row(WAITING, "a", 3.0), row(RUNNING, "b", 3.0),
        shard=[*latency("b"), row(WAITING, "b", 9.0)],
    )  # fmt: skip
    told = incident.provenance.of("b", "queue_length")
    assert told is not None and (told.origin, told.reason) == (Origin.PARTIAL, "a shard is missing")
    assert origin(incident, "a", "queue_length") is Origin.MEASURED
    assert origin(incident, "b", "latency_p90") is Origin.PARTIAL
    assert origin(incident, "front-door", "latency_p90") is Origin.PARTIAL
    assert ("front-door", "latency_p90") not in incident.telemetry.metrics
    assert "queue_length" in incident.provenance.withheld("b")


def test_samples_of_a_form_that_is_not_read_are_told_as_a_gap(tmp_path: Path) -> None:
    native = {"metric": {"__name__": LATENCY.removesuffix("_bucket"), "pod": "a"}, "histograms": [[T0, {}]]}
    points = [{"timeUnixNano": str(T0 * 10**9), "count": "5", "scale": 3}]
    first = {"name": "gen_ai.server.time_to_first_token", "unit": "s", "exponentialHistogram": {"dataPoints": points}}
    metrics = [first, {"name": "acme.sizes", "summary": {"dataPoints": points}}]
    pod = {"attributes": [{"key": "k8s.pod.name", "value": {"stringValue": "a"}}]}
    otlp = {"resourceMetrics": [{"resource": pod, "scopeMetrics": [{"metrics": metrics}]}]}
    (tmp_path / "otlp.json").write_text(json.dumps(otlp))
    with pytest.raises(IncidentError, match="exponential histograms were left out; save the quantiles instead"):
        imports.read(tmp_path)
    incident = imported(tmp_path, native, row(WAITING, "a", 3.0))
    assert [note for note in incident.notes if "were left out" in note] == [
        "gen_ai_server_time_to_first_token_seconds: exponential histograms were left out; save the quantiles instead",
        "acme_sizes: summaries were left out; save the quantiles instead",
        "vllm:e2e_request_latency_seconds: native histograms were left out; save the quantiles instead",
    ]
    for signal, form in (("latency_p90", "native histograms"), ("ttft_p90", "exponential histograms")):
        told = incident.provenance.of("a", signal)
        assert told is not None and (told.origin, told.reason) == (Origin.PARTIAL, f"{form} are not read")


def test_an_empty_answer_in_part_is_named_by_its_file(tmp_path: Path) -> None:
    incident = imported(tmp_path, row(RUNNING, "a", 3.0), ttft_p90=[])
    assert origin(incident, "a", "ttft_p90") is Origin.PARTIAL
    assert origin(incident, "a", "ttft_p50") is Origin.NOT_EXPORTED


def test_a_signal_saved_under_its_own_name_is_no_unknown_one(tmp_path: Path) -> None:
    incident = imported(tmp_path, row("ttft_p90", "a", 3.0), row(RUNNING, "a", 3.0))
    assert origin(incident, "a", "ttft_p90") is Origin.MEASURED
    assert origin(incident, "a", "ttft_p50") is Origin.NOT_EXPORTED


def test_a_sibling_quantity_cannot_be_compared(tmp_path: Path) -> None:
    rows = [
        row(f"vllm:{name}_seconds_bucket", pod, rate, grows=True, le=le)
        for name, pod in (("inter_token_latency", "a"), ("request_time_per_output_token", "b"))
        for le, rate in (("0.1", 9.0), ("1.0", 10.0), ("+Inf", 10.0))
    ]
    assert origin(imported(tmp_path, *rows), "a", "tpot_p90") is Origin.NOT_COMPARABLE


def test_a_failing_scrape_is_told_as_a_live_one(tmp_path: Path) -> None:
    incident = imported(
        tmp_path, row(WAITING, "a", 3.0), row("up", "a", 1.0), row(WAITING, "b", 3.0, steps=10), row("up", "b", 0.0)
    )
    told = incident.provenance.of("b", "queue_length")
    assert told is not None and (told.origin, told.reason) == (Origin.STALE, UNREACHED)
    assert incident.provenance.unreached == {"b"}


def test_an_engine_that_no_table_knows_is_named_with_the_nearest(tmp_path: Path) -> None:
    incident = imported(tmp_path, row("acme:num_requests_waiting_now", "acme-0", 3.0), row("seats", "x", 1.0))
    assert incident.topology.component("acme-0").kind is Kind.SERVICE
    assert origin(incident, "acme-0", "queue_length") is Origin.UNKNOWN_NAME
    assert any("no table knows the metrics of acme-0; the nearest: acme:num_requests" in n for n in incident.notes)
    assert not any("metrics of x" in note for note in incident.notes)
    finding = catalog.entry("metric-names").look(Survey("x", False, incident, None))
    assert finding.verdict is Verdict.FAIL and "queue_length of acme-0 (acme:num_requests_waiting_now)" in finding.saw


def test_it_is_in_the_saved_file_and_played_as_a_live_one(tmp_path: Path) -> None:
    incident = imported(tmp_path, *latency("a"), row(WAITING, "a", 3.0))
    loaded = store.load(store.save(incident, tmp_path / "x.zip"))
    assert loaded.provenance == incident.provenance
    samples = ReplayDeployment(loaded, "x").samples(loaded.window, STEP)
    assert samples.provenance.origin("a", "queue_length") is Origin.MEASURED
