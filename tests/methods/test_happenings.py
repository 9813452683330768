"""Restarts and silences out of metrics, events of the cluster."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cluster.incident.model import EVENT_COLUMNS, LOG_COLUMNS, empty_logs, empty_metrics
from methods.telemetry.happenings import What, of_events, of_logs, of_metrics

TIMES = 1000.0 + np.arange(100)


def frame(**columns: np.ndarray) -> pd.DataFrame:
    names = [(component, signal) for component, signal in (name.split("__") for name in columns)]
    data = pd.DataFrame(dict(zip(names, columns.values(), strict=True)), index=pd.Index(TIMES, name="time"))
    data.columns = pd.MultiIndex.from_tuples(names, names=["component", "signal"])
    return data


def test_a_restart_is_told_when_its_counter_rises() -> None:
    starts = np.where(TIMES < 1040, 1.0, 2.0)
    starts[30:45] = np.nan
    (told,) = of_metrics(frame(a__restarts=starts, a__cpu_usage=np.ones(100)))
    assert (told.time, told.what, told.component, told.text) == (1045.0, What.RESTART, "a", "restarted")


def test_signals_that_end_or_come_back_are_told_together_while_others_have_some() -> None:
    gone, ends = np.ones(100), np.ones(100)
    gone[20:50] = np.nan
    ends[70:] = np.nan
    told = list(
        of_metrics(
            frame(a__cpu_usage=gone, a__queue_length=gone, b__cpu_usage=ends, c__cpu_usage=np.ones(100), c__x=gone)
        )
    )
    assert [(t.component, t.time, t.bad) for t in told if t.component != "c"] == [
        ("a", 1019.0, True),
        ("a", 1050.0, False),
        ("b", 1069.0, True),
    ]
    assert all(t.what is What.SILENCE for t in told)
    assert told[0].text == "2 signals not measured for 31 s: cpu_usage, queue_length"
    assert told[2].text == "1 signal not measured until the end: cpu_usage"


def test_a_quantile_without_requests_is_no_silence() -> None:
    gone = np.ones(100)
    gone[20:50] = np.nan
    assert list(of_metrics(frame(a__latency_p90=gone, b__cpu_usage=np.ones(100)))) == []


def test_a_pause_of_all_components_is_no_silence_and_a_slow_scrape_neither() -> None:
    pause = np.ones(100)
    pause[20:60] = np.nan
    assert list(of_metrics(frame(a__cpu_usage=pause, b__cpu_usage=pause))) == []
    slow = np.where(np.arange(100) % 15 == 0, 1.0, np.nan)
    assert list(of_metrics(frame(a__cpu_usage=slow, b__cpu_usage=np.ones(100)))) == []
    assert list(of_metrics(empty_metrics())) == []


def test_events_of_the_cluster_are_told_with_what_they_are_about() -> None:
    rows = [
        (1001.0, None, "kubernetes", "Normal", "RayCluster/x", "CreatedPod", "made a pod", 1.0),
        (1002.0, "replica-0", "kubernetes", "Warning", "Pod/y", "BackOff", "restarting", 4.0),
        (1003.0, "gateway", "alert", "critical", "", "LatencyHigh", "", float("nan")),
    ]
    told = list(of_events(pd.DataFrame(rows, columns=list(EVENT_COLUMNS)).astype(EVENT_COLUMNS)))
    assert [t.text for t in told] == [
        "RayCluster/x CreatedPod: made a pod",
        "Pod/y BackOff: restarting (×4)",
        "LatencyHigh",
    ]
    assert [t.bad for t in told] == [False, True, True]
    assert [(t.what, t.component) for t in told][1:] == [(What.CLUSTER, "replica-0"), (What.ALERT, "gateway")]


def test_ray_serve_says_when_a_replica_crashes_and_is_replaced() -> None:
    one = "Replica(id='sr0dh5p4', deployment='LLM', app='llm')"
    lines = [
        (1001.0, "replica-1", "INFO", "POST / 200 12ms"),
        (1002.0, "head", "WARNING", f"Actor for {one} crashed, marking it unhealthy immediately."),
        (1003.0, "head", "WARNING", f"Replica {one} failed health check, stopping it."),
        (1004.0, "head", "INFO", f"Starting {one.replace('sr0dh5p4', 'new')}."),
        (1005.0, "replica-0", "INFO", "Finished initializing replica."),
        (1006.0, "head", "INFO", None),
    ]
    told = list(of_logs(pd.DataFrame(lines, columns=list(LOG_COLUMNS)).astype(LOG_COLUMNS)))
    assert [(t.time, t.component, t.bad) for t in told] == [
        (1002.0, "", True),
        (1003.0, "", True),
        (1004.0, "", False),
        (1005.0, "replica-0", True),
    ]
    assert told[0].text == "replica sr0dh5p4 crashed" and told[2].text == "replica new starts"
    assert list(of_logs(empty_logs())) == []
