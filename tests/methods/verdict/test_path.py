"""The way trouble spreads: along the calls to the front door, with times; and when such a path is right."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest
from serving_incident import ONSET, incident, slow

from cluster.topology import Component, Kind, Topology, calls
from methods.peers.evidence import Evidence
from methods.verdict.blame import first_peak
from methods.verdict.decision import decide
from methods.verdict.normal import departure
from methods.verdict.path import expected, right
from methods.verdict.types import Hop

LOCAL = Topology(
    tuple(Component(name, Kind.SERVICE) for name in ("door", "a", "b", "db")),
    (*calls("door", ["a", "b"]), *calls("a", ["db"]), *calls("b", ["db"])),
    "door",
)


def series(values: np.ndarray, signal: str = "latency_p90") -> pd.Series:
    return pd.Series(values, index=np.arange(len(values), dtype=np.float64), name=("replica-0", signal))


def test_from_a_replica_to_the_front_door() -> None:
    verdict = decide(incident(slow("replica-2") | {("gateway", "latency_p90"): 3.0}))
    assert [(hop.source, hop.target) for hop in verdict.path] == [("replica-2", "gateway")]
    assert verdict.path[0].at == pytest.approx(ONSET, abs=3)
    assert verdict.onset == pytest.approx(ONSET, abs=3)


def test_a_front_door_that_felt_nothing_has_no_time_and_that_is_said() -> None:
    factors = {"cpu_usage": 0.2, "memory_working_set": 5.0, "queue_length": 9.0}
    late = {("replica-2", signal): factor for signal, factor in factors.items()}
    verdict = decide(incident(late))
    assert verdict.path == (Hop("replica-2", "gateway", None),)
    assert "Whether gateway felt it: none of its signals left its normal." in verdict.unknown


def test_nobody_has_no_path() -> None:
    assert decide(incident()).path == ()


def test_the_expected_path_is_the_shortest_chain_of_callers() -> None:
    assert expected(LOCAL, ["a"]) == {("a", "door")}
    assert expected(LOCAL, ["db"]) == {("db", "a"), ("a", "door")}
    assert expected(LOCAL, ["door"]) == set()
    assert expected(LOCAL, ["door"], "b") == {("door", "b")}
    assert expected(LOCAL, []) == set()


def test_a_path_is_right_as_a_whole_and_in_the_order_of_its_times() -> None:
    whole = (Hop("db", "a", 10.0), Hop("a", "door", 12.0))
    assert right(whole, LOCAL, ["db"])
    assert right((Hop("db", "a", None), Hop("a", "door", 12.0)), LOCAL, ["db"])
    assert not right(whole[:1], LOCAL, ["db"])
    assert not right((Hop("db", "a", 10.0), Hop("a", "door", 9.0)), LOCAL, ["db"])
    assert not right(whole, LOCAL, ["b"])
    assert right((), LOCAL, [])


def test_a_departure_is_found_back_over_what_was_abnormal_before_the_stretch() -> None:
    rng = np.random.default_rng(0)
    values = 1 + 0.05 * rng.standard_normal(100)
    values[60:] *= 4
    assert departure(series(values), 70.0, 90.0) == 60.0
    assert departure(series(values[:60]), 40.0, 50.0) is None
    assert departure(series(np.full(100, np.nan)), 70.0, 90.0) is None


def test_a_direction_that_does_not_hurt_is_no_departure() -> None:
    values = np.r_[np.full(50, 1.0), np.full(50, 0.1)]
    assert departure(series(values), 55.0, 90.0) is None
    assert departure(series(values, "request_rate"), 55.0, 90.0) == 50.0


def test_a_second_without_requests_is_normal_where_they_are_few() -> None:
    values = np.full(100, 1.0)
    values[[5, 6, 7, 20, 21, 55, 56, 57]] = 0.0
    values[60:] = 0.0
    assert departure(series(values, "request_rate"), 60.0, 90.0) is None
    values[[5, 6, 7, 20, 21]] = 1.0
    assert departure(series(values, "request_rate"), 60.0, 90.0) == 55.0


def test_trouble_begins_with_the_first_peak_of_what_tells_of_it() -> None:
    """Silent at 40 s, and late answers from 56 s on, of which the strongest stretch tells."""
    first, total = np.arange(0, 20), np.zeros(20)
    total[8:16] = [20.0, 31.0, 24.0, 19.0, 18.0, 22.0, 30.0, 36.0]

    def begins(total: np.ndarray) -> float:
        blocks = SimpleNamespace(edges=4.0 * np.arange(40))
        among = SimpleNamespace(first=first, length=np.full(20, 8))
        evidence = SimpleNamespace(blocks=blocks, among=among, total={"replica-0": total})
        return first_peak(cast(Evidence, evidence), "replica-0", int(np.argmax(total)))

    assert begins(total) == 36.0
    total[8:12] /= 4
    assert begins(total) == 60.0, "a weak peak is chance"
    total[:] = 0.0
    total[[2, 18]] = 30.0, 36.0
    assert begins(total) == 72.0, "what ends before is another trouble"


def test_a_caller_that_suffers_first_speaks_against() -> None:
    case = incident(slow("replica-2") | {("gateway", "latency_p90"): 3.0})
    metrics = case.telemetry.metrics.copy()
    metrics.loc[ONSET - 20 : ONSET, ("gateway", "latency_p90")] *= 3.0
    early = dataclasses.replace(case, telemetry=dataclasses.replace(case.telemetry, metrics=metrics))
    assert any("gateway left its normal at 00:01:40 UTC" in e.sentence for e in decide(early).opposing)
    assert not any("left its normal" in e.sentence for e in decide(case).opposing)
