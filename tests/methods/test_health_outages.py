"""Health after and during an outage: what is normal is not taken from it."""

from __future__ import annotations

import numpy as np
import pytest
from calm import END, TOPOLOGY, frames

from methods.telemetry.baseline import read
from methods.telemetry.health import look
from methods.telemetry.health_types import Health, State
from methods.telemetry.health_wording import sentence
from methods.telemetry.outages import outages


def after_outage(ended: float, moment: float) -> dict[str, Health]:
    """No replica answers the gateway until `ended`: it answers 502 in 9 ms, with nothing in work."""
    metrics, edges = frames()
    metrics[[("gateway", "error_ratio"), ("gateway", "latency_p90")]] = [0.0, 0.7]
    metrics[("gateway", "connections")] = 20.0
    out = metrics.index < ended
    failed = {"error_ratio": 1.0, "error_rate": 3.0, "latency_p90": 0.009, "connections": 0.0}
    for signal, value in failed.items():
        metrics.loc[out, ("gateway", signal)] = value
    for i in range(3):
        edges[("gateway", f"replica-{i}", "error_rate")] = np.where(out, 1.0, 0.0)
        edges[("gateway", f"replica-{i}", "latency_p90")] = np.where(out, 0.001, 0.65)
    return {h.component: h for h in look(TOPOLOGY, metrics, edges, moment)}


@pytest.mark.parametrize(("moment", "wait"), [(62.0, "45 s"), (75.0, "32 s"), (100.0, "6.7 s")])
def test_how_fast_requests_failed_is_no_normal(moment, wait) -> None:
    found = after_outage(60.0, moment)
    assert {h.state for h in found.values()} == {State.UNKNOWN, State.NORMAL}
    assert found["gateway"].changes == ()
    # A baseline has five samples: those from 60 to 64 s.
    assert sentence(found["gateway"], moment) == f"not known yet: its normal is known in {wait}"


def test_what_was_served_after_an_outage_is_the_normal() -> None:
    assert {h.state for h in after_outage(60.0, 110.0).values()} == {State.NORMAL}


def test_that_every_request_fails_is_not_as_before() -> None:
    gateway = after_outage(60.0, 50.0)["gateway"]
    assert gateway.state is State.TROUBLE
    assert sentence(gateway, 50.0) == "errors 100 %"


@pytest.mark.parametrize(
    ("share", "state"), [(0.04, State.NORMAL), (0.3, State.TROUBLE), (0.52, State.TROUBLE), (0.6, State.TROUBLE)]
)
def test_that_requests_fail_all_the_time_is_not_as_before_though_fewer_fail_at_times(
    share: float, state: State
) -> None:
    metrics, edges = frames()
    metrics[("gateway", "error_ratio")] = np.where(metrics.index % 5 == 0, 0.7 * share, share)
    gateway = next(h for h in look(TOPOLOGY, metrics, edges, END) if h.component == "gateway")
    assert gateway.state is state


def test_a_failed_request_takes_no_baseline_from_what_was_not_measured_with_it() -> None:
    metrics, edges = frames()
    metrics[("gateway", "error_ratio")] = np.where(metrics.index == 30.0, 1.0, 0.0)
    metrics[("gateway", "ttft_p90")] = np.where(np.isin(metrics.index, [10.0, 25.0, 40.0, END]), 0.1, np.nan)
    gateway = next(h for h in look(TOPOLOGY, metrics, edges, END) if h.component == "gateway")
    assert gateway.state is State.NORMAL
    metrics.loc[END, ("gateway", "ttft_p90")] = 4.0
    (change,) = next(h for h in look(TOPOLOGY, metrics, edges, END) if h.component == "gateway").changes
    assert (change.signal, change.usual) == ("ttft_p90", 0.1)


def test_errors_without_a_count_of_requests_are_no_outage() -> None:
    metrics, _ = frames()
    metrics[("gateway", "error_rate")] = 3.0
    assert outages(read(metrics[[("gateway", "error_rate")]], END)) == {}
    assert outages(read(metrics[[("gateway", "latency_p90")]], END)) == {}
    metrics.loc[60.0, ("gateway", "request_rate")] = 0.0
    (failed,) = outages(read(metrics, END)).values()
    assert failed.all()


def test_an_outage_lasts_where_no_errors_are_known_within_it() -> None:
    metrics, _ = frames()
    metrics[("gateway", "error_ratio")] = [np.nan, 1.0, np.nan, np.nan, 1.0, np.nan, 0.0, np.nan, 1.0, *[np.nan] * 111]
    metrics[("gateway", "error_rate")] = np.nan
    (failed,) = outages(read(metrics, END)).values()
    assert list(np.flatnonzero(failed)) == [1, 2, 3, 4, 8]
