"""The front door of OTLP files: the service of the root spans, or a virtual one before several."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cluster import imports
from cluster.incident.model import Incident
from cluster.topology import Edge, Kind
from methods.telemetry.sli import sli

T0 = 1_700_000_000


def batch(service: str, *spans: dict[str, Any]) -> dict[str, Any]:
    of = [{"key": "service.name", "value": {"stringValue": service}}]
    return {"resource": {"attributes": of}, "scopeSpans": [{"spans": list(spans)}]}


def span(trace: int, number: int, at: float, seconds: float, parent: int = 0, failed: bool = False) -> dict[str, Any]:
    return {
        "traceId": f"{trace:032x}", "spanId": f"{number:016x}", "parentSpanId": f"{parent:016x}" if parent else "",
        "name": "call", "startTimeUnixNano": str(round((T0 + at) * 1e9)),
        "endTimeUnixNano": str(round((T0 + at + seconds) * 1e9)), "status": {"code": 2 if failed else 0},
    }  # fmt: skip


def imported(folder: Path, *batches: dict[str, Any], metrics: Any = None) -> Incident:
    (folder / "traces.json").write_text(json.dumps({"resourceSpans": list(batches)}))
    if metrics is not None:
        data = {"resultType": "matrix", "result": metrics}
        (folder / "raw.json").write_text(json.dumps({"status": "success", "data": data}))
    return imports.read(folder)[0]


def requests(door: str, first: int, seconds: float, failed: bool = False, parent: int = 0) -> list[dict[str, Any]]:
    """Forty requests, two a second, through a door to one of its engines."""
    return [
        one
        for n in range(40)
        for one in (
            batch(door, span(first + n, 1, n / 2, seconds, parent, failed)),
            batch("vllm", span(first + n, 2, n / 2 + 0.1, seconds / 2, 1)),
        )
    ]


def test_several_entrances_without_metrics_have_a_virtual_front_door(tmp_path: Path) -> None:
    incident = imported(tmp_path, *requests("chat", 100, 1.0), *requests("batch", 200, 3.0, failed=True))
    known = incident.topology
    assert known.front_door == "front-door" and known.component("front-door").kind is Kind.GATEWAY
    assert known.callees("front-door") == ("batch", "chat")
    assert Edge("chat", "vllm") in known.edges
    assert incident.telemetry.series("front-door", "request_rate").iloc[1:-1].unique() == pytest.approx([4.0])
    assert incident.telemetry.series("front-door", "latency_p90").iloc[1:-1].unique() == pytest.approx([3.0])
    assert sli(incident)["error_ratio"].iloc[1:-1].unique() == pytest.approx([0.5])
    assert any("front-door stands for whoever calls batch, chat" in note for note in incident.notes)
    assert incident.provenance.origin("front-door", "latency_p90") == "measured"


def test_usual_names_of_front_doors_do_not_hide_the_other_entrances(tmp_path: Path) -> None:
    incident = imported(tmp_path, *requests("frontend", 100, 1.0), *requests("mobile", 200, 3.0))
    assert incident.topology.callees("front-door") == ("frontend", "mobile")


def test_one_entrance_is_the_front_door_with_its_errors(tmp_path: Path) -> None:
    incident = imported(tmp_path, *requests("chat", 100, 1.0, failed=True))
    assert incident.topology.front_door == "chat"
    assert incident.telemetry.series("chat", "error_ratio").dropna().unique() == pytest.approx([1.0])


def test_a_service_alone_is_its_own_front_door(tmp_path: Path) -> None:
    incident = imported(tmp_path, *(batch("vllm", span(n, 1, n, 1.0)) for n in range(1, 30)))
    assert incident.topology.front_door == "vllm"
    assert sli(incident)["latency"].dropna().unique() == pytest.approx([1.0])


def test_root_spans_of_what_others_call_make_no_entrance(tmp_path: Path) -> None:
    housekeeping = [batch("vllm", span(500 + n, 1, n, 0.01)) for n in range(10)]
    assert imported(tmp_path, *requests("chat", 100, 1.0), *housekeeping).topology.front_door == "chat"


def test_entrances_called_by_what_is_not_traced_are_those_with_a_strange_parent(tmp_path: Path) -> None:
    incident = imported(tmp_path, *requests("chat", 100, 1.0, parent=99), *requests("batch", 200, 1.0, parent=98))
    assert incident.topology.callees("front-door") == ("batch", "chat")


def test_parents_outside_the_files_hide_no_entrance_behind_spans_without_a_parent(tmp_path: Path) -> None:
    outside = requests("gateway", 100, 1.0, parent=99)
    housekeeping = [batch("vllm", span(500 + n, 1, n, 0.01)) for n in range(2)]
    incident = imported(tmp_path, *outside, *housekeeping)
    assert incident.topology.front_door == "gateway"
    assert incident.telemetry.series("gateway", "latency_p90").iloc[1:-1].unique() == pytest.approx([1.0])
    cron = [batch("cron", span(600 + n, 1, n, 0.01)) for n in range(2)]
    incident = imported(tmp_path, *outside, *housekeeping, *cron)
    assert incident.topology.callees("front-door") == ("cron", "gateway")
    assert incident.telemetry.series("front-door", "request_rate").iloc[1:-1].unique() == pytest.approx([2.0])
    assert any("front-door stands for whoever calls cron, gateway" in note for note in incident.notes)


def test_a_service_of_that_name_does_not_clash(tmp_path: Path) -> None:
    incident = imported(tmp_path, *requests("front-door", 100, 1.0), *requests("batch", 200, 1.0))
    assert incident.topology.front_door == "virtual-front-door"


def test_metrics_of_the_engines_join_the_entrances(tmp_path: Path) -> None:
    def row(name: str, value: float, grows: bool = False, **labels: str) -> dict[str, Any]:
        values = [[T0 + n, repr(value * (n if grows else 1))] for n in range(20)]
        return {"metric": {"__name__": name, **labels}, "values": values}

    waiting = row("vllm:num_requests_waiting", 3.0, service_name="vllm")
    both = (*requests("chat", 100, 1.0), *requests("batch", 200, 3.0))
    incident = imported(tmp_path, *both, metrics=[waiting])
    known = incident.topology
    assert known.callees("front-door") == ("batch", "chat")
    assert known.component("vllm").kind is Kind.REPLICA
    assert incident.telemetry.series("front-door", "latency_p90").dropna().iloc[-1] == pytest.approx(3.0)
    assert not any("no SLI" in note for note in incident.notes)
    nginx = row("nginx_http_requests_total", 4.0, True, pod="nginx-0")
    incident = imported(tmp_path, *both, metrics=[waiting, nginx])
    assert incident.topology.front_door == "nginx-0"
    assert incident.topology.callees("nginx-0") == ("batch", "chat")
