"""Values that nothing can have."""

from __future__ import annotations

import math

from cluster.incident import tiny
from methods.telemetry.possible import possible


def test_what_no_rate_can_be_is_a_gap_and_the_rest_stays() -> None:
    metrics = {("replica-0", "request_rate"): [1.0, -4e6, math.inf], ("replica-0", "balance"): [1.0, -2.0, 3.0]}
    case = tiny.incident(calls=[("gateway", "replica-0")], front_door="gateway", metrics=metrics)
    found = possible(case).telemetry.metrics
    assert found["replica-0", "request_rate"].isna().tolist() == [False, True, True]
    assert found["replica-0", "balance"].tolist() == [1.0, -2.0, 3.0]


def test_an_incident_without_such_values_is_the_same() -> None:
    case = tiny.slow_replica()
    assert possible(case) is case
