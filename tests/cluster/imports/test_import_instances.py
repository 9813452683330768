"""Replicas under one name of a service are a component each, whatever tells them apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cluster import imports
from cluster.incident.model import Incident
from cluster.topology import Edge, Kind, Relation

T0 = 1_700_000_000
Attributes = dict[str, str]
GATEWAY = {"service.name": "gw"}


def resource(attributes: Attributes) -> dict[str, Any]:
    return {"attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]}


def call(number: int, callee: Attributes, caller: Attributes = GATEWAY) -> list[dict[str, Any]]:
    """A request to the caller, and the call that it makes."""
    start, end = str((T0 + number) * 10**9), str((T0 + number + 1) * 10**9)
    spans = []
    for own, span, parent in ((caller, "a", ""), (callee, "b", "a")):
        ids = {"traceId": f"{number:032x}", "spanId": span * 16, "parentSpanId": parent * 16}
        one = {**ids, "name": "call", "startTimeUnixNano": start, "endTimeUnixNano": end}
        spans.append({"resource": resource(own), "scopeSpans": [{"spans": [one]}]})
    return spans


def waiting(of: Attributes, value: float) -> dict[str, Any]:
    points = [{"timeUnixNano": str((T0 + 5 * n) * 10**9), "asDouble": value} for n in range(20)]
    metric = {"name": "vllm:num_requests_waiting", "gauge": {"dataPoints": points}}
    return {"resource": resource(of), "scopeMetrics": [{"metrics": [metric]}]}


def line(of: Attributes) -> dict[str, Any]:
    record = {"timeUnixNano": str(T0 * 10**9), "body": {"stringValue": "ready"}}
    return {"resource": resource(of), "scopeLogs": [{"logRecords": [record]}]}


def imported(
    folder: Path,
    spans: Sequence[list[dict[str, Any]]] = (),
    metrics: Sequence[dict[str, Any]] = (),
    logs: Sequence[dict[str, Any]] = (),
) -> Incident:
    (folder / "0.json").write_text(json.dumps({"resourceMetrics": list(metrics)}))
    (folder / "1.json").write_text(json.dumps({"resourceSpans": [one for each in spans for one in each]}))
    (folder / "2.json").write_text(json.dumps({"resourceLogs": list(logs)}))
    return imports.read(folder)[0]


def vllm(**more: str) -> Attributes:
    return {"service.name": "vllm", **{key.replace("_", "."): value for key, value in more.items()}}


@pytest.mark.parametrize(
    ("label", "named"),
    [
        ("host.name", ["vllm@x-1", "vllm@x-2"]),
        ("k8s.node.name", ["vllm@x-1", "vllm@x-2"]),
        ("service.instance.id", ["x-1", "x-2"]),
        ("k8s.pod.name", ["x-1", "x-2"]),
    ],
)
def test_each_replica_of_a_service_is_a_component(tmp_path: Path, label: str, named: list[str]) -> None:
    replicas = [{"service.name": "vllm", label: value} for value in ("x-1", "x-2")]
    incident = imported(
        tmp_path,
        [call(n, replicas[n % 2]) for n in range(20)],
        [waiting(one, 3.0 + n) for n, one in enumerate(replicas)],
        [line(one) for one in replicas],
    )
    topology = incident.topology
    assert sorted(topology.ids) == sorted(["gw", *named])
    assert [topology.component(one).kind for one in named] == [Kind.REPLICA] * 2
    assert topology.front_door == "gw"
    assert set(topology.edges) == {Edge("gw", one) for one in named}
    assert topology.peers(named[0]) == (named[1],)
    for value, one in enumerate(named):
        assert incident.telemetry.series(one, "queue_length").iloc[-1] == 3.0 + value
        assert (incident.telemetry.spans["component"] == one).sum() == 10
        assert (incident.telemetry.logs["component"] == one).sum() == 1


def test_one_host_is_the_service(tmp_path: Path) -> None:
    incident = imported(tmp_path, [call(n, vllm(host_name="h1")) for n in range(9)], [waiting(vllm(), 3.0)])
    assert set(incident.topology.ids) == {"gw", "vllm"}


def test_services_on_the_same_hosts_stay_apart(tmp_path: Path) -> None:
    hosts = ("h1", "h2")
    calls = [call(n, vllm(host_name=hosts[n % 2]), {**GATEWAY, "host.name": hosts[n // 2 % 2]}) for n in range(20)]
    topology = imported(tmp_path, calls).topology
    assert set(topology.ids) == {"front-door", "gw@h1", "gw@h2", "vllm@h1", "vllm@h2"}
    assert set(topology.callees("gw@h1")) == set(topology.callees("gw@h2")) == {"vllm@h1", "vllm@h2"}
    assert set(topology.callees("front-door")) == {"gw@h1", "gw@h2"}


@pytest.mark.parametrize("pod", ["k8s.pod.name", "service.instance.id"])
def test_a_record_with_a_host_alone_belongs_to_the_pod_that_is_known_there(tmp_path: Path, pod: str) -> None:
    calls = [call(n, vllm(host_name=f"h{n % 2}")) for n in range(20)]
    known = [waiting({**vllm(host_name=f"h{n}"), pod: f"pod-{n}"}, 3.0) for n in range(2)]
    topology = imported(tmp_path, calls, known).topology
    assert set(topology.ids) == {"gw", "pod-0", "pod-1"}
    assert set(topology.edges) == {Edge("gw", "pod-0"), Edge("gw", "pod-1")}


def test_a_host_that_is_the_name_of_a_pod_is_that_pod(tmp_path: Path) -> None:
    calls = [call(n, vllm(host_name=f"pod-{n % 2}")) for n in range(20)]
    known = [waiting({**vllm(), "k8s.pod.name": f"pod-{n}"}, 3.0) for n in range(2)]
    assert set(imported(tmp_path, calls, known).topology.ids) == {"gw", "pod-0", "pod-1"}


def test_which_of_two_pods_of_a_host_is_not_guessed(tmp_path: Path) -> None:
    calls = [call(n, vllm(host_name="h1")) for n in range(20)]
    known = [waiting({**vllm(host_name="h1"), "k8s.pod.name": f"pod-{n}"}, 3.0) for n in range(2)]
    assert set(imported(tmp_path, calls, known).topology.ids) == {"gw", "vllm", "pod-0", "pod-1"}


def test_instances_of_a_service_that_others_call_by_its_name_are_called_too(tmp_path: Path) -> None:
    metrics = [waiting(vllm(host_name=f"h{n}"), 3.0) for n in range(2)]
    topology = imported(tmp_path, [call(n, vllm()) for n in range(20)], metrics).topology
    assert set(topology.ids) == {"gw", "vllm", "vllm@h0", "vllm@h1"}
    instances = ("vllm@h0", "vllm@h1")
    called = {Edge("gw", one) for one in ("vllm", *instances)}
    assert set(topology.edges) == called | {Edge(one, "vllm", Relation.PART_OF) for one in instances}
    assert topology.peers("vllm@h0") == ("vllm@h1",)


def test_instances_run_on_the_hosts_that_are_measured(tmp_path: Path) -> None:
    replicas = [vllm(host_name=f"h{n}") for n in range(2)]
    topology = imported(
        tmp_path,
        [call(n, replicas[n % 2]) for n in range(20)],
        [*(waiting(one, 3.0) for one in replicas)],
        [line({"host.name": "h0"})],
    ).topology
    assert set(topology.ids) == {"gw", "h0", "vllm@h0", "vllm@h1"}
    assert Edge("vllm@h0", "h0", Relation.RUNS_ON) in topology.edges


def test_addresses_that_traces_name_are_called_and_no_nodes(tmp_path: Path) -> None:
    replicas = [{**vllm(), "service.instance.id": f"10.0.0.{n}:8000"} for n in range(2)]
    topology = imported(tmp_path, [call(n, replicas[n % 2]) for n in range(20)]).topology
    assert set(topology.edges) == {Edge("gw", "10.0.0.0:8000"), Edge("gw", "10.0.0.1:8000")}
    assert topology.component("10.0.0.0:8000").kind is Kind.SERVICE


def test_an_exporter_is_no_service_of_those_that_it_measures(tmp_path: Path) -> None:
    exporter = {"service.name": "collector", "exported_pod": "vllm-0"}
    topology = imported(
        tmp_path, [call(n, {"service.name": "collector"}) for n in range(9)], [waiting(exporter, 3.0)]
    ).topology
    assert topology.edges == (Edge("gw", "collector"),)


OLD, NEW = "4f1c2d9e8b7a", "0a9b8c7d6e5f"
UUIDS = "627cc493-f310-47de-96bd-71410b7dec09", "d1b0c7a2-0c0e-4b5c-9a38-7e7f60a8b1fe"


@pytest.mark.parametrize("ids", [(OLD, NEW), UUIDS])
def test_a_container_that_is_created_again_on_a_machine_stays_one_component(
    tmp_path: Path, ids: tuple[str, str]
) -> None:
    old, new = (vllm(service_instance_id=one, container_name="vllm-1", host_name="gpu-1") for one in ids)
    other = vllm(service_instance_id="aaaabbbbcccc", container_name="vllm-2", host_name="gpu-1")
    got = imported(tmp_path, [call(1, old), call(2, other), call(3, new)], [waiting(old, 1.0), waiting(other, 2.0)])
    assert {"vllm-1@gpu-1", "vllm-2@gpu-1"} == {one for one in got.topology.ids if one.startswith("vllm-")}
    assert not set(ids) & set(got.topology.ids)


def test_live_containers_of_one_name_stay_apart_where_no_machine_is_named(tmp_path: Path) -> None:
    hosts = (OLD, NEW, "aaaabbbbcccc")
    found = [vllm(container_name="app-vllm-1", host_name=one) for one in hosts]
    got = imported(tmp_path, [call(n, one) for n, one in enumerate(found)], [waiting(one, 1.0) for one in found])
    assert set(hosts) == {one.partition("@")[2] or one for one in got.topology.ids if "@" in one or one in hosts}


def test_containers_of_one_name_on_several_hosts_stay_apart(tmp_path: Path) -> None:
    found = [
        vllm(service_instance_id=one, container_name="vllm", host_name=host) for one, host in ((OLD, "a"), (NEW, "b"))
    ]
    got = imported(tmp_path, [call(number, one) for number, one in enumerate(found)])
    assert {"vllm@a", "vllm@b"} <= set(got.topology.ids)


def test_a_container_without_a_name_of_its_own_keeps_its_id(tmp_path: Path) -> None:
    got = imported(tmp_path, [call(1, vllm(service_instance_id=OLD)), call(2, vllm(service_instance_id=NEW))])
    assert {OLD, NEW} <= set(got.topology.ids)


def test_a_pod_counts_before_the_name_of_its_container(tmp_path: Path) -> None:
    pods = [vllm(k8s_pod_name=f"vllm-{n}", k8s_container_name="vllm", service_instance_id=OLD) for n in (0, 1)]
    got = imported(tmp_path, [call(number, one) for number, one in enumerate(pods)])
    assert {"vllm-0", "vllm-1"} <= set(got.topology.ids)
