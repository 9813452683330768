"""Each check passes where it should, and fails where what it asks for is gone."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from cluster.incident.model import Incident, Telemetry, empty_logs, empty_spans
from cluster.prometheus.exposition import Exposition
from cluster.prometheus.names import Environment, spellings
from cluster.prometheus.promql import Query, Source, resolve
from cluster.provenance import Builder, Origin
from cluster.topology import Component, Edge, Kind, Relation, Topology, calls
from cluster.window import Window
from guidelines import catalog, checkup, removals, survey
from guidelines.blind_spots import SOURCES, TRACES
from guidelines.survey import Survey, of_incident
from guidelines.types import Finding, Verdict

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN


def look(name: str, incident: Incident, exposition: Exposition | None = None) -> Finding:
    return catalog.entry(name).look(Survey("x", exposition is not None, incident, exposition))


def exposition(
    names: Sequence[str] = (), types: dict[str, str] | None = None, interval: float = 1.0, window: float = 10.0
) -> Exposition:
    queries, _ = resolve(None, Source(spellings(Environment.LOCAL), quantile_window=window))
    return Exposition(frozenset(names), types or {}, {"ray": interval}, tuple(queries))


def with_metrics(incident: Incident, metrics: pd.DataFrame) -> Incident:
    return dataclasses.replace(incident, telemetry=dataclasses.replace(incident.telemetry, metrics=metrics))


@pytest.mark.parametrize(
    "name", ["engine-per-replica", "phases", "edge-latency", "trace-depth", "logs-per-replica", "resolution", "hygiene"]
)
def test_a_recorded_drill_passes(name: str, drill: Incident) -> None:
    finding = look(name, drill)
    assert finding.verdict is PASS, finding.saw


@pytest.mark.parametrize(
    ("name", "removal"),
    [
        ("engine-per-replica", "no engine metrics"),
        ("phases", "one latency only"),
        ("ray-layer", "no Ray layer"),
        ("edge-latency", "no edges"),
        ("edge-latency", "edges counted twice"),
        ("trace-depth", "no traces"),
        ("trace-depth", "traces end at the gateway"),
        ("logs-per-replica", "no logs"),
        ("logs-per-replica", "logs without pod labels"),
        ("resolution", "15 s"),
        ("resolution", "60 s"),
        ("metric-types", "memory through rate(), no traffic"),
        ("hygiene", "no SLI"),
    ],
)
def test_it_fails_once_that_is_gone(name: str, removal: str, drill: Incident) -> None:
    guideline = catalog.entry(name)
    apply = next(r.apply for r in guideline.removals if r.name == removal)
    finding = look(name, apply(drill))
    assert finding.verdict is FAIL, finding.saw
    assert finding.saw != look(name, drill).saw


def test_without_traces_the_right_checks_fail_and_name_the_trace_methods(drill: Incident) -> None:
    before = checkup.run(survey.of_incident(drill, "whole"))
    after = checkup.run(survey.of_incident(removals.without_spans(drill), "stripped"))
    failed = {c.guideline.name for c in after.checked if c.finding.verdict is FAIL}
    failed -= {c.guideline.name for c in before.checked if c.finding.verdict is FAIL}
    assert failed == {"phases", "ray-layer", "trace-depth"}
    assert set(TRACES + SOURCES) <= set(after.blind_methods)
    assert not set(TRACES + SOURCES) & set(before.blind_methods)
    assert {"network-delay", "long-prefill"} <= set(after.blind_faults)


def test_a_pod_without_engine_metrics_is_named(drill: Incident) -> None:
    gone = removals.without(removals.ENGINE, lambda _: ["replica-1"])(drill)
    finding = look("engine-per-replica", gone)
    assert finding.verdict is FAIL and "replica-1" in finding.saw and "replica-2" not in finding.saw


def test_one_sum_told_of_every_replica_is_noticed(drill: Incident) -> None:
    metrics = drill.telemetry.metrics.copy()
    for pod in ("head", "replica-1", "replica-2"):
        metrics[pod, "running_requests"] = metrics["replica-0", "running_requests"]
    assert "same series" in look("engine-per-replica", with_metrics(drill, metrics)).saw


# -- what only a live deployment tells --------------------------------------------------------------------------------

NEW = ("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc")


@pytest.mark.parametrize(
    ("names", "verdict", "words"),
    [
        (NEW, PASS, "current names"),
        ((*NEW[:2], "vllm:gpu_cache_usage_perc"), PASS, "older release"),
        ((*NEW, "vllm:gpu_cache_usage_perc"), FAIL, "exist together"),
        ((*NEW, "ray_vllm_num_requests_running", "ray_vllm_num_requests_waiting"), FAIL, "twice"),
        (("vllm:engine_running", "vllm:num_requests_waiting"), FAIL, "num_requests_running"),
        (("ray_llm_requests_running",), PASS, "no vLLM"),
        (("node_load1",), UNKNOWN, "another engine"),
    ],
)
def test_metric_names(names: tuple[str, ...], verdict: Verdict, words: str, drill: Incident) -> None:
    finding = look("metric-names", drill, exposition(names))
    assert finding.verdict is verdict and words in finding.saw


@pytest.mark.parametrize(
    ("origin", "verdict", "words"),
    [
        (Origin.MEASURED, PASS, "vllm:num_requests_waiting"),
        (Origin.UNKNOWN_NAME, FAIL, "queue_length of replica-1 (vllm:num_requests_waiting)"),
        (Origin.NOT_COMPARABLE, FAIL, "two releases"),
    ],
)
def test_metric_names_of_a_saved_incident(origin: Origin, verdict: Verdict, words: str, drill: Incident) -> None:
    told = Builder()
    for pod in of_incident(drill, "").serving:
        state = origin if pod == "replica-1" else Origin.MEASURED
        told.add(pod, "queue_length", state, metrics=("vllm:num_requests_waiting",))
        told.add(pod, "kv_usage", Origin.MEASURED, metrics=("vllm:kv_cache_usage_perc",))
    finding = look("metric-names", dataclasses.replace(drill, provenance=told.build()))
    assert finding.verdict is verdict and words in finding.saw
    assert look("metric-names", drill).verdict is UNKNOWN


def test_one_engine_that_lacks_a_quantity_is_one_release(drill: Incident) -> None:
    """llama.cpp tells the time per output token, and no pod of it the time between tokens."""
    told = Builder()
    for pod in of_incident(drill, "").serving:
        told.add(pod, "inter_token_p90", Origin.NOT_COMPARABLE, reason="it has tpot_p90 instead")
        told.add(pod, "queue_length", Origin.MEASURED, metrics=("vllm:num_requests_waiting",))
    assert look("metric-names", dataclasses.replace(drill, provenance=told.build())).verdict is PASS


def test_a_gauge_under_rate_is_found(drill: Incident) -> None:
    types = {"pod_cpu_usage_seconds": "counter", "pod_memory_working_set_bytes": "gauge"}
    assert look("metric-types", drill, exposition(types=types)).verdict is PASS
    slip = Query("memory_working_set", "rate(pod_memory_working_set_bytes{}[5s])", ("component",))
    wrong = dataclasses.replace(exposition(types=types), queries=(slip,))
    finding = look("metric-types", drill, wrong)
    assert finding.verdict is FAIL and "pod_memory_working_set_bytes" in finding.saw
    assert look("metric-types", drill, exposition()).verdict is UNKNOWN


@pytest.mark.parametrize(("interval", "window", "verdict"), [(1.0, 10.0, PASS), (30.0, 10.0, FAIL), (5.0, 300.0, FAIL)])
def test_scrapes_and_windows(interval: float, window: float, verdict: Verdict, drill: Incident) -> None:
    assert look("resolution", drill, exposition(interval=interval, window=window)).verdict is verdict


def test_values_that_stand_still_between_scrapes_are_noticed(drill: Incident) -> None:
    coarse = drill.telemetry.metrics.iloc[::15].reindex(drill.telemetry.metrics.index, method="ffill")
    finding = look("resolution", with_metrics(drill, coarse))
    assert finding.verdict is FAIL and "a new value every 14" in finding.saw


def test_a_head_that_serves_nobody_is_apart(drill: Incident) -> None:
    topology = drill.topology
    edges = tuple(e for e in topology.edges if e.target != "head")
    apart = dataclasses.replace(drill, topology=dataclasses.replace(topology, edges=edges))
    assert look("head-apart", drill).verdict is FAIL
    assert look("head-apart", apart).verdict is PASS
    unseen = dataclasses.replace(drill, topology=dataclasses.replace(topology, edges=()))
    assert look("head-apart", unseen).verdict is UNKNOWN


def test_what_only_requests_make_is_not_known_missing_while_none_come(drill: Incident) -> None:
    metrics = drill.telemetry.metrics.copy()
    rates = [column for column in metrics.columns if column[1] == "request_rate"]
    asked = tuple(column for column in metrics.columns if str(column[1]).endswith(("_p50", "_p90", "_ratio")))
    metrics[rates] = 0.0
    seen = dataclasses.replace(
        drill.telemetry,
        metrics=metrics.drop(columns=list(asked)),
        edge_metrics=drill.telemetry.edge_metrics.iloc[:, :0],
        spans=empty_spans(),
        logs=drill.telemetry.logs[drill.telemetry.logs["component"] == "head"],
    )
    idle = dataclasses.replace(drill, telemetry=seen)
    for name in ("engine-per-replica", "phases", "edge-latency", "hygiene", "logs-per-replica"):
        assert look(name, idle).verdict is UNKNOWN, name
    unasked = with_metrics(idle, seen.metrics.drop(columns=rates))  # nor is it known then that none came
    for name in ("engine-per-replica", "phases", "edge-latency", "hygiene"):
        assert look(name, unasked).verdict is FAIL, name


def test_missing_limits_hide_only_what_they_tell(drill: Incident) -> None:
    finding = look("limits", drill)
    assert finding.verdict is FAIL and finding.blind == ()
    fewer = removals.without(("cpu_throttled",), removals.serving)(drill)
    assert look("limits", fewer).blind == ("cpu-throttle",)


# -- GPUs -------------------------------------------------------------------------------------------------------------

GPU_SIGNALS = {
    "gpu_utilization": 0.9, "gpu_throttle_power": 0.4, "gpu_throttle_thermal": 0.0, "gpu_power_limit": 300.0,
    "gpu_sm_clock": 1.4e9, "gpu_dram_active": 0.5, "gpu_tensor_active": 0.3, "gpu_xid_errors": 0.0,
}  # fmt: skip
GPU_CHECKS = ("gpu-to-pod", "gpu-throttling", "violation-units", "gpu-xid", "gpu-work")


def on_gpus(lacking: str = "", used: bool = True, **levels: float) -> Incident:
    """A replica on a GPU of a node whose kernel log is kept."""
    values = {**GPU_SIGNALS, **levels}
    times = pd.Index(np.arange(60.0), name="time", dtype="float64")
    metrics = pd.DataFrame({("gpu-0", s): np.full(60, v) for s, v in values.items() if s != lacking}, index=times)
    metrics.columns = pd.MultiIndex.from_tuples(list(metrics.columns), names=["component", "signal"])
    logs = pd.DataFrame({"time": [1.0], "component": ["node"], "severity": ["INFO"], "message": ["kernel: up"]})
    parts = (Component("gateway", Kind.GATEWAY), Component("replica-0", Kind.REPLICA), Component("gpu-0", Kind.GPU),
             Component("node", Kind.NODE))  # fmt: skip
    edges = calls("gateway", ["replica-0"]) + ((Edge("replica-0", "gpu-0", Relation.USES),) if used else ())
    edges += (Edge("gpu-0", "node", Relation.RUNS_ON),)
    seen = Telemetry(metrics, spans=empty_spans(), logs=logs.astype(empty_logs().dtypes.to_dict()))
    return Incident("g", "kubernetes", Window(0, 60), Topology(parts, edges, "gateway"), seen)


@pytest.mark.parametrize("name", GPU_CHECKS)
def test_gpus_that_tell_all_pass_and_none_at_all_is_not_known(name: str, drill: Incident) -> None:
    finding = look(name, on_gpus())
    assert finding.verdict is PASS, finding.saw
    assert look(name, drill).verdict is UNKNOWN


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        ("gpu-to-pod", "gpu_utilization"),
        ("gpu-throttling", "gpu_power_limit"),
        ("gpu-xid", "gpu_xid_errors"),
        ("gpu-work", "gpu_dram_active"),
    ],
)
def test_gpus_that_lack_a_signal_fail(name: str, lacking: str) -> None:
    assert look(name, on_gpus(lacking)).verdict is FAIL


def test_kernel_logs_count_for_the_gpus_of_their_node_alone() -> None:
    known = on_gpus()
    topology = dataclasses.replace(known.topology, components=(*known.topology.components, Component("far", Kind.NODE)))
    elsewhere = known.telemetry.logs.assign(component="far")
    for logs, verdict in ((elsewhere, UNKNOWN), (elsewhere.iloc[:0], UNKNOWN), (known.telemetry.logs, PASS)):
        seen = dataclasses.replace(known.telemetry, logs=logs)
        assert look("gpu-xid", dataclasses.replace(known, topology=topology, telemetry=seen)).verdict is verdict


def test_a_gpu_that_no_pod_uses_fails() -> None:
    assert look("gpu-to-pod", on_gpus(used=False)).verdict is FAIL


@pytest.mark.parametrize(("share", "verdict"), [(400.0, FAIL), (4e-4, FAIL), (0.0, UNKNOWN), (1.0, PASS)])
def test_units_of_violations(share: float, verdict: Verdict) -> None:
    assert look("violation-units", on_gpus(gpu_throttle_power=share)).verdict is verdict
