"""Which label names the component of what is imported, and the sentence where none does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cluster import imports
from cluster.imports.owner import component_of
from cluster.incident.container import IncidentError
from cluster.incident.model import Incident

T0 = 1_700_000_000
WAITING = "vllm:num_requests_waiting"


def row(name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"metric": {"__name__": name, **labels}, "values": [[T0 + 5 * n, "3"] for n in range(20)]}


def imported(folder: Path, *rows: dict[str, Any]) -> Incident:
    data = {"resultType": "matrix", "result": list(rows)}
    (folder / "raw.json").write_text(json.dumps({"status": "success", "data": data}))
    return imports.read(folder)[0]


@pytest.mark.parametrize(
    "label",
    [
        *("pod", "k8s.pod.name", "k8s_pod_name", "kubernetes_pod_name", "exported_pod", "pod_name", "K8s_Pod_Name"),
        *("U__k8s_2e_pod_2e_name", "k8s_dot_pod_dot_name", "kubernetes.pod.name"),
        *("instance", "exported_instance", "service.instance.id", "service_instance_id"),
        *("service.name", "service_name", "U__service_2e_name", "host.name", "job", "component"),
    ],
)
def test_each_spelling_names_the_component(tmp_path: Path, label: str) -> None:
    incident = imported(tmp_path, row(WAITING, {label: "vllm-0", "model_name": "m"}))
    assert incident.telemetry.series("vllm-0", "queue_length").iloc[-1] == 3.0


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        ({"instance": "10.0.0.1:8000", "k8s_pod_name": "vllm-0", "job": "vllm"}, "vllm-0"),
        ({"pod": "dcgm-exporter-x", "exported_pod": "vllm-0", "instance": "10.0.0.9:9400"}, "vllm-0"),
        ({"pod": "vllm-1", "exported_pod": ""}, "vllm-1"),
        ({"service.name": "vllm", "service.instance.id": "vllm-0"}, "vllm-0"),
        ({"service.name": "vllm", "host.name": "gpu-1"}, "vllm"),
        ({"service.name": "vllm", "k8s.node.name": "n1", "hostname": "n1", "node": "n1"}, "vllm"),
        ({"node": "n1", "job": "kubelet"}, "n1"),
        ({"component": "replica-0", "pod": "x"}, "replica-0"),
        ({"model_name": "m", "namespace": "llm"}, None),
        ({}, None),
    ],
)
def test_one_label_is_the_first(labels: dict[str, str], named: str | None) -> None:
    assert component_of(labels) == named


RECORDS = ("spans", "points", "lines")
NO_NAMES = (
    *(
        {"node": "7"},
        {"host.name": "db"},
        {"hostname": "db"},
        {"k8s.node.name": "n2"},
        {"service": "db"},
        {"job": "db"},
    ),
    *({"component": "proxy"}, {"Component": "proxy"}, {"exported_component": "proxy"}, {"U__component": "proxy"}),
    {"service.name": "db"},
)


def attributes(values: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


def otlp(folder: Path, kind: str, *records: tuple[dict[str, str], dict[str, str]]) -> set[str]:
    """The components of an import of a span, a point or a log line of each (resource, own attributes)."""
    document: dict[str, list[Any]] = {"resourceSpans": [], "resourceMetrics": [], "resourceLogs": []}
    for number, (of, values) in enumerate(records, 1):
        resource, own = {"attributes": attributes(of)}, attributes(values)
        start, end = str(T0 * 10**9), str((T0 + 1) * 10**9)
        if kind == "spans":
            span = {"traceId": f"{number:032x}", "spanId": f"{number:016x}", "name": "call", "attributes": own,
                    "startTimeUnixNano": start, "endTimeUnixNano": end}  # fmt: skip
            document["resourceSpans"].append({"resource": resource, "scopeSpans": [{"spans": [span]}]})
        elif kind == "points":
            points = [{"timeUnixNano": at, "asDouble": 1.0, "attributes": own} for at in (start, end)]
            metric = {"name": "load", "gauge": {"dataPoints": points}}
            document["resourceMetrics"].append({"resource": resource, "scopeMetrics": [{"metrics": [metric]}]})
        else:
            line = {"timeUnixNano": start, "body": {"stringValue": "ready"}, "attributes": own}
            document["resourceLogs"].append({"resource": resource, "scopeLogs": [{"logRecords": [line]}]})
    (folder / "otlp.json").write_text(json.dumps(document))
    return set(imports.read(folder)[0].topology.ids) - {"front-door"}


@pytest.mark.parametrize("kind", RECORDS)
def test_services_of_one_host_stay_apart(tmp_path: Path, kind: str) -> None:
    gateway, engine = ({"service.name": one, "k8s.node.name": "n1", "host.name": "n1"} for one in ("gw", "vllm"))
    assert otlp(tmp_path, kind, (gateway, {}), (engine, {})) == {"gw", "vllm"}


@pytest.mark.parametrize("own", NO_NAMES, ids=lambda own: next(iter(own)))
@pytest.mark.parametrize("kind", RECORDS)
def test_attributes_of_one_record_do_not_beat_its_resource(tmp_path: Path, kind: str, own: dict[str, str]) -> None:
    assert otlp(tmp_path, kind, ({"service.name": "gw"}, own), ({"host.name": "n1"}, own)) == {"gw", "n1"}


@pytest.mark.parametrize("kind", RECORDS)
def test_pods_and_addresses_of_one_record_count(tmp_path: Path, kind: str) -> None:
    of = {"service.name": "collector"}
    pods = otlp(tmp_path, kind, (of, {"k8s.pod.name": "vllm-0"}), (of, {"instance": "10.0.0.1:8000"}), (of, {}))
    assert pods == {"vllm-0", "10.0.0.1:8000", "collector"}


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_without_a_named_resource_may_name_its_service(tmp_path: Path, kind: str) -> None:
    assert otlp(tmp_path, kind, ({"namespace": "llm"}, {"service.name": "gw"}), ({}, {"node": "7"})) == {"gw"}


def test_where_no_label_fits_one_sentence_names_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(IncidentError, match=r"no label names the component .*labels model_name, le;") as refused:
        imported(tmp_path, row(WAITING, {"model_name": "m", "le": "1"}))
    assert f"series (such as {WAITING})" in str(refused.value) and "\n" not in str(refused.value)
    with pytest.raises(IncidentError, match="they have no labels"):
        imported(tmp_path, row(WAITING, {}))


def test_what_no_label_names_is_left_out_of_the_rest_with_a_note(tmp_path: Path) -> None:
    incident = imported(tmp_path, row(WAITING, {"pod": "vllm-0"}), row("kv", {"model\x1b[31m": "m"}))
    assert set(incident.topology.ids) == {"front-door", "vllm-0"}
    (note,) = [note for note in incident.notes if "no label names" in note]
    assert "series (such as kv)" in note and note.endswith("they are left out") and "\x1b" not in note


def test_points_of_otlp_say_whom_an_exporter_measures(tmp_path: Path) -> None:
    def named(**values: str) -> list[dict[str, Any]]:
        return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]

    points = [
        {"timeUnixNano": str((T0 + n) * 10**9), "asDouble": value, "attributes": named(pod=pod, component="scheduler")}
        for n in range(10)
        for pod, value in (("vllm-0", 1.0), ("vllm-1", 2.0))
    ]
    metric = {"name": WAITING, "gauge": {"dataPoints": points}}
    resource = {"attributes": named(**{"service.instance.id": "10.0.0.9:8080", "service.name": "exporter"})}
    document = {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]}
    (tmp_path / "m.json").write_text(json.dumps(document))
    incident, _ = imports.read(tmp_path)
    assert incident.telemetry.series("vllm-1", "queue_length").iloc[-1] == 2.0
    assert "10.0.0.9:8080" not in incident.topology and "scheduler" not in incident.topology


def test_spans_and_lines_without_a_resource_are_told(tmp_path: Path) -> None:
    record = {"timeUnixNano": str(T0 * 10**9), "body": {"stringValue": "out of memory"}}
    (tmp_path / "l.json").write_text(json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}))
    with pytest.raises(IncidentError, match=r"some log lines \(such as out of memory\): they have no labels"):
        imports.read(tmp_path)
