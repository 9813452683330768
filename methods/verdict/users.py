"""What the users did and felt at the front door: an overload has no culprit among the components."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cluster.incident.model import Incident
from cluster.topology import Topology
from cluster.window import Window
from methods.answer.types import Pointer, SeriesPointer
from methods.peers import contrasts
from methods.peers.account import Means, unit
from methods.peers.evidence import Evidence as Peers
from methods.verdict.normal import began, departures
from methods.verdict.phrases import change, words

MORE = 1.25
"""Factor of the requests from which users sent more."""
SLOWER = 1.5
"""Factor of the latency from which users felt it."""
MISSED = 20.0
"""Requests that the former rate would have brought: that none of so many came is no chance."""
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
