"""What a removal leaves, and that it leaves nothing else out."""

from __future__ import annotations

import dataclasses

import numpy as np

from cluster.incident.model import Incident
from guidelines import catalog, removals


def test_spans_hang_one_up_when_a_layer_is_gone(drill: Incident) -> None:
    left = removals.without_operations(*removals.RAY_SPANS)(drill).telemetry.spans
    assert not left["operation"].str.startswith(removals.RAY_SPANS).any()
    by_id = left.set_index("span_id")["operation"]
    engines = left[left["operation"] == "engine generate"]
    assert len(engines) == (drill.telemetry.spans["operation"] == "engine generate").sum()
    above = engines["parent_id"].map(by_id).dropna()
    assert set(above) == {"gateway request"}
    assert len(above) >= 0.9 * len(engines)


def test_a_coarser_scrape_keeps_levels_and_means(drill: Incident) -> None:
    before, after = drill.telemetry.metrics, removals.every(15)(drill).telemetry.metrics
    assert np.allclose(np.diff(after.index), 15)
    assert list(after.columns) == list(before.columns)
    time = after.index[4]
    held, mean = ("replica-0", "memory_working_set"), ("replica-0", "cpu_usage")
    assert after.loc[time, held] == before.loc[time, held]
    assert np.isclose(after.loc[time, mean], before.loc[time - 14 : time, mean].mean())


def test_engines_booked_on_the_head_add_up(drill: Incident) -> None:
    before, after = drill.telemetry.metrics, removals.pooled_on_head(drill).telemetry.metrics
    pods = removals.serving(drill)
    tokens = sum(before[pod, "token_rate"] for pod in pods)
    assert np.allclose(after["head", "token_rate"], tokens, equal_nan=True)
    assert ("replica-1", "token_rate") not in after.columns
    assert ("replica-1", "cpu_usage") in after.columns


def test_half_of_the_pods_go_silent(drill: Incident) -> None:
    after = removals.half_silent(drill).telemetry.metrics
    speaking = {pod for pod in removals.serving(drill) if (pod, "token_rate") in after.columns}
    assert speaking == {"head", "replica-1"}


def test_first_token_and_time_per_token_go_with_all_their_quantiles(drill: Incident) -> None:
    (removal,) = catalog.entry("phases").removals
    left = removal.apply(drill).telemetry.metrics.columns
    serving = set(removals.serving(drill))
    assert any(signal == "ttft_p50" for pod, signal in drill.telemetry.metrics.columns if pod in serving)
    assert not [c for c in left if c[0] in serving and str(c[1]).startswith(("ttft", "tpot"))]


def test_a_gauge_read_through_rate_takes_a_fall_for_a_restart(drill: Incident) -> None:
    memory = ("replica-0", "memory_working_set")
    metrics = drill.telemetry.metrics.copy()
    metrics[memory] = 90.0
    metrics.loc[metrics.index[:3], memory] = [100.0, 104.0, 104.0]
    changed = dataclasses.replace(drill, telemetry=dataclasses.replace(drill.telemetry, metrics=metrics))
    step = float(np.median(np.diff(metrics.index)))
    read = removals.gauges_as_rates(changed).telemetry.metrics[memory].to_numpy()
    assert np.allclose(read[1:5] * step, [4.0, 0.0, 90.0, 0.0])
