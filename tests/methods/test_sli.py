from __future__ import annotations

import dataclasses

import pytest

from methods.telemetry.sli import NoSli, error_key, latency_key, sli


def with_metrics(incident, metrics):
    return dataclasses.replace(incident, telemetry=dataclasses.replace(incident.telemetry, metrics=metrics))


def test_it_is_the_front_doors_own(incident) -> None:
    found = sli(incident)
    metrics = incident.telemetry.metrics
    assert found["latency"].tolist() == metrics["gateway", "latency_p90"].tolist()
    assert found["error_ratio"].tolist() == metrics["gateway", "error_ratio"].tolist()


def test_the_median_serves_where_there_is_no_90th_percentile(incident) -> None:
    metrics = incident.telemetry.metrics.drop(columns=[("gateway", "latency_p90")])
    assert latency_key(with_metrics(incident, metrics)) == ("gateway", "latency_p50")


def test_errors_come_from_rates_or_availability(incident) -> None:
    metrics = incident.telemetry.metrics.drop(columns=[("gateway", "error_ratio")])
    metrics[("gateway", "error_rate")] = metrics["gateway", "request_rate"] / 4
    assert sli(with_metrics(incident, metrics))["error_ratio"].tolist() == pytest.approx([0.25] * len(metrics))
    metrics = metrics.drop(columns=[("gateway", "error_rate")])
    metrics[("gateway", "avail")] = 98.0
    assert sli(with_metrics(incident, metrics))["error_ratio"].tolist() == pytest.approx([0.02] * len(metrics))
    metrics[("gateway", "avail")] = 0.0
    assert error_key(with_metrics(incident, metrics)) is None


def test_no_suspect_stands_in_for_a_front_door(incident) -> None:
    nowhere = dataclasses.replace(incident, topology=dataclasses.replace(incident.topology, front_door=None))
    with pytest.raises(NoSli, match="front door"):
        sli(nowhere)
    metrics = incident.telemetry.metrics.drop(columns=["latency_p50", "latency_p90"], level="signal")
    with pytest.raises(NoSli, match="gateway has no latency"):
        sli(with_metrics(incident, metrics))
