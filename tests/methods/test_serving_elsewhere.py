"""`serving` in other systems: no peers, signals of other names, minutes between samples, holes in the recording."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cluster.incident.model import Incident, Telemetry
from cluster.topology import Component, Kind, Topology
from cluster.window import OnsetCandidate, Window
from methods.peers.evidence import Weights
from methods.peers.judgement import Judgement, judge

STEP, SAMPLES, BEGAN = 300.0, 60, 54
LEVELS = {"latency": 0.2, "latavg": 0.1, "avail": 100.0, "workload": 400.0, "cpu": 2.0}
SERVICES = ("adopt", "search", "web")


def elsewhere(
    factors: Mapping[tuple[str, str], float], kept: np.ndarray | None = None, factors_at: slice = slice(BEGAN, None)
) -> Incident:
    """Five hours of three services, samples of 5 minutes with 5 % of noise; users call `web`, nothing says who calls
    whom. From `BEGAN` on each series is multiplied by its factor."""
    rng = np.random.default_rng(3)
    columns = {}
    for service in SERVICES:
        for signal, level in LEVELS.items():
            noise = 0.0 if signal == "avail" else 0.05
            values = level * (1 + noise * rng.standard_normal(SAMPLES))
            values[factors_at] *= factors.get((service, signal), 1.0)
            columns[service, signal] = values
    metrics = pd.DataFrame(columns, index=pd.Index(STEP * np.arange(SAMPLES), name="time", dtype="float64"))
    metrics.columns = pd.MultiIndex.from_tuples(columns, names=["component", "signal"])
    topology = Topology(tuple(Component(name, Kind.SERVICE) for name in SERVICES), (), "web")
    whole = metrics if kept is None else metrics[kept]
    return Incident("elsewhere", "rcaeval", Window(0.0, STEP * SAMPLES), topology, Telemetry(whole))


def judged(incident: Incident) -> Judgement:
    found = judge(incident, Weights())
    assert isinstance(found, Judgement), found
    return found


def slow(service: str, by: float) -> dict[tuple[str, str], float]:
    return {(service, "latency"): by, (service, "latavg"): by}


def test_the_service_that_became_slow_is_blamed_and_not_the_front_door_that_waits() -> None:
    incident = elsewhere(slow("adopt", 3.0) | slow("web", 2.0))
    assert judged(incident).order[0] == "adopt"


def test_faster_is_no_fault() -> None:
    incident = elsewhere(slow("adopt", 0.2) | slow("search", 1.6))
    assert judged(incident).order[0] == "search"


def test_failures_count_by_their_ratio_whether_they_are_told_as_a_share_or_in_percent() -> None:
    incident = elsewhere({("search", "avail"): 0.95})
    assert judged(incident).order[0] == "search"


def test_less_work_is_no_fault_of_who_gets_it() -> None:
    fewer = {("search", "workload"): 0.3, ("search", "cpu"): 0.3}
    assert judged(elsewhere(fewer)).scores["search"] < judged(elsewhere({("search", "cpu"): 0.3})).scores["search"]


def test_where_there_is_no_request_there_is_no_latency() -> None:
    idle = {("search", signal): 0.0 for signal in ("workload", "avail")} | slow("adopt", 3.0)
    assert judged(elsewhere(idle)).order[0] == "adopt"


def test_a_hole_in_the_recording_is_nobodys_fault() -> None:
    kept = np.ones(SAMPLES, dtype=np.bool_)
    kept[20:40] = False
    incident = elsewhere(slow("adopt", 4.0), kept)
    evidence = judged(incident).evidence
    assert evidence.blocks.measured[evidence.among.first].all()
    assert judged(incident).order[0] == "adopt"


def test_without_peers_the_times_at_which_users_suffered_count() -> None:
    short = slice(30, 32)
    quiet = elsewhere(slow("adopt", 2.0), factors_at=short)
    then = (OnsetCandidate(30 * STEP, 0.9, 29 * STEP, 31 * STEP),)
    later = (OnsetCandidate(50 * STEP, 0.9, 49 * STEP, 51 * STEP),)
    told, misled = (judged(quiet.searched(None, "", candidates)).scores["adopt"] for candidates in (then, later))
    assert told > 1.5 * misled
