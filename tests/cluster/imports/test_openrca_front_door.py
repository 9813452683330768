"""Days of OpenRCA have a front door, whose latency is that of the spans at the entrance, or of its services."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster import imports
from cluster.incident.container import IncidentError
from cluster.topology import Edge
from methods.telemetry.sli import sli

T0 = 1_600_000_020
MARKET_SPANS = "timestamp,cmdb_id,span_id,trace_id,duration,type,status_code,operation_name,parent_span"


def write(folder: Path, name: str, head: str, *rows: str) -> Path:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join((head, *rows)) + "\n")
    return folder


def market(root: Path) -> Path:
    folder = root / "Market" / "telemetry" / "2022_03_20"
    minutes = [T0 + 60 * n for n in range(6)]
    services = [
        f"{name},{t},100.0,50.0,{mean},10" for t in minutes for name, mean in (("front-grpc", 20), ("cart-grpc", 9))
    ]
    write(folder, "metric/metric_service.csv", "service,timestamp,rr,sr,mrt,count", *services)
    spans = [
        row
        for n, t in enumerate(minutes)
        for pod in range(2)
        for row in (
            f"{t * 1000 + 7},front-{pod},r{n}{pod},t{n}{pod},{100_000 * (1 + pod)},rpc,{13 * pod},/,",
            f"{t * 1000 + 9},cart-0,c{n}{pod},t{n}{pod},5000,rpc,0,/Get,r{n}{pod}",
        )
    ]
    return write(folder, "trace/trace_span.csv", MARKET_SPANS, *spans)


def test_several_entrances_stand_behind_a_virtual_front_door_with_the_latency_of_their_spans(tmp_path: Path) -> None:
    incident, _ = imports.read(market(tmp_path))
    known = incident.topology
    assert known.front_door == "front-door"
    assert known.callees("front-door") == ("front-0", "front-1")
    assert Edge("front-1", "cart-0") in known.edges
    series = incident.telemetry.series
    assert series("front-door", "latency_p50").tolist() == pytest.approx([0.15] * 6)
    assert series("front-door", "request_rate").tolist() == pytest.approx([2 / 60] * 6)
    assert sli(incident)["latency"].tolist() == pytest.approx([0.19] * 6)
    assert sli(incident)["error_ratio"].tolist() == pytest.approx([0.5] * 6)
    assert any("front-door stands for whoever calls front-0, front-1" in note for note in incident.notes)


def test_without_spans_the_latency_is_that_of_the_services_weighted_by_requests(tmp_path: Path) -> None:
    folder = tmp_path / "Telecom" / "telemetry" / "2020_04_11"
    rows = [
        f"{name},{(T0 + 60 * n) * 1000},{mean},{count},{count},0.9"
        for n in range(5)
        for name, mean, count in (("osb_001", 0.1, 30), ("osb_002", 0.5, 10))
    ]
    write(folder, "metric/metric_app.csv", "serviceName,startTime,avg_time,num,succee_num,succee_rate", *rows)
    cpu = [f"1,cpu,x,{(T0 + 60 * n + 17) * 1000},{n},db_003" for n in range(5)]
    write(folder, "metric/metric_service.csv", "itemid,name,bomc_id,timestamp,value,cmdb_id", *cpu)
    incident, _ = imports.read(folder)
    series = incident.telemetry.series
    assert incident.topology.callees("front-door") == ("osb_001", "osb_002")
    assert series("front-door", "latency_avg").tolist() == pytest.approx([0.2] * 5)
    assert series("front-door", "error_ratio").tolist() == pytest.approx([0.1] * 5)
    assert series("front-door", "request_rate").tolist() == pytest.approx([40 / 60] * 5)
    assert series("db_003", "cpu").tolist() == [0, 1, 2, 3, 4]  # on the minutes of the others: no gap in between


def test_a_database_that_spans_name_is_called_by_their_component(tmp_path: Path) -> None:
    folder = market(tmp_path)
    head = "callType,startTime,elapsedTime,success,traceId,id,pid,cmdb_id,dsName,serviceName"
    rows = [
        f"OSB,{T0 * 1000},376.0,True,t,a,None,os_021,,osb_001",
        f"JDBC,{T0 * 1000 + 5},2.0,True,t,b,a,docker_006,db_003,",
    ]
    write(folder, "trace/trace_span.csv", head, *rows)
    known = imports.read(folder)[0].topology
    assert Edge("docker_006", "db_003") in known.edges
    assert known.front_door == "os_021"


def test_a_folder_of_days_says_which_to_give(tmp_path: Path) -> None:
    folder = market(tmp_path)
    for place in (folder.parent, folder.parent.parent):
        with pytest.raises(IncidentError, match=r"1 of OpenRCA: give one, such as .*2022_03_20"):
            imports.read(place)
