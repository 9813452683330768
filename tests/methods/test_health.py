"""Health against what was normal, on small deployments made for one rule each."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from calm import END, TOPOLOGY, frames, table

from cluster.topology import Component, Kind, Topology, calls
from methods.telemetry.health import look
from methods.telemetry.health_types import Health, Sort, State
from methods.telemetry.health_wording import as_json, marks, sentence


def judged(up=None, replaced=None, moment=END, **changed: float) -> dict[str, Health]:
    return {h.component: h for h in look(TOPOLOGY, *frames(**changed), moment, up, replaced)}


def test_a_calm_deployment_is_normal() -> None:
    assert {h.state for h in judged().values()} == {State.NORMAL}
    assert sentence(judged()["gateway"], END) == "as before"


def test_a_replica_that_ends_nothing_is_stalled_and_explains_its_caller() -> None:
    found = judged(replica_1__request_rate=0.0, gateway__connections=20.0, gateway__latency_p90=9.0)
    assert next(iter(found)) == "replica-1"
    assert sentence(found["replica-1"], END).startswith("stalled 19 s: no request ended, was 1 /s")
    assert found["gateway"].state is State.CHANGED
    assert sentence(found["gateway"], END).endswith("as its callees")


def test_no_request_to_serve_is_no_stall() -> None:
    idle = {f"replica_{i}__{s}": 0.0 for i in range(3) for s in ("request_rate", "running_requests")}
    found = judged(**idle, gateway__request_rate=0.0, gateway__connections=0.0)
    assert State.TROUBLE not in {h.state for h in found.values()}


def test_requests_after_a_time_with_hardly_any_are_no_uneven_share() -> None:
    """Most seconds had none, so that the usual load is 0 while there is a usual share."""
    metrics, edges = frames()
    for i in range(3):
        edges[("gateway", f"replica-{i}", "request_rate")] = np.where(edges.index % 5 == 0, float(i == 1), 0.0)
    edges.loc[100.0:, ("gateway", "replica-0", "request_rate")] = 5.0
    found = look(TOPOLOGY, metrics, edges, END)
    assert Sort.ROUTING not in {change.sort for health in found for change in health.changes}


def test_calls_that_only_end_in_errors_are_a_stall_where_the_component_says_nothing() -> None:
    metrics, edges = frames()
    metrics.loc[100.0:, "replica-2"] = np.nan
    for second, failed in ((0.0, 0.0), (100.0, 1.0)):
        edges.loc[second:, ("gateway", "replica-2", "error_rate")] = failed
    worst = look(TOPOLOGY, metrics, edges.sort_index(axis=1), END)[0]
    assert (worst.component, worst.changes[0].sort) == ("replica-2", Sort.STALL)


def test_telemetry_that_is_gone_is_a_state_of_its_own() -> None:
    metrics, edges = frames()
    metrics.loc[100.0:, "replica-2"] = np.nan
    worst = look(TOPOLOGY, metrics, edges, END)[0]
    assert (worst.component, worst.state) == ("replica-2", State.SILENT)
    assert sentence(worst, END) == "telemetry gone 20 s"


def test_busy_alone_is_a_change_and_busy_and_slow_is_trouble() -> None:
    assert judged(replica_0__cpu_usage=0.5)["replica-0"].state is State.CHANGED
    found = judged(replica_0__cpu_usage=0.5, replica_0__latency_p90=2.0)
    assert found["replica-0"].state is State.TROUBLE
    assert sentence(found["replica-0"], END) == "latency p90 2 s, was 400 ms; CPU 0.5 cores, was 0.3 cores"
    assert found["replica-0"].since == 100.0


def test_more_load_is_told_and_is_no_trouble() -> None:
    found = judged(gateway__request_rate=9.0)["gateway"]
    assert (found.state, sentence(found, END)) == (State.CHANGED, "load 9 /s, was 3 /s")


def test_what_slows_all_calls_alike_is_the_callers() -> None:
    slow = {f"gateway__replica_{i}__latency_p90": 3.0 for i in range(3)}
    found = judged(**slow, gateway__latency_p90=3.0)
    assert next(iter(found)) == "gateway"
    assert found["gateway"].state is State.TROUBLE
    assert found["replica-0"].state is State.NORMAL


def test_what_slows_one_call_is_the_callees() -> None:
    found = judged(gateway__replica_1__latency_p90=9.0, gateway__latency_p90=9.0)
    assert next(iter(found)) == "replica-1"
    assert sentence(found["replica-1"], END) == "calls to it: latency p90 9 s, was 450 ms"
    assert found["gateway"].severity == 0


def test_errors_that_only_the_caller_counts_are_said_to_be_of_calls() -> None:
    metrics, edges = frames()
    for second, failed in ((0.0, 0.0), (100.0, 2.0)):
        edges.loc[second:, ("gateway", "replica-1", "error_rate")] = failed
    worst = look(TOPOLOGY, metrics, edges.sort_index(axis=1), END)[0]
    assert (worst.component, worst.changes[0].caller) == ("replica-1", "gateway")
    assert sentence(worst, END).startswith("calls to it: errors 2 /s, was 0 /s")


def test_connecting_is_a_quantity_of_its_own_beside_the_latency_of_calls() -> None:
    metrics, edges = frames(gateway__replica_1__latency_p90=1.0)
    for i in range(3):
        edges[("gateway", f"replica-{i}", "connect_time_p90")] = 0.009
    edges.loc[100.0:, ("gateway", "replica-1", "connect_time_p90")] = 0.39
    worst = look(TOPOLOGY, metrics, edges.sort_index(axis=1), END)[0]
    assert (worst.component, worst.state) == ("replica-1", State.TROUBLE)
    assert sentence(worst, END) == (
        "calls to it: connecting p90 390 ms, was 9 ms; calls to it: latency p90 1 s, was 450 ms"
    )


def test_connections_of_a_caller_that_is_slow_in_all_its_calls_are_its_own() -> None:
    metrics, edges = frames(**{f"gateway__replica_{i}__latency_p90": 3.0 for i in range(3)}, gateway__latency_p90=3.0)
    for second, connecting in ((0.0, 0.009), (100.0, 2.0)):
        edges.loc[second:, ("gateway", "replica-1", "connect_time_p90")] = connecting
    found = {h.component: h for h in look(TOPOLOGY, metrics, edges.sort_index(axis=1), END)}
    assert found["gateway"].state is State.TROUBLE
    assert found["replica-1"].state is State.NORMAL


HOT = {
    "gateway__replica_0__request_rate": 0.2,
    "gateway__replica_1__request_rate": 0.2,
    "gateway__replica_2__request_rate": 2.0,
}
SLOW = {"replica_2__latency_p90": 9.0, "replica_2__running_requests": 20.0, "gateway__replica_2__latency_p90": 9.0}


def test_a_caller_that_sends_one_callee_more_than_its_share_answers_for_it() -> None:
    found = judged(**HOT, **SLOW, gateway__latency_p90=9.0, gateway__connections=20.0)
    assert next(iter(found)) == "gateway"
    assert found["gateway"].state is State.TROUBLE
    assert sentence(found["gateway"], END, 1) == "sends 83 % of its requests to replica-2, was 33 %"
    assert (found["replica-2"].state, found["replica-2"].severity) == (State.CHANGED, 0)
    assert sentence(found["replica-2"], END, 1) == "latency p90 9 s, was 400 ms, as more is sent to it"
    change = as_json(found["gateway"], END)["changes"][0]
    assert (change["kind"], change["signal"], change["callee"]) == ("routing", "request_share", "replica-2")


def test_uneven_routing_that_nobody_notices_is_a_change() -> None:
    assert judged(**HOT)["gateway"].state is State.CHANGED


@pytest.mark.parametrize(
    "others",
    [
        {f"gateway__replica_{i}__latency_p90": 9.0 for i in range(2)},
        {f"replica_{i}__latency_p90": 9.0 for i in range(2)},
        {f"replica_{i}__request_rate": 0.0 for i in range(2)},
    ],
    ids=["calls to the others are slow", "the others are slow", "the others stall"],
)
def test_a_caller_that_avoids_callees_in_trouble_is_not_uneven(others) -> None:
    assert Sort.ROUTING not in {c.sort for c in judged(**HOT, **others)["gateway"].changes}


def without_requests(last: float = 2.4, **changed: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The gateway sends all requests to replica-2, which ends `last` a second; the others say that they are free."""
    ended = {f"{edge}replica_{i}__request_rate": 0.0 for i in range(2) for edge in ("", "gateway__")}
    unknown = {f"{edge}replica_{i}__latency_p90": np.nan for i in range(2) for edge in ("", "gateway__")}
    free = {f"replica_{i}__running_requests": 0.0 for i in range(2)}
    hot = {"gateway__replica_2__request_rate": last, "replica_2__request_rate": last}
    waiting = {"gateway__latency_p90": 9.0, "gateway__connections": 20.0}
    metrics, edges = frames(**(ended | unknown | free | hot | SLOW | waiting | changed))
    return metrics.sort_index(axis=1), edges.sort_index(axis=1)


def routed(metrics: pd.DataFrame, edges: pd.DataFrame, topology: Topology = TOPOLOGY) -> bool:
    found = look(topology, metrics, edges.sort_index(axis=1), END)
    return Sort.ROUTING in {change.sort for health in found for change in health.changes}


def test_a_caller_that_sends_one_callee_everything_answers_for_it() -> None:
    found = {h.component: h for h in look(TOPOLOGY, *without_requests(), END)}
    assert next(iter(found)) == "gateway"
    assert found["gateway"].state is State.TROUBLE
    assert sentence(found["gateway"], END, 1) == "sends 100 % of its requests to replica-2, was 33 %"
    assert (found["replica-2"].state, found["replica-2"].severity) == (State.CHANGED, 0)


def test_an_idle_callee_without_a_queue_gauge_or_with_an_empty_queue_could_serve() -> None:
    metrics, edges = without_requests()
    for i in range(2):
        metrics[f"replica-{i}", "queue_length"] = 0.0
    assert routed(metrics, edges)


@pytest.mark.parametrize(
    "others",
    [
        {"running_requests": 1.0},
        {"running_requests": np.nan, "request_rate": np.nan, "cpu_usage": np.nan, "memory_working_set": np.nan},
        {"running_requests": np.nan},
        {"cpu_usage": np.nan},
    ],
    ids=["they stall", "they are silent", "they are frozen", "a part of their telemetry is gone"],
)
def test_a_caller_that_sends_everything_past_callees_in_trouble_is_not_uneven(others) -> None:
    changed = {f"replica_{i}__{signal}": value for i in range(2) for signal, value in others.items()}
    assert not routed(*without_requests(**changed))


def test_callees_that_queue_failed_or_were_away_when_the_requests_stopped_could_not_serve() -> None:
    queued, edges = without_requests()
    failed, failed_calls = without_requests()
    away, _ = without_requests()
    for i in range(2):
        queued[f"replica-{i}", "queue_length"] = np.where(queued.index < 100.0, 0.0, 1.0)
        failed[f"replica-{i}", "error_rate"] = np.where(np.abs(failed.index - 98.0) < 2.0, 0.5, 0.0)
        failed_calls["gateway", f"replica-{i}", "error_rate"] = failed[f"replica-{i}", "error_rate"]
        away.loc[98.0:108.0, f"replica-{i}"] = np.nan
    metrics, _ = without_requests()
    assert not routed(queued, edges)
    assert not routed(failed, edges)
    assert not routed(metrics, failed_calls)
    assert not routed(away, edges)


def test_callees_of_which_too_little_is_measured_are_not_known_to_be_idle() -> None:
    metrics, edges = without_requests()
    in_work = [(f"replica-{i}", "running_requests") for i in range(2)]
    assert not routed(metrics.drop(columns=in_work), edges)
    served = {f"gateway__replica_{i}__request_rate": 0.2 for i in range(2)}
    assert not routed(*without_requests(**served))


def test_a_callee_that_holds_a_request_could_not_serve_though_it_is_too_seldom_asked_to_be_stalled() -> None:
    metrics, edges = without_requests()
    for i in range(2):
        seldom = (metrics.index < 100.0) & (metrics.index % 5 > 0)
        metrics[f"replica-{i}", "request_rate"] = np.where(seldom, 1.0, 0.0)
    assert routed(metrics, edges)
    for i in range(2):
        metrics.loc[100.0:, (f"replica-{i}", "running_requests")] = 1.0
    assert not routed(metrics, edges)


def test_calls_that_are_lost_on_the_way_to_an_idle_callee_are_not_uneven() -> None:
    """Of two replicas one is cut off: it is free, and the calls to it end later than those to the other."""
    metrics, edges = without_requests(last=1.0)
    pair = Topology(
        (Component("gateway", Kind.GATEWAY), *(Component(f"replica-{i}", Kind.REPLICA) for i in (1, 2))),
        calls("gateway", ["replica-1", "replica-2"]),
        "gateway",
    )
    assert not routed(metrics.drop(columns="replica-0", level=0), edges.drop(columns="replica-0", level=1), pair)


@pytest.mark.parametrize(
    "rates",
    [(1.0, 1.0, 9.0), (0.01, 0.01, 0.1)],
    ids=["a backlog is answered at once", "hardly a request is sent"],
)
def test_a_share_that_no_other_callee_lost_or_that_is_chance_is_not_uneven(rates) -> None:
    found = judged(**{f"gateway__replica_{i}__request_rate": rate for i, rate in enumerate(rates)})
    assert Sort.ROUTING not in {c.sort for c in found["gateway"].changes}


def test_calls_that_fail_and_are_sent_again_are_no_share_of_the_requests() -> None:
    metrics, edges = frames(gateway__replica_2__request_rate=4.0)
    for second, failed in ((0.0, 0.0), (100.0, 3.9)):
        edges.loc[second:, ("gateway", "replica-2", "error_rate")] = failed
    found = {h.component: h for h in look(TOPOLOGY, metrics, edges.sort_index(axis=1), END)}
    assert Sort.ROUTING not in {c.sort for c in found["gateway"].changes}


def test_what_does_not_answer_is_down() -> None:
    found = judged(up={"replica-0": False})
    assert next(iter(found)) == "replica-0"
    assert sentence(found["replica-0"], END) == "down: it does not answer"
    assert found["replica-0"].since == END


def test_what_is_down_is_so_since_nothing_is_measured_of_it() -> None:
    metrics, edges = frames()
    metrics.loc[END - 60 :, "replica-0"] = np.nan
    found = {h.component: h for h in look(TOPOLOGY, metrics, edges, END, {"replica-0": False})}
    assert found["replica-0"].since == metrics.index[metrics.index < END - 60][-1]


def test_without_a_baseline_peers_are_the_measure() -> None:
    metrics, edges = frames()
    metrics[("replica-0", "latency_p90")] = 4.0
    found = {h.component: h for h in look(TOPOLOGY, metrics, edges, 10.0)}
    assert sentence(found["replica-0"], 10.0) == "latency p90 4 s, its peers 400 ms"
    assert found["replica-1"].state is State.UNKNOWN
    assert sentence(found["replica-1"], 10.0) == "as its peers; its own normal is known in 23 s"
    assert sentence(found["gateway"], 10.0) == "not known yet: its normal is known in 23 s"


def test_what_is_measured_late_says_when_its_normal_is_known() -> None:
    metrics, edges = frames()
    metrics.loc[:83.5, "gateway"] = np.nan
    gateway = next(h for h in look(TOPOLOGY, metrics, edges, END) if h.component == "gateway")
    assert gateway.state is State.UNKNOWN
    assert gateway.wait == pytest.approx(84.0 / 0.6 - END)


def test_a_fleet_is_read_in_one_pass_and_its_peers_are_those_of_a_small_one() -> None:
    names = [f"replica-{i}" for i in range(40)]
    topology = Topology(
        (Component("gateway", Kind.GATEWAY), *(Component(name, Kind.REPLICA) for name in names)),
        calls("gateway", names),
        "gateway",
    )
    metrics = table({(name, "latency_p90"): 0.4 + 0.001 * i for i, name in enumerate(names)}, ["component", "signal"])
    metrics[("replica-7", "latency_p90")] = 4.0
    edges = table({("gateway", "replica-7", "latency_p90"): 4.0}, ["source", "target", "signal"])
    found = {h.component: h for h in look(topology, metrics, edges, 10.0)}
    (change,) = found["replica-7"].changes
    assert change.usual == sorted(0.4 + 0.001 * i for i in range(40) if i != 7)[19]
    assert {h.state for name, h in found.items() if name != "replica-7"} == {State.UNKNOWN}


def test_restarts_and_replacements_are_marks_with_a_time() -> None:
    metrics, edges = frames()
    metrics[("replica-0", "restarts")] = np.where(metrics.index < 70, 1.0, 2.0)
    found = {h.component: h for h in look(TOPOLOGY, metrics, edges, END, replaced={"replica-1": 90.0})}
    assert marks(found["replica-0"]) == ("restarted 00:01:10 UTC",)
    assert marks(found["replica-1"]) == ("replaced 00:01:30 UTC",)


def test_what_comes_after_the_moment_is_not_read() -> None:
    assert {h.state for h in judged(moment=99.0, replica_1__request_rate=0.0).values()} == {State.NORMAL}


def test_a_frame_without_a_row_is_unknown() -> None:
    metrics, edges = frames()
    assert {h.state for h in look(TOPOLOGY, metrics.iloc[:0], edges.iloc[:0], END)} == {State.UNKNOWN}


def test_as_json_is_plain_data() -> None:
    found = judged(replica_1__request_rate=0.0)["replica-1"]
    payload = as_json(found, END)
    assert (payload["state"], payload["since"]) == ("trouble", 100.0)
    assert payload["changes"][0] == {
        "signal": "request_rate",
        "kind": "stall",
        "callee": "",
        "caller": "",
        "now": 0.0,
        "before": 1.0,
        "since": 100.0,
        "explained": 0.0,
        "explained_by": "",
        "explained_by_callees": 0.0,
        "explained_by_routing": False,
    }
