"""What the front door of imported series measures: its own, or what its replicas measure together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster import imports
from cluster.imports.expressions import Samples, Unsupported
from cluster.imports.measured import OWNER
from cluster.incident.model import Incident
from cluster.topology import Edge, Kind, Relation
from methods.telemetry.sli import sli

T0 = 1_700_000_000
STEP = 5
LATENCY = "vllm:e2e_request_latency_seconds_bucket"
Row = dict[str, Any]


def row(name: str, labels: dict[str, str], values: list[float]) -> Row:
    own = {"__name__": name, **labels} if name else labels
    return {"metric": own, "values": [[T0 + STEP * n, repr(value)] for n, value in enumerate(values)]}


def growing(per_second: float) -> list[float]:
    return [per_second * STEP * n for n in range(30)]


def engine(pod: str, fast: float, slow: float, **labels: str) -> list[Row]:
    """A replica with requests that took up to 1 s, and others of 1 to 4 s, each so many a second."""
    own = {"pod": pod, **labels}
    rates = {"1.0": fast, "4.0": fast + slow, "+Inf": fast + slow}
    return [
        *(row(LATENCY, {**own, "le": bound}, growing(rate)) for bound, rate in rates.items()),
        row("vllm:request_success_total", {**own, "finished_reason": "stop"}, growing(fast + slow - 0.5)),
        row("vllm:request_success_total", {**own, "finished_reason": "error"}, growing(0.5)),
        row("vllm:num_requests_running", own, [3.0] * 30),
    ]


def imported(folder: Path, *rows: Row, **files: list[Row]) -> Incident:
    for name, some in {"raw": list(rows), **files}.items():
        data = {"resultType": "matrix", "result": some}
        (folder / f"{name}.json").write_text(json.dumps({"status": "success", "data": data}))
    return imports.read(folder)[0]


def last(incident: Incident, component: str, signal: str) -> float:
    return float(incident.telemetry.series(component, signal).iloc[-1])


def test_without_a_gateway_a_virtual_front_door_has_what_the_replicas_measure_together(tmp_path: Path) -> None:
    incident = imported(tmp_path, *engine("a", 9.0, 0.0), *engine("b", 9.0, 0.0), *engine("c", 0.0, 6.0))
    known = incident.topology
    assert known.front_door == "front-door"
    assert known.component("front-door").kind is Kind.GATEWAY
    assert known.edges == tuple(Edge("front-door", pod) for pod in "abc")
    assert set(known.peers("a")) == {"b", "c"}
    assert last(incident, "front-door", "request_rate") == pytest.approx(24.0)
    assert last(incident, "front-door", "error_rate") == pytest.approx(1.5)
    assert last(incident, "front-door", "error_ratio") == pytest.approx(1.5 / 24)
    # Of 24 requests 18 took up to 1 s: the 21.6th is 3.6 / 6 of the way from 1 s to 4 s. A mean of quantiles is 1.83.
    assert last(incident, "front-door", "latency_p90") == pytest.approx(1 + 3 * 3.6 / 6)
    assert last(incident, "c", "latency_p90") == pytest.approx(1 + 3 * 0.9)
    assert sli(incident)["latency"].iloc[-1] == pytest.approx(2.8)
    assert any("of front-door: merged from a, b, c" in note for note in incident.notes)


def test_17_what_an_endpoint_picker_tells_of_engines_is_theirs_though_nothing_of_them_is_in_the_files(
    tmp_path: Path,
) -> None:
    queues = {"a": [1.0] * 30, "b": [7.0] * 30}
    size = "inference_pool_per_pod_queue_size"
    rows = [row(size, {"pod": "epp", "name": "pool", "model_server_pod": one}, queues[one]) for one in queues]
    incident = imported(tmp_path, row("llm_d_epp_request_total", {"pod": "epp"}, growing(4.0)), *rows)
    known = incident.topology
    assert known.front_door == "epp"
    assert known.component("epp").kind is Kind.GATEWAY
    assert set(known.callees("epp")) == {"a", "b"}
    assert {one: last(incident, one, "queue_length") for one in queues} == {"a": 1.0, "b": 7.0}
    assert ("epp", size) not in incident.telemetry.metrics.columns


def test_a_gateway_keeps_its_own_and_gets_the_rest_from_its_replicas(tmp_path: Path) -> None:
    requests = row("nginx_http_requests_total", {"pod": "nginx-0"}, growing(40.0))
    incident = imported(tmp_path, requests, *engine("a", 9.0, 0.0), *engine("b", 0.0, 6.0))
    assert incident.topology.front_door == "nginx-0"
    assert incident.topology.callees("nginx-0") == ("a", "b")
    assert last(incident, "nginx-0", "request_rate") == pytest.approx(40.0)
    assert last(incident, "nginx-0", "latency_p90") == pytest.approx(1 + 3 * 4.5 / 6)


def test_quantiles_without_histograms_give_the_slowest_of_them(tmp_path: Path) -> None:
    ready = [row("", {"pod": pod}, [value] * 30) for pod, value in (("a", 1.0), ("b", 5.0))]
    running = [row("vllm:num_requests_running", {"pod": pod}, [3.0] * 30) for pod in "ab"]
    incident = imported(tmp_path, *running, latency_p90=ready)
    assert last(incident, "front-door", "latency_p90") == 5.0
    assert any("latency_p90 of front-door is that of the slowest replica" in note for note in incident.notes)


def test_without_any_latency_a_note_says_what_to_save(tmp_path: Path) -> None:
    incident = imported(tmp_path, row("vllm:num_requests_running", {"pod": "a"}, [3.0] * 30))
    assert incident.topology.front_door == "front-door"
    assert any("no SLI" in note and "vllm:e2e_request_latency_seconds_bucket" in note for note in incident.notes)


def test_several_gateways_at_the_front_are_told(tmp_path: Path) -> None:
    doors = [row("nginx_http_requests_total", {"pod": f"nginx-{n}"}, growing(4.0)) for n in range(2)]
    incident = imported(tmp_path, *doors, *engine("a", 9.0, 0.0))
    assert incident.topology.front_door == "front-door"
    assert incident.topology.component("nginx-1").kind is Kind.GATEWAY
    assert any("nginx-0 and nginx-1 are gateways at the front" in note for note in incident.notes)


def test_addresses_are_replicas_and_run_on_the_node_of_their_host(tmp_path: Path) -> None:
    rows = engine("", 9.0, 0.0, instance="10.0.0.1:8000")
    cpu = row("node_cpu_seconds_total", {"instance": "10.0.0.1:9100", "mode": "user", "cpu": "0"}, growing(2.0))
    idle = row("node_cpu_seconds_total", {"instance": "10.0.0.1:9100", "mode": "idle", "cpu": "0"}, growing(6.0))
    incident = imported(tmp_path, *rows, cpu, idle)
    known = incident.topology
    assert known.component("10.0.0.1:8000").kind is Kind.REPLICA
    assert known.component("10.0.0.1:9100").kind is Kind.NODE
    assert Edge("10.0.0.1:8000", "10.0.0.1:9100", Relation.RUNS_ON) in known.edges
    assert last(incident, "10.0.0.1:9100", "cpu_usage") == pytest.approx(2.0)


def test_engines_of_one_replica_are_parts_of_it(tmp_path: Path) -> None:
    waiting = [
        row(f"vllm:num_requests_{what}", {"pod": "a", "engine": rank}, [value] * 30)
        for what in ("waiting", "running")
        for rank, value in (("0", 0.0), ("1", 40.0))
    ]
    incident = imported(tmp_path, *waiting)
    assert last(incident, "a-engine-1", "queue_length") == 40.0
    assert last(incident, "a-engine-0", "queue_length") == 0.0
    assert last(incident, "a", "queue_length") == 40.0
    assert Edge("a-engine-1", "a", Relation.PART_OF) in incident.topology.edges


def test_of_two_layers_one_is_read_for_all_replicas(tmp_path: Path) -> None:
    serve = row("ray_serve_deployment_request_counter_total", {"pod": "b", "replica": "x"}, growing(7.0))
    incident = imported(tmp_path, *engine("a", 9.0, 0.0), serve)
    assert last(incident, "a", "request_rate") == pytest.approx(9.0)
    assert ("b", "request_rate") not in incident.telemetry.metrics
    assert last(incident, "b", "ray_serve_deployment_request_counter_total") == pytest.approx(7.0)


def test_ranks_that_repeat_their_engine_count_once(tmp_path: Path) -> None:
    rows = [
        row("sglang:num_queue_reqs", {"pod": "a", "tp_rank": str(rank), "priority": priority}, [value] * 30)
        for rank in range(2)
        for priority, value in (("", 9.0), ("1", 9.0))
    ]
    assert last(imported(tmp_path, *rows), "a", "queue_length") == 9.0


def test_a_histogram_that_no_table_knows_keeps_its_name(tmp_path: Path) -> None:
    rates = {"1.0": 9.0, "4.0": 10.0, "+Inf": 10.0}
    rows = [row("acme_wait_seconds_bucket", {"pod": "a", "le": le}, growing(rate)) for le, rate in rates.items()]
    assert last(imported(tmp_path, *rows), "a", "acme_wait_seconds_p90") == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        ("sum by ($by) (last_over_time(m{$m}[$fresh]))", 7.0),
        ("max by ($by) (last_over_time(m{$m}[$fresh]))", 4.0),
        ("avg by ($by) (last_over_time(m{$m}[$fresh]))", 3.5),
        ('sum by ($by) (last_over_time(m{x="1",$m}[$fresh]))', 3.0),
        ('sum by ($by) (last_over_time(m{x!="1",$m}[$fresh]))', 4.0),
        ('sum by ($by) (last_over_time(m{x=~"1|2",$m}[$fresh]))', 7.0),
        ('sum by ($by) (last_over_time(m{x!~"[0-9]",$m}[$fresh])) or 0 * sum by ($by) (last_over_time(m{$m}[$fresh]))',
         0.0),
        ("1e2 * sum by ($by) (last_over_time(m{$m}[$fresh])) - 0.5", 699.5),
        ("sum by ($by) (last_over_time(m{$m}[$fresh])) / ((min by ($by) (last_over_time(m{$m}[$fresh]))) > 0)", 7 / 3),
        ("sum by ($by) (max without (x) (last_over_time(m{$m}[$fresh])))", 4.0),
    ],
)  # fmt: skip
def test_expressions_have_the_value_that_prometheus_gives(expr: str, value: float) -> None:
    series = {"m": {(((OWNER, "a"), ("x", x))): {float(T0): v} for x, v in (("1", 3.0), ("2", 4.0))}}
    samples = Samples(series, np.array([float(T0)]), 1.0)
    assert samples.evaluate(expr, OWNER)[((OWNER, "a"),)].tolist() == [pytest.approx(value)]


@pytest.mark.parametrize(
    "expr", ["floor(m)", "sum(rate(m{$m}[$rate]))", "m", "1 + 1", "$namespace", 'sum by ($by) (rate(m{x="', ""]
)
def test_what_is_more_than_the_tables_need_is_unsupported(expr: str) -> None:
    with pytest.raises(Unsupported):
        Samples({}, np.array([float(T0)]), 1.0).evaluate(expr, OWNER)
