"""What the users did and felt at the front door: an overload has no culprit among the components."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cluster.incident.model import Incident
from cluster.text.quantities import number, percent
from cluster.topology import Topology
from cluster.window import Window
from methods.answer.types import Pointer, SeriesPointer
from methods.peers import contrasts
from methods.peers.account import Means, unit
from methods.peers.evidence import Evidence as Peers
from methods.verdict.normal import began, departures
from methods.verdict.phrases import change, listed, words

MORE = 1.25
"""Factor of the requests from which users sent more."""
SLOWER = 1.5
"""Factor of the latency from which users felt it."""
MISSED = 20.0
"""Requests that the former rate would have brought: that none of so many came is no chance."""
FAILED = 0.05
"""Share of the requests that fail, from which users are in trouble whatever was before."""
WAIT, BESIDE = 1.0, 3.0
"""Requests that wait at an engine in the mean, and times as many as at the others, from which users wait there."""
_FELT = ("latency_p90", "latency_p50", "ttft_p90")
_LOAD = ("connections", "request_rate")
_HELD = ("running_requests", "queue_length")


@dataclass(frozen=True, slots=True)
class Users:
    """What the front door shows in the stretch that its latency rises most.

    Attributes:
        onset: unix seconds at which its load or its latency left its normal.
        load, felt: phrases, "requests 4 → 9 /s" and "latency p90 0.6 → 3 s".
        more: they sent more than before.
        slower: they waited longer than before.
    """

    onset: float
    load: str
    felt: str
    more: bool
    slower: bool
    pointer: Pointer


def users(incident: Incident, evidence: Peers) -> Users | None:
    """None where the front door is not known, or nothing was measured there."""
    door = incident.topology.front_door
    if door is None:
        return None
    rows, among = evidence.blocks.own.scaled, evidence.among
    felt = next((signal for signal in _FELT if (door, signal) in rows), None)
    if felt is None:
        return None
    move = contrasts.moves(rows[door, felt][None], among)
    z = np.nan_to_num(move.contrast(np.zeros_like(move.own), floor=0.1))[:, 0]
    at = int(z.argmax())
    edges = evidence.blocks.edges
    start, end = float(edges[among.first[at]]), float(edges[among.first[at] + among.length[at]])
    left = began(departures(incident, [(door, signal) for signal in (*_FELT, *_LOAD)], start, end))
    onset = start if left is None else left
    means = Means(incident, onset, end)
    load = _requests(incident, means, door)
    waited = means.of(door, felt)
    more = load is not None and load[1] >= MORE * load[0]
    slower = all(map(math.isfinite, waited)) and waited[1] >= SLOWER * waited[0]
    return Users(
        onset,
        f"requests {change(*load, '1/s')}" if load else "",
        f"{words(felt)} {change(*waited, unit(incident, felt))}",
        more,
        slower,
        SeriesPointer(door, felt, onset, end),
    )


def at_the_start(incident: Incident, evidence: Peers) -> str:
    """What users suffer in the first stretch of the recording by signs that need no time before it; empty without one.

    Such signs are requests that fail, requests that wait at one engine and not at others, and calls that take longer
    than the callees say.
    """
    door, edges, among = incident.topology.front_door, evidence.blocks.edges, evidence.among
    if door is None:
        return ""
    first = int(np.flatnonzero(among.older)[0])
    means = Means(incident, float(edges[0]), float(edges[among.length[first]]))
    callees = incident.topology.callees(door)
    told = []
    failed, all_ = means.of(door, "error_rate")[1], means.of(door, "request_rate")[1]
    if failed >= FAILED * all_ > 0:
        told.append(f"{percent(min(failed / all_, 1.0))} of the requests fail at {door}")
    queues = {callee: means.of(callee, "queue_length")[1] for callee in callees}
    usual = statistics.median([queue for queue in queues.values() if math.isfinite(queue)] or [0.0])
    if waiting := [callee for callee, queue in queues.items() if queue >= max(WAIT, BESIDE * usual)]:
        told.append(f"requests wait in the queue of {listed(waiting)}")
    if (factor := _longer(means, door, callees)) >= SLOWER:
        told.append(f"calls of {door} take {number(factor)} times as long as the callees say")
    elif not factor and (factor := _beyond(means, door, callees)) >= SLOWER:
        told.append(f"requests take {number(factor)} times as long at {door} as at any callee")
    return " and ".join(told)


def _longer(means: Means, door: str, callees: Sequence[str]) -> float:
    """Times as long as the callees say that most calls take, in median and tail; 0 where it is not measured."""
    factors = []
    for signal in ("latency_p50", "latency_p90"):
        pairs = [(means.of(door, callee, signal)[1], means.of(callee, signal)[1]) for callee in callees]
        if known := sorted(call / said for call, said in pairs if math.isfinite(call) and said > 0):
            factors.append(known[(len(known) - 1) // 2])
    return min(factors, default=0.0)


def _beyond(means: Means, door: str, callees: Sequence[str]) -> float:
    """Times as long as at the slowest callee that requests take at the front door; 0 where it is not measured.

    In the tail: the way to one callee of several delays few.
    """
    said = [level for callee in callees if (level := means.of(callee, "latency_p90")[1]) > 0]
    own = means.of(door, "latency_p90")[1]
    return own / max(said) if said and math.isfinite(own) else 0.0


def none_ended(incident: Incident) -> Window | None:
    """The longest stretch in which no request ended at the front door, where that is no chance; None without one.

    Users that went away look so, and a front door that passes nothing on. Pauses of that kind before are usual.
    """
    door = incident.topology.front_door
    ended = None if door is None else _ended(incident.telemetry.metrics, incident.topology, door)
    if ended is None:
        return None
    times, rates = ended.index.to_numpy(dtype=np.float64), ended.to_numpy(dtype=np.float64)
    quiet = np.concatenate([[False], rates == 0, [False]]).astype(np.int8)
    starts, ends = np.flatnonzero(np.diff(quiet) == 1), np.flatnonzero(np.diff(quiet) == -1)
    if not len(starts):
        return None
    bounds = np.append(times, incident.window.end)
    lasted = bounds[ends] - bounds[starts]
    longest = int(lasted.argmax())
    first = int(starts[longest])
    others = np.delete(lasted, longest)
    usual = len(others) > 0 and bool(others.max() >= lasted[longest] / 2)
    if usual or first == 0 or rates[:first].mean() * lasted[longest] < MISSED:
        return None
    return Window(float(times[first]), float(bounds[ends[longest]]))


def _ended(metrics: pd.DataFrame, topology: Topology, door: str) -> pd.Series | None:
    """Requests a second that ended, as the front door counts them or as those that it calls do."""
    for names in ((door,), topology.callees(door)):
        columns = [(name, "request_rate") for name in names if (name, "request_rate") in metrics.columns]
        total: pd.Series = metrics[columns].sum(axis=1, min_count=max(1, len(columns))).dropna()
        if len(total):
            return total
    return None


def busy(incident: Incident, stretch: Window) -> list[str]:
    """Components of the stretch in which requests wait or run, by what they say of themselves."""
    metrics = incident.telemetry.metrics
    inside = metrics[(metrics.index >= stretch.start) & (metrics.index < stretch.end)]
    held = inside[[column for column in inside.columns if column[1] in _HELD]].mean()
    return [one for one in incident.topology.ids if any(held.get((one, signal), 0.0) >= 1.0 for signal in _HELD)]


def _requests(incident: Incident, means: Means, door: str) -> tuple[float, float] | None:
    """Requests a second before and in the stretch, as the front door counts them or as those that it calls do."""
    pair = means.of(door, "request_rate")
    if all(map(math.isfinite, pair)):
        return pair
    below = [means.of(callee, "request_rate") for callee in incident.topology.callees(door)]
    known = [p for p in below if all(map(math.isfinite, p))]
    return (sum(p[0] for p in known), sum(p[1] for p in known)) if known else None
