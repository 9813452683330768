"""What real stacks call things, spelled exactly as they do: each is measured, or says why not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from fleets import NAMESPACE, PODS, WORKER_PODS, A, B, C, Fleet, build, samples, value
from prometheus_data import level, steady

from cluster.kubernetes.engines import with_engines
from cluster.kubernetes.stack import Stack
from cluster.prometheus.names import Environment, spellings
from cluster.prometheus.nearest import nearest
from cluster.prometheus.promql import Source, resolve
from cluster.prometheus.variants import spelled
from cluster.provenance import Origin
from cluster.topology import Edge, Kind, Relation

ALL = spellings(Environment.KUBERNETES)
ROUTED = "vllm:request_latency_seconds"


@pytest.fixture(scope="module")
def stack() -> Stack:
    return build()


@pytest.fixture
def read(tmp_path: Path, stack: Stack) -> object:
    """Reads a fleet's series."""
    return lambda fleet, signals=None, stack=stack: samples(tmp_path, fleet, stack, signals)


def test_1_2_5_a_fleet_in_the_middle_of_an_upgrade_of_vllm(read) -> None:
    fleet = Fleet()
    for component in (A, B):
        fleet.up(component)
    fleet.gauge(A, "vllm:gpu_cache_usage_perc", 0.2, engine="0", model_name="m")
    fleet.gauge(B, "vllm:kv_cache_usage_perc", 0.4, engine="0", model_name="m")
    fleet.times(A, "vllm:time_per_output_token_seconds", 0.1)
    fleet.times(B, "vllm:time_per_output_token_seconds", 0.4)
    fleet.times(B, "vllm:inter_token_latency_seconds", 0.4)
    fleet.times(B, "vllm:request_time_per_output_token_seconds", 0.1)
    found = read(fleet)
    assert (value(found, A, "kv_usage"), value(found, B, "kv_usage")) == (0.2, 0.4)
    assert value(found, B, "inter_token_p90") == pytest.approx(4 * value(found, A, "inter_token_p90"))
    assert value(found, B, "tpot_p90") == pytest.approx(0.08)
    assert found.metrics[A, "tpot_p90"].isna().all()
    old = found.provenance.of(A, "tpot_p90")
    assert old.origin is Origin.NOT_COMPARABLE and "inter_token_p90" in old.reason
    assert found.provenance.of(A, "kv_usage").metrics == ("vllm:gpu_cache_usage_perc",)
    # Absent is "not on", never 0.
    assert found.provenance.origin(A, "preemption_rate") is Origin.NOT_EXPORTED
    assert (A, "preemption_rate") not in found.metrics or found.metrics[A, "preemption_rate"].isna().all()


@pytest.mark.parametrize(("prefix", "label"), [("vllm:", "engine"), ("ray_vllm_", "engine"), ("sglang:", "dp_rank")])
def test_3_the_starving_engine_of_a_pod_is_a_component(read, stack: Stack, prefix: str, label: str) -> None:
    names = ("num_queue_reqs", "num_running_reqs") if "sglang" in prefix else (
        "num_requests_waiting", "num_requests_running")  # fmt: skip
    fleet = Fleet()
    for rank, waiting in (("0", 0.0), ("1", 40.0)):
        fleet.gauge(A, prefix + names[0], waiting, **{label: rank}, model_name="m")
        fleet.gauge(A, prefix + names[1], 4.0, **{label: rank}, model_name="m")
    fleet.gauge(B, prefix + names[0], 1.0, **{label: "0"}, model_name="m")
    fleet.gauge(B, prefix + names[1], 4.0, **{label: "0"}, model_name="m")
    found = read(fleet)
    assert value(found, f"{A}-engine-1", "queue_length") == 40.0
    assert value(found, f"{A}-engine-0", "queue_length") == 0.0
    assert value(found, A, "queue_length") == 40.0
    assert f"{B}-engine-0" not in found.metrics.columns.get_level_values("component")
    with_both = with_engines(stack, {PODS[A]: ("0", "1")}).topology
    assert Edge(f"{A}-engine-1", A, Relation.PART_OF) in with_both.edges
    assert with_both.component(f"{A}-engine-1").kind is Kind.ENGINE
    assert with_both.peers(f"{A}-engine-1") == (f"{A}-engine-0",)


def test_3_the_gauge_of_waiting_requests_alone_tells_the_engines(read) -> None:
    fleet = Fleet()
    for rank, waiting in (("0", 0.0), ("1", 40.0)):
        fleet.gauge(A, "vllm:num_requests_waiting", waiting, engine=rank, model_name="m")
    found = read(fleet)
    assert value(found, f"{A}-engine-1", "queue_length") == 40.0
    assert value(found, f"{A}-engine-0", "queue_length") == 0.0


def test_4_13_counters_with_and_without_total_and_created_beside_them(read) -> None:
    fleet = Fleet()
    fleet.count(A, "vllm:num_preemptions_total", 0.5, model_name="m")
    fleet.count(B, "vllm:num_preemptions", 0.25, model_name="m")
    fleet.gauge(A, "vllm:num_preemptions_created", 1.7e9, model_name="m")
    serve = {"application": "default", "deployment": "OpenAiIngress", "replica": "qq7rz5ag"}
    fleet.count(C, "ray_serve_deployment_request_counter", 3.0, **serve, route="/v1/chat/completions")
    found = read(fleet)
    assert value(found, A, "preemption_rate") == pytest.approx(0.5)
    assert value(found, B, "preemption_rate") == pytest.approx(0.25)
    assert value(found, C, "request_rate") == pytest.approx(3.0)


def test_6_a_failed_scrape_of_a_pod_is_told(read) -> None:
    fleet = Fleet()
    fleet.up(A, 0.0)
    fleet.up(B)
    fleet.gauge(B, "vllm:num_requests_waiting", 2.0)
    found = read(fleet, ["queue_length"])
    assert found.provenance.origin(B, "queue_length") is Origin.MEASURED
    assert found.provenance.origin(A, "queue_length") in (Origin.STALE, Origin.NOT_EXPORTED)


def test_7_to_12_engines_under_escaped_and_prefixed_names_in_one_fleet(read) -> None:
    fleet = Fleet()
    fleet.gauge(A, "vllm_num_requests_running", 1.0)
    fleet.times(A, "sglang_time_to_first_token_seconds")
    fleet.gauge(B, "kserve_vllm:num_requests_running", 2.0)
    for reason, rate in (("stop", 1.5), ("abort", 0.5)):
        fleet.count(B, "kserve_vllm:request_success_total", rate, finished_reason=reason)
    for rank in ("0", "1"):
        ranks = {"model_name": "m", "engine_type": "unified", "tp_rank": rank, "pp_rank": "0", "moe_ep_rank": "0"}
        fleet.gauge(C, "sglang:num_running_reqs", 3.0, **ranks)
        for priority, waiting in (("", 5.0), ("1", 2.0), ("2", 3.0)):
            fleet.gauge(C, "sglang:num_queue_reqs", waiting, **ranks, priority=priority)
        fleet.gauge(C, "sglang:token_usage", 0.28, **ranks)
    fleet.times(C, "sglang:e2e_request_latency_seconds")
    fleet.gauge("ray-head", "ray_vllm_num_requests_running", 4.0, ReplicaId="r")
    fleet.gauge("ray-head", "ray_vllm:num_requests_waiting", 6.0, WorkerId="w")
    found = read(fleet)
    running = [value(found, c, "running_requests") for c in (A, B, C, "ray-head")]
    assert running == [1.0, 2.0, 3.0, 4.0]
    assert value(found, A, "ttft_p90") == pytest.approx(0.8)
    assert (value(found, B, "request_rate"), value(found, B, "abort_rate")) == pytest.approx((2.0, 0.5))
    assert (value(found, C, "queue_length"), value(found, C, "kv_usage")) == (5.0, 0.28)
    assert value(found, "ray-head", "queue_length") == 6.0
    assert found.provenance.of(B, "running_requests").metrics == ("kserve_vllm:num_requests_running",)


def test_10_11_text_generation_inference_and_tensorrt_llm(read) -> None:
    fleet = Fleet()
    fleet.gauge(A, "tgi_queue_size", 3.0)
    fleet.gauge(A, "tgi_batch_current_size", 8.0)
    fleet.times(A, "tgi_request_duration")
    fleet.count(A, "tgi_request_count", 2.0)
    for kind, number in (("waiting", 3), ("context", 1), ("scheduled", 6), ("max", 64), ("active", 9)):
        fleet.gauge(B, "nv_trt_llm_request_metrics", number, request_type=kind, model="tensorrt_llm", version="1")
    for kind, share in (("fraction", 0.41), ("used", 410), ("max", 1000)):
        fleet.gauge(B, "nv_trt_llm_kv_cache_block_metrics", share, kv_cache_block_type=kind)
    fleet.gauge(C, "trtllm_num_requests_waiting", 7.0)
    fleet.gauge(C, "trtllm_num_requests_running", 2.0)
    fleet.gauge(C, "trtllm_kv_cache_utilization", 0.5)
    found = read(fleet)
    assert [value(found, c, "queue_length") for c in (A, B, C)] == [3.0, 3.0, 7.0]
    assert [value(found, c, "running_requests") for c in (A, B, C)] == [8.0, 6.0, 2.0]
    assert (value(found, A, "latency_p90"), value(found, A, "request_rate")) == pytest.approx((0.8, 2.0))
    assert (value(found, B, "kv_usage"), value(found, C, "kv_usage")) == (0.41, 0.5)


def test_14_17_proposed_names_of_ray_serve_and_every_name_of_the_endpoint_picker(read) -> None:
    fleet = Fleet()
    fleet.gauge(A, "ray_serve_replica_num_ongoing_requests", 5.0, replica="r")
    fleet.gauge(B, "ray_serve_replica_processing_queries", 6.0, replica="s")
    fleet.gauge(A, "ray_serve_router_num_queued_requests", 2.0)
    fleet.gauge(B, "ray_serve_deployment_queued_queries", 3.0)
    fleet.count("gateway", "llm_d_epp_request_total", 9.0)
    for pod, size in ((WORKER_PODS[0], 4.0), (WORKER_PODS[1], 0.0)):
        fleet.gauge("gateway", "inference_pool_per_pod_queue_size", size, model_server_pod=pod, name="pool")
    found = read(fleet)
    assert (value(found, A, "running_requests"), value(found, B, "running_requests")) == (5.0, 6.0)
    assert (value(found, A, "router_queue"), value(found, B, "router_queue")) == (2.0, 3.0)
    assert value(found, "gateway", "request_rate") == pytest.approx(9.0)
    assert (value(found, A, "queue_length"), value(found, B, "queue_length")) == (4.0, 0.0)
    for name in ("inference_model_request_total", "inference_objective_request_total", "llm_d_epp_request_total"):
        assert "request_rate" in {query.signal for query in resolve(None, Source(ALL), {name})[0]}


def dcgm(fleet: Fleet, metric: str, value: float, labels: Mapping[str, str], counter: bool = False) -> None:
    fleet.add(metric, dict(labels), steady(value) if counter else level(value))


def test_18_19_gpus_by_every_label_that_tells_their_holder(read) -> None:
    fleet = Fleet()
    exporter = {"pod": "dcgm-exporter-x2k", "namespace": "monitoring"}
    renamed = exporter | {"exported_pod": WORKER_PODS[0], "exported_namespace": NAMESPACE}
    dcgm(fleet, "DCGM_FI_DEV_GPU_UTIL", 60.0, {"Hostname": "gpu-node-b", "gpu": "0", **renamed})
    # MIG: lower case and no pod. Old exporters: an empty pod. The machine has one GPU of the deployment.
    mig = {"gpu": "1", "UUID": "u", "GPU_I_PROFILE": "4g.40gb", "GPU_I_ID": "1", "Hostname": "gpu-node-c"}
    dcgm(fleet, "dcgm_fi_prof_gr_engine_active", 0.7, mig)
    dcgm(fleet, "DCGM_FI_DEV_GPU_UTIL", 30.0, {"gpu": "0", "Hostname": "gpu-node-d", "pod": "", "namespace": ""})
    for mask, host in ((0x4, "gpu-node-b"), (0x20 | 0x40, "gpu-node-c"), (0x1, "gpu-node-d")):
        metric = "DCGM_FI_DEV_CLOCKS_EVENT_REASONS" if host != "gpu-node-c" else "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS"
        dcgm(fleet, metric, float(mask), {"gpu": "0", "Hostname": host, **exporter})
    found = read(fleet)
    assert value(found, f"{A}-gpu-0", "gpu_utilization") == pytest.approx(0.6)
    assert value(found, f"{C}-gpu-0", "gpu_utilization") == pytest.approx(0.3)
    shares = [(value(found, f"{c}-gpu-0", "gpu_throttle_power"), value(found, f"{c}-gpu-0", "gpu_throttle_thermal"))
              for c in (A, C)]  # fmt: skip
    assert shares == [(1.0, 0.0), (0.0, 0.0)]


def test_18_mig_alone_in_lower_case_is_found_by_its_machine(read) -> None:
    fleet = Fleet()
    mig = {"gpu": "1", "UUID": "u", "GPU_I_PROFILE": "4g.40gb", "GPU_I_ID": "1", "Hostname": "gpu-node-c"}
    dcgm(fleet, "dcgm_fi_prof_gr_engine_active", 0.7, mig)
    assert value(read(fleet), f"{B}-gpu-0", "gpu_utilization") == pytest.approx(0.7)


@pytest.mark.parametrize("resource", ["nvidia.com/gpu", "nvidia.com/gpu.shared"])
@pytest.mark.parametrize("named", [f"exported_{WORKER_PODS[1]}", "", "all"])
def test_18_a_time_sliced_gpu_has_one_value_for_all_pods_that_share_it(read, named: str, resource: str) -> None:
    fleet = Fleet()
    exporter = {"Hostname": "gpu-node-b", "gpu": "0", "pod": "dcgm-exporter-x2k", "namespace": "monitoring"}
    held = [one for one in WORKER_PODS if named in ("all", f"exported_{one}")]
    for number, pod in enumerate(held):
        own = {"exported_pod": pod, "exported_namespace": NAMESPACE, "vgpu": str(number)}
        dcgm(fleet, "DCGM_FI_DEV_GPU_UTIL", 80.0, exporter | own)
    if not held:
        dcgm(fleet, "DCGM_FI_DEV_GPU_UTIL", 80.0, exporter)
    found = read(fleet, ["gpu_utilization"], build("gpu-node-b", resource))
    assert [value(found, f"{one}-gpu-0", "gpu_utilization") for one in (A, B, C)] == pytest.approx([0.8] * 3)
    assert any("time-slicing" in note for note in found.notes) is (named != "all")


def test_18_a_gpu_that_is_gone_has_no_value_of_its_neighbour(read) -> None:
    dcgm(fleet := Fleet(), "DCGM_FI_DEV_GPU_UTIL", 80.0, fleet.of(A) | {"Hostname": "gpu-node-b", "gpu": "0"})
    found = read(fleet, ["gpu_utilization"], build("gpu-node-b", count="3"))
    origins = [found.provenance.origin(f"{one}-gpu-0", "gpu_utilization") for one in (A, B, C)]
    assert origins == [Origin.MEASURED, Origin.NOT_EXPORTED, Origin.NOT_EXPORTED]


def test_18_two_gpus_in_slices_are_not_guessed_at(read) -> None:
    fleet = Fleet()
    for number, pod in enumerate(WORKER_PODS[:2]):
        labels = {"Hostname": "gpu-node-b", "gpu": str(number), "pod": pod, "namespace": NAMESPACE}
        dcgm(fleet, "DCGM_FI_DEV_GPU_UTIL", 80.0 - number, labels)
    found = read(fleet, ["gpu_utilization"], build("gpu-node-b"))
    assert value(found, f"{B}-gpu-0", "gpu_utilization") == pytest.approx(0.79)
    assert found.provenance.origin(f"{C}-gpu-0", "gpu_utilization") is Origin.NOT_EXPORTED


@pytest.mark.parametrize("name", ["gpu_gfx_activity", "amd_gpu_gfx_activity", "GPU_GFX_ACTIVITY"])
def test_20_amd(read, name: str) -> None:
    fleet = Fleet()
    labels = {"gpu_id": "2", "gpu_partition_id": "0", "gpu_uuid": "u", "hostname": "gpu-node-b", "container": ""}
    dcgm(fleet, name, 71.0, labels | {"card_model": "0x74a1"})
    assert value(read(fleet), f"{A}-gpu-0", "gpu_utilization") == pytest.approx(0.71)


def test_21_cadvisor_counts_containers_once(read) -> None:
    fleet = Fleet()
    for labels, cores in (
        ({"id": "/"}, 90.0),
        ({"id": "/kubepods.slice"}, 80.0),
        ({"namespace": NAMESPACE, "pod": PODS[A], "container": "", "id": "/kubepods/a"}, 2.2),
        ({"namespace": NAMESPACE, "pod": PODS[A], "container": "POD", "id": "/kubepods/a/p"}, 0.1),
        ({"namespace": NAMESPACE, "pod": PODS[A], "container": "ray", "id": "/kubepods/a/r"}, 2.0),
        ({"namespace": NAMESPACE, "pod": PODS[A], "container": "fluent-bit", "id": "/kubepods/a/f"}, 0.2),
    ):
        fleet.add("container_cpu_usage_seconds_total", labels, steady(cores))
    link = {"namespace": NAMESPACE, "pod": PODS[A], "interface": "eth0", "id": "/kubepods/a"}
    fleet.add("container_network_receive_bytes_total", link, steady(5000.0))
    found = read(fleet)
    assert value(found, A, "cpu_usage") == pytest.approx(2.2)
    assert value(found, A, "network_receive") == pytest.approx(5000.0)


def test_22_a_native_histogram_has_no_le() -> None:
    names = {"vllm:time_to_first_token_seconds", "vllm:num_requests_running"}
    source = Source(ALL, component="pod", quantile_window=60.0)
    (query,), _ = resolve(["ttft_p90"], source, names)
    assert query.expr == ("histogram_quantile(0.9, sum by (pod) (rate(vllm:time_to_first_token_seconds{}[60000ms])))")
    # A summary has the same name, with a sum and a count beside it: its quantiles cannot be added up.
    summary = names | {"vllm:time_to_first_token_seconds_sum", "vllm:time_to_first_token_seconds_count"}
    assert resolve(["ttft_p90"], source, summary)[0] == []
    # Its sum and its count are within as well; a counter that ends like one is none.
    (tokens,), _ = resolve(["token_rate"], source, {"tgi_request_generated_tokens"})
    assert tokens.expr == "sum by (pod) (histogram_sum(rate(tgi_request_generated_tokens{}[5000ms])))"
    (sent,), _ = resolve(["request_rate"], replace(source, kinds=frozenset({Kind.GATEWAY})), {ROUTED})
    assert sent.expr == f"sum by (pod) (histogram_count(rate({ROUTED}{{}}[5000ms])))"
    (asked,), _ = resolve(["request_rate"], source, {"tgi_request_count"})
    assert asked.expr == "sum by (pod) (rate(tgi_request_count{}[5000ms]))"
    # Copies of one are averaged: PromQL has no largest of two histograms.
    (copied,), _ = resolve(["ttft_p90"], replace(source, duplicates="replica"), names)
    assert "avg without (replica) (rate(" in copied.expr
    # In the middle of the change, one pod has buckets and another a native histogram.
    (both,), _ = resolve(["ttft_p90"], source, names | {"vllm:time_to_first_token_seconds_bucket"})
    assert "_bucket{" in both.expr and " or (" in both.expr


@pytest.mark.parametrize("scrape", [1.0, 15.0, 60.0])
def test_23_a_left_open_range_holds_two_samples_and_no_query_names_a_bucket(scrape: float) -> None:
    for table in ALL:
        queries, _ = resolve(None, Source((table,), carries_ids=False, scrape=scrape))
        for query in queries:
            assert all(float(ms) >= 2500 * scrape for ms in re.findall(r"\[(\d+)ms\]", query.expr)), query.expr
            # `le` is "1" in one release and "1.0" in the next.
            assert not re.search(r"\ble ?[=!]", query.expr), query.expr


@pytest.mark.parametrize("label", ["replica", "prometheus_replica"])
def test_24_copies_of_a_store_that_does_not_merge_are_counted_once(read, label: str) -> None:
    fleet = Fleet()
    for copy in ("a", "b"):
        fleet.up(A, **{label: copy})
        fleet.gauge(A, "vllm:num_requests_waiting", 4.0, **{label: copy})
        fleet.count(A, "vllm:generation_tokens_total", 100.0, **{label: copy})
    found = read(fleet, ["queue_length", "token_rate"])
    assert (value(found, A, "queue_length"), value(found, A, "token_rate")) == pytest.approx((4.0, 100.0))


def test_27_opentelemetrys_metrics_of_a_server(read) -> None:
    fleet = Fleet()
    for name in ("time_to_first_token", "time_per_output_token", "request_duration"):
        fleet.times(A, f"gen_ai_server_{name}_seconds", gen_ai_request_model="m")
    found = read(fleet)
    for signal in ("ttft_p90", "tpot_p90", "latency_p90"):
        assert value(found, A, signal) == pytest.approx(0.8)


def test_a_name_that_no_table_knows_is_told_with_the_nearest_first(read) -> None:
    fleet = Fleet()
    fleet.gauge(A, "vllm:num_waiting_requests", 3.0)
    fleet.gauge(A, "acme_kv_cache_usage", 0.4)
    fleet.gauge(A, "python_info", 1.0)
    fleet.gauge(B, "vllm:num_requests_waiting", 1.0)
    found = read(fleet)
    waiting = found.provenance.of(A, "queue_length")
    assert waiting.origin is Origin.UNKNOWN_NAME and waiting.metrics[0] == "vllm:num_waiting_requests"
    assert found.provenance.of(A, "kv_usage").metrics[0] == "acme_kv_cache_usage"
    assert found.provenance.origin(A, "gcs_memory") is None  # a replica does not carry it
    assert found.provenance.origin(B, "kv_usage") is Origin.NOT_EXPORTED


def test_names_that_have_nothing_to_do_with_a_signal_are_not_offered() -> None:
    names = frozenset({"python_gc_objects_collected_total", "process_cpu_seconds_total", "go_goroutines", "up"})
    assert nearest("queue_length", names) == nearest("ttft_p90", names) == ()
    assert spelled(ALL, names) == ()
