from __future__ import annotations

import numpy as np
import pytest
from prometheus_data import PODS, SECONDS, T0, TURN, per_second

from cluster.prometheus import promql, variants
from cluster.prometheus.client import Answer, Prometheus
from cluster.prometheus.names import Environment, local, spellings, vllm
from cluster.prometheus.promql import Query, Source, Spelling
from cluster.topology import Kind
from cluster.window import Window

WINDOW = Window(T0, T0 + SECONDS)
BUSY, QUIET = TURN - 10, TURN + 40  # replica-1 is gone and replica-2 idle at the second
SPELLINGS = spellings(Environment.LOCAL)
LOCAL = local.SPELLINGS
_WAYS = ("vllm:", "ray_vllm:", "ray_vllm_")
VLLMS = variants.spelled(
    vllm.SPELLINGS, frozenset(way + m.removeprefix("vllm:") for way in _WAYS for m in vllm.SPELLINGS[0].metrics)
)
_REQUEST_TIMES = ("latency_p50", "latency_p90", "ttft_p50", "ttft_p90", "tpot_p50", "tpot_p90")


def ask(url: str, spelling: Spelling) -> tuple[list[Query], Answer]:
    queries, missing = promql.resolve(None, Source((spelling,)))
    assert not missing
    with Prometheus(url) as server:
        return queries, server.range(queries, WINDOW, 1.0)


@pytest.fixture(scope="module")
def values(prometheus_url: str) -> dict[str, dict[tuple[str, ...], np.ndarray]]:
    """Series of every spelling by `spelling/signal`, components and edges together."""
    found: dict[str, dict[tuple[str, ...], np.ndarray]] = {}
    for spelling in (*VLLMS, *SPELLINGS):
        queries, answer = ask(prometheus_url, spelling)
        assert answer.notes == ()
        for query, series in zip(queries, answer.series, strict=True):
            found.setdefault(f"{spelling.name}/{query.signal}", {}).update(series)
    return found


@pytest.mark.parametrize(
    ("key", "per_request"),
    [
        ("local/request_rate", 1.1),  # 1 ok and 0.1 errors
        ("local/error_rate", 0.1),
        ("local/token_rate", 16),
        ("local/cpu_usage", 0.1),
        ("local/network_receive", 1000),  # the data link alone
        ("local/network_transmit", 2000),
        *((f"{s.name}/{name}", factor) for s in VLLMS for name, factor in (
            ("request_rate", 1), ("error_rate", 0), ("abort_rate", 0.1), ("token_rate", 16), ("preemption_rate", 0.5)
        )),
        ("llamacpp:/token_rate", 16),
        ("ray_serve/request_rate", 1),
        ("ray_serve/error_rate", 0),
    ],
)  # fmt: skip
def test_rates_of_each_pod_and_no_request_is_zero(values: dict, key: str, per_request: float) -> None:
    for pod in PODS:
        assert values[key][pod,][BUSY] == pytest.approx(per_request * per_second(pod)), pod
    assert values[key]["replica-2",][QUIET] == 0
    assert np.isnan(values[key]["replica-1",][QUIET])


@pytest.mark.parametrize(
    "key",
    [f"local/{name}" for name in (*_REQUEST_TIMES, "queue_time_p90")]
    + [f"{s.name}/{n}" for s in VLLMS for n in ("latency_p50", "ttft_p90", "prefill_time_p90", "decode_time_p90")]
    + [f"ray_serve/{name}" for name in ("latency_p50", "latency_p90")],
)
def test_quantiles_in_seconds_and_no_request_is_a_gap(values: dict, key: str) -> None:
    expected = 0.4 if key.endswith("p50") else 0.8
    for pod in PODS:
        assert values[key][pod,][BUSY] == pytest.approx(expected), pod
    assert np.isnan(values[key]["replica-2",][QUIET])
    assert np.isnan(values[key]["replica-1",][QUIET])
    assert values[key]["head",][QUIET] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("local/queue_length", 2),
        ("local/running_requests", 5),
        ("local/kv_usage", 0.5),
        ("local/memory_working_set", 5e8),
        *((f"{s.name}/{name}", level) for s in VLLMS for name, level in (("queue_length", 2), ("running_requests", 3))),
        ("llamacpp:/queue_length", 2),
        ("llamacpp:/running_requests", 3),
        ("ray_serve/running_requests", 6),
    ],
)  # fmt: skip
def test_gauges_are_levels_and_end_with_their_pod(values: dict, key: str, expected: float) -> None:
    series = values[key]["replica-1",]
    assert series[BUSY] == expected
    # The server would repeat the last value for five minutes; two and a half scrapes are the most that we take.
    assert not np.isnan(series[TURN + 1])
    assert np.isnan(series[TURN + 2 :]).all()
    assert values[key]["head",][QUIET] == expected


def test_the_gateway_is_the_sum_of_its_calls_and_of_requests_that_reached_no_pod(values: dict) -> None:
    rate = values["local/request_rate"]
    calls = sum(per_second(pod) for pod in PODS)
    assert rate["gateway",][BUSY] == pytest.approx(calls + 2)
    for pod in PODS:
        assert rate["gateway", pod][BUSY] == pytest.approx(per_second(pod))
        assert values["local/latency_p90"]["gateway", pod][BUSY] == pytest.approx(0.8)
        assert values["local/connect_time_p90"]["gateway", pod][BUSY] == pytest.approx(0.008)
    assert ("gateway", "") not in rate
    assert values["local/error_ratio"]["gateway",][BUSY] == pytest.approx(calls / 4 / (calls + 2))
    assert values["local/timeout_rate"]["gateway",][BUSY] == pytest.approx(calls / 4)
    assert values["local/connections"]["gateway",][BUSY] == 9


def test_client_measurements_belong_to_the_front_door(values: dict) -> None:
    assert values["local/ttft_p90"]["gateway",][BUSY] == pytest.approx(0.8)
    assert values["local/tpot_p50"]["gateway",][BUSY] == pytest.approx(0.04)
    assert not any("client" in labels for series in values.values() for labels in series)


def test_the_machine(values: dict) -> None:
    assert values["node exporter/cpu_usage"]["node",][BUSY] == pytest.approx(0.75)
    assert values["node exporter/memory_used"]["node",][BUSY] == pytest.approx(4e9)


def test_a_zero_divisor_is_a_gap_and_not_zero(values: dict) -> None:
    throttled = values["local/cpu_throttled"]
    assert throttled["replica-0",][BUSY] == pytest.approx(0.4)
    assert np.isnan(throttled["replica-2",][QUIET])
    assert ("head",) not in throttled  # its counters never move
    assert values["local/slots_busy"]["replica-0",][BUSY] == pytest.approx(0.5)
    assert ("head",) not in values["local/slots_busy"]  # it has no slots


@pytest.mark.parametrize("spelling", VLLMS, ids=lambda s: s.name)
def test_renamed_metrics_are_found_under_either_name_and_the_new_one_wins(values: dict, spelling: Spelling) -> None:
    cache, between = values[f"{spelling.name}/kv_usage"], values[f"{spelling.name}/inter_token_p90"]
    assert cache["head",][BUSY] == 0.11  # old name only
    assert cache["replica-0",][BUSY] == 0.5  # new name only
    assert cache["replica-2",][BUSY] == 0.5  # both
    assert between["head",][BUSY] == pytest.approx(8.0)


@pytest.mark.parametrize("spelling", VLLMS, ids=lambda s: s.name)
def test_the_time_between_events_is_never_taken_for_the_time_per_token(values: dict, spelling: Spelling) -> None:
    token_time = values[f"{spelling.name}/tpot_p90"]
    assert token_time["replica-0",][BUSY] == token_time["replica-2",][BUSY] == pytest.approx(0.8)
    assert ("head",) not in token_time


def test_a_bad_time_of_one_pod_does_not_leak_into_another(values: dict) -> None:
    for key in ("local/latency_p90", "vllm:/ttft_p90"):
        assert values[key]["head",][QUIET] == pytest.approx(values[key]["head",][BUSY])


# Without a server.


def test_one_query_a_signal_for_all_pods() -> None:
    queries, _ = promql.resolve(["memory_working_set"], Source(SPELLINGS))
    assert [query.kinds for query in queries] == [frozenset({Kind.GATEWAY, Kind.HEAD, Kind.REPLICA, Kind.WORKER})]


def test_the_first_spelling_that_the_server_knows_wins() -> None:
    source = Source(SPELLINGS)
    names = {"vllm:num_requests_waiting", "llamacpp:requests_deferred", "llamacpp:requests_processing"}
    queries, missing = promql.resolve(["queue_length", "running_requests", "kv_usage"], source, names)
    assert [query.signal for query in queries] == ["queue_length", "running_requests"]
    assert "vllm:num_requests_waiting" in queries[0].expr
    assert "llamacpp:requests_processing" in queries[1].expr
    assert missing == ["kv_usage"]


def test_a_signal_that_only_edges_have_is_not_missing() -> None:
    queries, missing = promql.resolve(["connect_time_p90"], Source(LOCAL))
    assert [query.labels for query in queries] == [("component", "upstream")]
    assert not missing
    assert promql.resolve(["connect_time_p90"], Source(LOCAL), {"vllm:x"}) == ([], ["connect_time_p90"])


def test_labels_matchers_and_windows_of_the_source() -> None:
    source = Source(
        VLLMS[:1], component="pod", matchers='namespace="llm"', scrape=15, rate_window=60, quantile_window=90
    )
    (rate, gauge, quantile), _ = promql.resolve(["token_rate", "queue_length", "queue_time_p90"], source)
    assert rate.expr == 'sum by (pod) (rate(vllm:generation_tokens_total{namespace="llm"}[60000ms]))'
    assert gauge.expr == 'sum by (pod) (last_over_time(vllm:num_requests_waiting{namespace="llm"}[37500ms]))'
    assert '_bucket{namespace="llm"}[90000ms]' in quantile.expr
    assert rate.labels == ("pod",)


def test_between_samples_that_are_far_apart_nothing_is_left_out() -> None:
    source = Source(VLLMS[:1], rate_window=5, quantile_window=10)
    (rate, gauge, quantile), _ = promql.resolve(["token_rate", "queue_length", "queue_time_p90"], source.sampled(30.0))
    assert "[30000ms]" in rate.expr
    assert "[30000ms]" in quantile.expr
    assert "[2500ms]" in gauge.expr
    assert source.sampled(1.0) == source


def test_a_name_outside_the_vocabulary_is_refused() -> None:
    with pytest.raises(KeyError, match="no signal cpu"):
        promql.resolve(["cpu"], Source(SPELLINGS))
