"""Kinds of series in imported files: each is of the right component, in its unit and once, or a note says why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster import imports
from cluster.incident.model import Incident
from cluster.topology import Edge, Kind, Relation

T0, STEP, STEPS = 1_700_000_000, 5, 30


def row(metric: str, number: float, /, grows: bool = False, **labels: str) -> dict[str, Any]:
    values = [[T0 + STEP * n, repr(number * (n if grows else 1))] for n in range(STEPS)]
    return {"metric": {"__name__": metric, **labels}, "values": values}


def imported(folder: Path, *rows: dict[str, Any]) -> Incident:
    answer = {"status": "success", "data": {"resultType": "matrix", "result": list(rows)}}
    (folder / "raw.json").write_text(json.dumps(answer))
    return imports.read(folder)[0]


def value(incident: Incident, component: str, signal: str) -> float:
    return float(np.nanmedian(incident.telemetry.metrics[component, signal]))


def test_quantiles_of_a_summary_are_not_added_up(tmp_path: Path) -> None:
    rows = [
        row("nv_inference_request_summary_us", us, pod="a", model=model, quantile=q)
        for model, scale in (("one", 1.0), ("two", 2.0))
        for q, us in (("0.5", 100 * scale), ("0.99", 900 * scale))
    ]
    incident = imported(tmp_path, *rows)
    assert value(incident, "a", "nv_inference_request_summary_us_p50") == 200.0
    assert value(incident, "a", "nv_inference_request_summary_us_p99") == 1800.0
    assert ("a", "nv_inference_request_summary_us") not in incident.telemetry.metrics


@pytest.mark.parametrize("label", ["q" * 10_000, "\x1b[31m0.5", "nan", "inf", "-1", "50"])
def test_a_label_that_is_no_quantile_makes_no_signal(tmp_path: Path, label: str) -> None:
    incident = imported(tmp_path, row("acme_seconds", 3.0, pod="a", quantile=label))
    assert set(incident.telemetry.metrics.columns) == {("a", "acme_seconds")}


def test_no_rate_is_made_of_what_is_no_counter(tmp_path: Path) -> None:
    sawtooth = row("acme_seats_total", 1.0, pod="a")
    sawtooth["values"] = [[t, str(4 - n % 5)] for n, (t, _) in enumerate(sawtooth["values"])]
    restarted = row("acme_done_total", 2.0 * STEP, grows=True, pod="a")
    restarted["values"][15:] = [[t, str(2.0 * STEP * n)] for n, (t, _) in enumerate(restarted["values"][15:])]
    incident = imported(tmp_path, sawtooth, restarted, row("pod:acme_tokens:rate5m_sum", 7.0, pod="a"))
    assert value(incident, "a", "acme_seats_total") == 2.0
    assert value(incident, "a", "acme_done_total") == pytest.approx(2.0)
    assert value(incident, "a", "pod:acme_tokens:rate5m_sum") == 7.0


def test_two_jobs_that_scrape_one_address_count_once(tmp_path: Path) -> None:
    rows = [
        row("vllm:num_requests_waiting", 3.0, pod="a", instance="10.0.0.1:8000", job=job, endpoint=job)
        for job in ("podmonitor", "servicemonitor")
    ]
    ports = [row("vllm:num_requests_waiting", 3.0, pod="b", instance=f"10.0.0.2:{p}", job="x") for p in (1, 2)]
    incident = imported(tmp_path, *rows, *ports)
    assert (value(incident, "a", "queue_length"), value(incident, "b", "queue_length")) == (3.0, 6.0)
    assert "10.0.0.1:8000 is scraped by several jobs; servicemonitor: copies, which were left out" in incident.notes


def test_what_two_jobs_send_under_one_address_is_not_left_out(tmp_path: Path) -> None:
    rows = [
        row("http_server_requests_total", rate * STEP, grows=True, instance="collector:8889", job=job)
        for job, rate in (("cart", 2.0), ("checkout", 3.0))
    ]
    for one in rows:  # one has run for longer
        one["values"] = [[t, str(float(v) + 1e6 * (one["metric"]["job"] == "cart"))] for t, v in one["values"]]
    incident = imported(tmp_path, *rows)
    assert value(incident, "collector:8889", "http_server_requests_total") == pytest.approx(5.0)
    assert not [note for note in incident.notes if "copies" in note]


def test_of_many_jobs_a_few_are_named(tmp_path: Path) -> None:
    incident = imported(tmp_path, *(row("acme_seats", 3.0, instance="a:1", job=f"j{n:03}") for n in range(100)))
    assert value(incident, "a:1", "acme_seats") == 3.0
    (note,) = [note for note in incident.notes if "copies" in note]
    assert "j001, j002, j003, j004 and 95 more" in note


def test_one_histogram_under_two_names_is_no_second_kind_of_engine(tmp_path: Path) -> None:
    rows = [
        row(f"{prefix}vllm:e2e_request_latency_seconds_bucket", rate, grows=True, pod=pod, le=le)
        for prefix in ("", "kserve_")
        for pod in ("a", "b")
        for le, rate in (("1.0", 9.0), ("4.0", 10.0), ("+Inf", 10.0))
    ]
    incident = imported(tmp_path, *rows)
    assert value(incident, "front-door", "latency_p90") == pytest.approx(1.0)
    assert not [note for note in incident.notes if "slowest" in note]


def test_containers_of_a_machine_without_kubernetes_are_components(tmp_path: Path) -> None:
    rows = [
        row("container_cpu_usage_seconds_total", rate * STEP, grows=True, id=f"/docker/{name}", name=name,
            image="vllm/vllm-openai", instance="cadvisor:8080", job="cadvisor")
        for name, rate in (("vllm-a", 0.5), ("vllm-b", 1.5))
    ]  # fmt: skip
    slices = row("container_cpu_usage_seconds_total", 9.0, grows=True, id="/system.slice", instance="cadvisor:8080")
    incident = imported(tmp_path, *rows, slices)
    assert value(incident, "vllm-a", "cpu_usage") == pytest.approx(0.5)
    assert value(incident, "vllm-b", "cpu_usage") == pytest.approx(1.5)


@pytest.mark.parametrize(
    "label", ["pod", "exported_pod", "pod_name", "k8s.pod.name", "container_label_io_kubernetes_pod_name"]
)
def test_a_container_of_a_pod_is_the_pods(tmp_path: Path, label: str) -> None:
    labels = {label: "vllm-0", "id": "/kubepods/a", "name": "k8s_vllm_vllm-0_llm_uid_0", "image": "vllm"}
    rows = row("container_memory_working_set_bytes", 5e9, container="vllm", instance="node-1", **labels)
    assert "k8s_vllm_vllm-0_llm_uid_0" not in imported(tmp_path, rows).topology.ids


def test_16_workers_of_a_leader_are_parts_of_it_by_their_names(tmp_path: Path) -> None:
    leader = row("vllm:num_requests_waiting", 3.0, pod="vllm-0")
    cpu = [
        row("container_cpu_usage_seconds_total", STEP, grows=True, pod=pod, container="vllm")
        for pod in ("vllm-0", "vllm-0-1", "vllm-0-2", "db-0-1")
    ]
    incident = imported(tmp_path, leader, *cpu)
    kinds = {one.id: one.kind for one in incident.topology.components}
    assert kinds["vllm-0"] is Kind.REPLICA
    assert kinds["vllm-0-1"] is kinds["vllm-0-2"] is Kind.WORKER and kinds["db-0-1"] is Kind.SERVICE
    assert Edge("vllm-0-2", "vllm-0", Relation.PART_OF) in incident.topology.edges
    assert "vllm-0-1, vllm-0-2: by their names workers of vllm-0, and parts of it" in incident.notes


def test_20_gpus_have_no_component_here_and_keep_their_names_with_a_note(tmp_path: Path) -> None:
    gpus = [
        row("gpu_gfx_activity", 70.0, gpu_id="0", hostname="node-b", pod="vllm-0"),
        row("DCGM_FI_DEV_GPU_TEMP", 60.0, gpu="0", exported_pod="vllm-1", pod="dcgm"),
    ]
    incident = imported(tmp_path, *gpus, row("vllm:num_requests_waiting", 3.0, pod="vllm-0"))
    assert value(incident, "vllm-0", "gpu_gfx_activity") == 70.0
    told = "DCGM_FI_DEV_GPU_TEMP, gpu_gfx_activity: of GPUs or calls, which have no components here, and so under"
    assert any(note.startswith(told) for note in incident.notes)


def test_ranks_that_a_picker_knows_belong_to_their_pod(tmp_path: Path) -> None:
    about = {"pod": "epp", "name": "pool"}
    rows = [
        row("llm_d_epp_per_endpoint_queue_size", size, model_server_endpoint=f"vllm-0-rank-{rank}", **about)
        for rank, size in enumerate((1.0, 41.0))
    ]
    incident = imported(tmp_path, *rows)
    assert incident.topology.component("vllm-0").kind is Kind.REPLICA
    assert value(incident, "vllm-0", "queue_length") == 42.0
