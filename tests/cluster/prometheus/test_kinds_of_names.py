"""Kinds of names and labels beyond the facts: each series is measured under its unit, once, or told by its name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fleets import GATEWAY_POD, NAMESPACE, PODS, A, B, C, Fleet, build, samples, value
from prometheus_data import level, steady

from cluster.endpoints.reading import TABLES, telling
from cluster.kubernetes.stack import Stack
from cluster.prometheus.names import Environment, spellings
from cluster.prometheus.nearest import nearest
from cluster.prometheus.targets import duplicates_of, near_names
from cluster.prometheus.variants import spelled
from cluster.provenance import Origin, described
from cluster.text.metric_names import words
from cluster.topology import Kind

ALL = spellings(Environment.KUBERNETES)


@pytest.fixture(scope="module")
def stack() -> Stack:
    return build()


@pytest.fixture
def read(tmp_path: Path, stack: Stack) -> object:
    """Reads a fleet's series."""
    return lambda fleet: samples(tmp_path, fleet, stack)


def test_a_target_that_two_jobs_scrape_counts_once(read) -> None:
    fleet = Fleet()
    for component, jobs in ((A, ("podmonitor", "servicemonitor")), (B, ("podmonitor",))):
        for job in jobs:
            fleet.up(component, job=job, endpoint="http")
            fleet.gauge(component, "vllm:num_requests_waiting", 3.0, job=job, endpoint="http")
            fleet.count(component, "vllm:request_success_total", 2.0, job=job, endpoint="http", finished_reason="stop")
    # Two processes in one pod, each on a port of its own, are two.
    for port in ("8000", "8001"):
        fleet.up(C, instance=f"c:{port}")
        fleet.gauge(C, "vllm:num_requests_waiting", 3.0, instance=f"c:{port}")
    found = read(fleet)
    assert [value(found, one, "queue_length") for one in (A, B, C)] == [3.0, 3.0, 6.0]
    assert value(found, A, "request_rate") == value(found, B, "request_rate") == pytest.approx(2.0)
    assert "series that differ in job alone are copies of one target, and count once" in found.notes


@pytest.mark.parametrize(
    ("targets", "labels"),
    [
        ([{"instance": "a", "job": "x"}, {"instance": "b", "job": "y"}], ""),
        ([{"instance": "a", "job": "x"}, {"instance": "a", "job": "y", "endpoint": "http"}], "job, endpoint"),
        ([{"instance": "n", "job": "x", "metrics_path": p} for p in ("/metrics", "/metrics/cadvisor")], ""),
        ([{"job": "x"}, {"job": "y"}], ""),  # without an address nobody knows that they are one
        ([{"instance": "a", "replica": "0"}, {"instance": "a", "replica": "1"}], "replica"),
    ],
)
def test_copies_are_told_by_the_labels_in_which_they_differ(targets: list[dict[str, str]], labels: str) -> None:
    assert duplicates_of(targets) == labels


@pytest.mark.parametrize("labels", [("k8s_namespace_name", "k8s_pod_name"), ("kubernetes_namespace", "pod_name")])
def test_metrics_with_other_labels_for_the_pod_are_told(read, labels: tuple[str, str]) -> None:
    fleet = Fleet()
    fleet.up(A)
    for name in ("vllm:num_requests_waiting", "vllm:num_requests_running"):
        fleet.add(name, dict(zip(labels, (NAMESPACE, PODS[A]), strict=True)), level(3.0))
    found = read(fleet)
    (note,) = [note for note in found.notes if "but not with the labels" in note]
    assert note.startswith("vllm:num_requests_running and 1 more are on this server")
    assert f"namespace={NAMESPACE} and pod=NAME" in note and f"{labels[1]}={PODS[A]}" in note
    waiting = found.provenance.of(A, "queue_length")
    assert waiting.origin is Origin.NOT_EXPORTED
    assert described(waiting) == "not exported: the server has it of none of these components"


def test_a_deployment_that_is_measured_has_no_word_on_labels(read) -> None:
    fleet = Fleet()
    fleet.up(A)
    fleet.gauge(A, "vllm:num_requests_waiting", 3.0)
    assert not [note for note in read(fleet).notes if "labels" in note]


@pytest.mark.parametrize(
    ("metric", "label"),
    [
        ("inference_pool_per_pod_queue_size", "model_server_pod"),
        ("llm_d_epp_per_endpoint_queue_size", "model_server_endpoint"),
    ],
)
def test_the_ranks_that_a_picker_knows_are_added_up_by_pod(read, metric: str, label: str) -> None:
    fleet = Fleet()
    for component, queues in ((A, (1.0, 41.0)), (B, (2.0,))):
        for rank, queue in enumerate(queues):
            fleet.gauge("gateway", metric, queue, name="pool", **{label: f"{PODS[component]}-rank-{rank}"})
    fleet.gauge("gateway", metric, 5.0, name="pool", **{label: PODS[C]})
    found = read(fleet)
    assert [value(found, one, "queue_length") for one in (A, B, C)] == [42.0, 2.0, 5.0]
    assert not [note for note in found.notes if "no longer known" in note]


def test_gpus_of_an_exporter_that_no_table_knows_are_told(read) -> None:
    fleet = Fleet()
    fleet.add("habanalabs_utilization", {"namespace": "monitoring", "pod": "exporter-1"}, level(50.0))
    fleet.gauge(A, "vllm:num_requests_waiting", 3.0)
    told = read(fleet).provenance.of(f"{A}-gpu-0", "gpu_utilization")
    assert (told.origin, told.metrics) == (Origin.UNKNOWN_NAME, ("habanalabs_utilization",))


def test_whose_of_several_gpus_without_a_number_is_which_is_not_guessed(tmp_path: Path) -> None:
    fleet = Fleet()
    for uuid in ("a", "b", "c"):
        fleet.add("nvidia_smi_utilization_gpu_ratio", {"uuid": uuid, "instance": "gpu-node-b:9835"}, level(0.5))
    found = samples(tmp_path, fleet, build("gpu-node-b", count="3"))
    assert found.provenance.origin(f"{A}-gpu-0", "gpu_utilization") is Origin.NOT_EXPORTED
    assert [note for note in found.notes if "left out GPUs that no pod holds by their labels" in note]


def test_triton_counts_a_request_of_an_ensemble_once(read) -> None:
    fleet = Fleet()
    for model in ("ensemble", "preprocessing", "tensorrt_llm", "postprocessing"):
        fleet.count(A, "nv_inference_request_success", 2.0, model=model, version="1")
        fleet.count(A, "nv_inference_request_failure", 0.5, model=model, version="1", reason="OTHER")
        fleet.gauge(A, "nv_inference_pending_request_count", 3.0, model=model, version="1")
    found = read(fleet)
    assert value(found, A, "request_rate") == pytest.approx(2.5)
    assert value(found, A, "error_rate") == pytest.approx(0.5)
    assert value(found, A, "queue_length") == 3.0


def test_requests_of_a_decode_engine_that_wait_before_its_queue_wait(read) -> None:
    fleet = Fleet()
    for rank in ("0", "1"):  # ranks of tensor parallelism repeat their engine
        for name, number in (
            ("num_queue", 1.0),
            ("num_decode_prealloc_queue", 12.0),
            ("num_decode_transfer_queue", 3.0),
        ):
            fleet.gauge(A, f"sglang:{name}_reqs", number, tp_rank=rank)
            for priority in ("", "1"):  # with priorities on there is a series for each beside the total
                fleet.gauge(C, f"sglang:{name}_reqs", number, tp_rank=rank, priority=priority)
        fleet.gauge(B, "sglang:num_queue_reqs", 2.0, tp_rank=rank)
    found = read(fleet)
    assert [value(found, one, "queue_length") for one in (A, B, C)] == [16.0, 2.0, 16.0]


def test_a_gpu_that_either_reason_throttles_is_throttled(tmp_path: Path) -> None:
    fleet = Fleet()
    for gpu, reasons in (("0", {"HW": 0.0, "SW": 0.4}), ("1", {"HW": 0.7, "SW": 0.7}), ("2", {"SW": 0.2})):
        holder = {"gpu": gpu, "Hostname": "gpu-node-b", "exported_pod": PODS[(A, B, C)[int(gpu)]]}
        for reason, share in reasons.items():
            metric = f"DCGM_FI_DEV_CLOCKS_EVENT_REASON_{reason}_THERM_SLOWDOWN_NS"
            fleet.add(metric, {**holder, "exported_namespace": NAMESPACE}, steady(share * 1e9))
    found = samples(tmp_path, fleet, build("gpu-node-b"))
    shares = [value(found, f"{one}-gpu-0", "gpu_throttle_thermal") for one in (A, B, C)]
    assert shares == pytest.approx([0.4, 1.0, 0.2])


def test_units_that_opentelemetry_adds_to_a_name(read) -> None:
    fleet = Fleet()
    fleet.gauge(A, "vllm_kv_cache_usage_perc_ratio", 0.5)
    fleet.gauge(A, "vllm_num_requests_waiting_ratio", 4.0)
    fleet.times(A, "tgi_request_duration_seconds")
    found = read(fleet)
    assert (value(found, A, "kv_usage"), value(found, A, "queue_length")) == (0.5, 4.0)
    assert value(found, A, "latency_p90") == pytest.approx(0.8)
    names = frozenset({"vllm_kv_cache_usage_perc_ratio", "tgi_request_duration_seconds_bucket"})
    assert near_names(ALL, names) == frozenset()  # what is read is not offered as another's name


def test_a_recorded_series_is_not_taken_for_the_metric_and_is_told(read) -> None:
    fleet = Fleet()
    fleet.gauge(A, "vllm:num_requests_waiting:sum", 3.0)
    fleet.gauge(A, "pod:vllm_time_to_first_token_seconds:p90", 0.3)
    found = read(fleet)
    for signal, name in (
        ("queue_length", "vllm:num_requests_waiting:sum"),
        ("ttft_p90", "pod:vllm_time_to_first_token_seconds:p90"),
    ):
        told = found.provenance.of(A, signal)
        assert (told.origin, told.metrics[0]) == (Origin.UNKNOWN_NAME, name)


def test_what_a_pod_has_of_a_layer_that_is_not_read_is_told(read) -> None:
    fleet = Fleet()
    fleet.times(A, "vllm:e2e_request_latency_seconds")
    fleet.times(B, "ray_serve_deployment_processing_latency_ms", 1000)
    found = read(fleet)
    told = found.provenance.of(B, "latency_p90")
    assert told.origin is Origin.NOT_EXPORTED and "it has ray_serve_deployment_processing_latency_ms" in told.reason
    assert (B, "latency_p90") not in found.metrics or np.isnan(found.metrics[B, "latency_p90"]).all()


def test_a_gateway_of_ai_has_opentelemetrys_metrics_of_a_server(read) -> None:
    fleet = Fleet()
    fleet.times("gateway", "gen_ai_server_request_duration_seconds")
    fleet.times(A, "vllm:e2e_request_latency_seconds", 2.0)
    found = read(fleet)
    assert value(found, "gateway", "latency_p90") == pytest.approx(0.8)
    assert value(found, A, "latency_p90") == pytest.approx(1.6)


def test_what_a_gateway_measures_of_all_requests_comes_before_those_to_models(read) -> None:
    fleet = Fleet()
    fleet.times("gateway", "envoy_http_downstream_rq_time", 2000.0, envoy_http_conn_manager_prefix="http-10080")
    for name in ("request_duration", "time_to_first_token"):
        fleet.times("gateway", f"gen_ai_server_{name}_seconds")
    found = read(fleet)
    assert value(found, "gateway", "latency_p90") == pytest.approx(1.6)
    assert value(found, "gateway", "ttft_p90") == pytest.approx(0.8)


def test_a_histogram_of_milliseconds_is_not_read_from_one_of_seconds() -> None:
    names = frozenset({"envoy_http_downstream_rq_time_seconds_bucket", "kong_latency_seconds_bucket"})
    assert spelled(ALL, names) == ()


def test_errors_of_a_router_that_counts_answers_by_code(read) -> None:
    fleet = Fleet()
    for route, rate in (("/v1/chat/completions", 4.0), ("/health", 10.0)):
        fleet.count("gateway", "sgl_router_requests_total", rate, route=route, method="POST")
    for code, rate in (("200", 3.0), ("503", 1.0)):
        answer = {"route": "/v1/chat/completions", "method": "POST", "status_code": code}
        fleet.count("gateway", "sgl_router_responses_total", rate, **answer)
    found = read(fleet)
    assert value(found, "gateway", "request_rate") == pytest.approx(4.0)
    assert value(found, "gateway", "error_ratio") == pytest.approx(0.25)


def test_many_names_are_split_into_words_once_for_all_signals() -> None:
    names = frozenset(f"acme_seats_{n}" for n in range(20_000))
    before = words.cache_info().misses
    for signal in ("queue_length", "ttft_p90", "kv_usage"):
        assert nearest(signal, names) == ()
    assert words.cache_info().misses - before < 2 * len(names)


def test_what_engines_and_gateways_export_makes_no_target_a_gateway() -> None:
    names = frozenset({"gen_ai_server_request_duration_seconds_bucket", "nginx_connections_active", "node_cpu_x"})
    names |= {"dynamo_component_inflight_requests"}  # of routers and planners, too
    kinds = {kind: metrics & names for kind, metrics in telling(spelled(TABLES, names))}
    assert kinds[Kind.REPLICA] == {"gen_ai_server_request_duration_seconds_bucket"}
    assert kinds[Kind.GATEWAY] == {"nginx_connections_active"}


@pytest.mark.parametrize(
    ("signal", "name"),
    [
        ("queue_length", "atom:num_requests_waiting"),
        ("queue_length", "acme_queue_depth"),
        ("queue_length", "revision_queue_depth"),
        ("running_requests", "acme_inflight_requests"),
        ("kv_usage", "kv_cache_utilization"),
        ("ttft_p90", "acme_ttft_seconds"),
        ("ttft_p90", "first_token_latency_milliseconds"),
        ("tpot_p90", "acme_tpot"),
        ("error_rate", "litellm_proxy_failures_total"),
        ("latency_p90", "nv_inference_request_summary_us"),
        ("request_rate", "dynamo_frontend_http_requests_total"),
        ("gpu_temperature", "habanalabs_temperature_onchip"),
        ("gpu_memory_used", "ray_node_gpu_mem_used"),
    ],
)
def test_a_name_in_other_words_is_near(signal: str, name: str) -> None:
    assert name in near_names(ALL, frozenset({name}))
    assert nearest(signal, frozenset({name, "process_cpu_seconds_total"})) == (name,)


def test_the_runtime_of_a_server_is_near_to_no_signal() -> None:
    names = frozenset(
        [
            "go_gc_duration_seconds",
            "go_memstats_alloc_bytes",
            "process_resident_memory_bytes",
            "python_gc_collections_total",
            "promhttp_metric_handler_requests_total",
            "scrape_duration_seconds",
            "scrape_samples_scraped",
            "target_info",
            "up",
            "process_open_fds",
            "net_conntrack_dialer_conn_attempted_total",
        ]
    )
    assert near_names(ALL, names) == frozenset()


def test_a_gateways_series_of_probes_are_left_out(read) -> None:
    fleet = Fleet()
    for path, rate in (("/v1/chat/completions", 4.0), ("/health", 10.0)):
        about = {"path": path, "status_code": "200", "error_code": "", "pod": GATEWAY_POD}
        fleet.count("gateway", "smg_http_responses_total", rate, **about)
    assert value(read(fleet), "gateway", "request_rate") == pytest.approx(4.0)
