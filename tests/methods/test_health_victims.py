"""Health of components that are slow for another's trouble, or because they are asked for more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from calm import END, TOPOLOGY, frames

from methods.telemetry.baseline import read
from methods.telemetry.health import look
from methods.telemetry.health_demand import arrivals, overloaded
from methods.telemetry.health_types import Health, State
from methods.telemetry.health_wording import as_json, sentence


def judged(metrics: pd.DataFrame, edges: pd.DataFrame) -> dict[str, Health]:
    return {h.component: h for h in look(TOPOLOGY, metrics.sort_index(axis=1), edges.sort_index(axis=1), END)}


def slow_gateway(**changed: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All calls take 0.8 s more, and users wait for them."""
    slow = {f"gateway__replica_{i}__latency_p90": 1.25 for i in range(3)}
    return frames(**(slow | {"gateway__latency_p90": 2.5, "gateway__cpu_usage": 0.5} | changed))


def test_callees_that_are_about_as_slow_as_their_caller_makes_them_are_in_no_trouble() -> None:
    found = judged(*slow_gateway(replica_1__latency_p90=1.0))
    assert next(iter(found)) == "gateway"
    assert found["gateway"].state is State.TROUBLE
    assert (found["replica-1"].state, found["replica-1"].severity) == (State.CHANGED, 0)
    assert sentence(found["replica-1"], END) == "latency p90 1 s, was 400 ms, as its caller"
    change = as_json(found["replica-1"], END)["changes"][0]
    assert (change["explained"], change["explained_by"], change["explained_by_callees"]) == (1.0, "caller", 0.0)


def test_a_callee_that_is_slower_by_far_than_its_slow_caller_is_in_trouble_itself() -> None:
    slow = {"replica_1__latency_p90": 9.0, "replica_1__running_requests": 9.0}
    assert judged(*slow_gateway(**slow))["replica-1"].state is State.TROUBLE


def test_what_a_callee_measures_and_what_all_calls_share_both_explain_that_calls_to_it_are_slow() -> None:
    """The calls take 1.8 s more: 0.9 s in the replica, 0.8 s as all calls."""
    found = judged(*slow_gateway(replica_1__latency_p90=1.3, gateway__replica_1__latency_p90=2.25))
    assert "calls" not in {change.sort.value for change in found["replica-1"].changes}


def test_a_caller_is_in_no_trouble_for_what_follows_from_a_callee_that_is_slower_by_far() -> None:
    calls = {"gateway__replica_0__latency_p90": 1.2, "gateway__replica_2__latency_p90": 1.2}
    metrics, edges = frames(**calls, gateway__replica_1__latency_p90=29.0, gateway__latency_p90=29.0)
    metrics["gateway", "cpu_usage"] = np.where(metrics.index < 100.0, 0.01, 0.1)
    found = judged(metrics, edges)
    assert next(iter(found)) == "replica-1"
    assert found["gateway"].state is State.CHANGED
    assert found["replica-0"].state is State.NORMAL


RISE = {"gateway__request_rate": 9.0} | {f"replica_{i}__request_rate": 3.0 for i in range(3)}
OVERLOAD = {f"replica_{i}__latency_p90": 6.0 for i in range(3)} | {
    f"replica_{i}__running_requests": 12.0 for i in range(3)
}


def test_where_load_is_the_trouble_all_that_it_overloads_are_in_it() -> None:
    found = judged(*frames(**RISE, **OVERLOAD, gateway__latency_p90=6.0))
    assert {found[f"replica-{i}"].state for i in range(3)} == {State.TROUBLE}


def broken(**changed: float) -> dict[str, Health]:
    """The load grows, and replica-1 opens connections slowly and fails."""
    metrics, edges = frames(**(RISE | OVERLOAD | changed))
    for name, usual, now in (("connect_time_p90", 0.009, 3.0), ("error_rate", 0.0, 1.0)):
        edges["gateway", "replica-1", name] = np.where(edges.index < 100.0, usual, now)
    return judged(metrics, edges)


def test_beside_one_in_trouble_of_its_own_those_that_load_overloads_are_told_as_that() -> None:
    found = broken()
    assert [h.component for h in found.values() if h.state is State.TROUBLE] == ["replica-1"]
    assert found["replica-0"].state is State.CHANGED
    assert "in work 12, was 1, as load grew" in sentence(found["replica-0"], END)


@pytest.mark.parametrize(
    "rates",
    [{"replica_0__request_rate": 0.5}, {"gateway__request_rate": 3.0}],
    ids=["it serves less than before", "no more is asked for"],
)
def test_what_no_load_explains_is_trouble(rates) -> None:
    assert broken(**rates)["replica-0"].state is State.TROUBLE


def test_who_came_and_waits_counts_among_the_requests_though_none_of_them_ended() -> None:
    metrics, _ = frames()
    metrics["gateway", "connections"] = np.where(metrics.index < 100.0, 2.0, 2.0 + 3.0 * (metrics.index - 100.0))
    own = read(metrics, END)
    assert arrivals(own, "gateway") == pytest.approx(3.0 + 3.0 * 15 / 12)
    assert overloaded(TOPOLOGY, own, "replica-0")


def test_answering_a_backlog_is_no_higher_load() -> None:
    metrics, _ = frames(gateway__request_rate=9.0)
    metrics["gateway", "connections"] = np.where(metrics.index < 100.0, 200.0, 200.0 - 6.0 * (metrics.index - 100.0))
    own = read(metrics, END)
    assert arrivals(own, "gateway") == pytest.approx(9.0 - 6.0 * 15 / 12)
    assert not overloaded(TOPOLOGY, own, "replica-0")


def test_requests_that_are_not_measured_are_no_load() -> None:
    metrics, _ = frames()
    own = read(metrics.drop(columns=[("gateway", "request_rate"), ("replica-1", "request_rate")]), END)
    assert not overloaded(TOPOLOGY, own, "replica-0")
    assert not overloaded(TOPOLOGY, own, "replica-1")


@pytest.mark.parametrize(("own", "why"), [(0.4, "caller"), (1.6, "itself")])
def test_what_explains_a_part_of_slow_calls_is_never_the_callees_of_a_leaf(own: float, why: str) -> None:
    found = judged(*slow_gateway(replica_1__latency_p90=own, gateway__replica_1__latency_p90=4.0))
    (calls,) = (c for c in as_json(found["replica-1"], END)["changes"] if c["kind"] == "calls")
    assert 0 < calls["explained"] < 1
    assert (calls["explained_by"], calls["explained_by_callees"]) == (why, 0.0)
