"""The contrasts of one component in one stretch, in the units of its signals: what an explanation shows."""

from __future__ import annotations

import copy
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cluster.incident.model import Incident
from cluster.signals import UNITS, Hurts
from methods.answer.types import EdgePointer, Pointer, SeriesPointer
from methods.peers.evidence import Evidence
from methods.peers.families import family_of, hurts, stands_alike
from methods.telemetry.matrix import Floats

SMALL = 0.1
"""A change of less than this share is called unchanged."""


@dataclass(frozen=True)
class Measured:
    """One signal of a component, and of its peers, before and in a stretch: means, in the signal's unit.

    Attributes:
        caller: who measured it of its calls to the component; empty for what the component says of itself.
        before: mean before the stretch; of trouble that is older than the recording, what the peers have.
        peers: (mean before, mean in the stretch), the medians over the peers; None without peers that have it.
        older: there is nothing before the stretch.
        evidence: log factor of the signal's family in that stretch.
    """

    signal: str
    caller: str
    before: float
    inside: float
    peers: tuple[float, float] | None
    evidence: float
    pointer: Pointer
    older: bool = False

    @property
    def change(self) -> float:
        """Of the signal beyond its peers, as a share of the larger level."""
        own = _ratio(self.before, self.inside)
        return own - (_ratio(*self.peers) if self.peers else 0.0)

    @property
    def harmful(self) -> bool:
        worse = hurts(self.signal)
        return worse is Hurts.EITHER or (self.change > 0) == (worse is Hurts.UP)


@dataclass(frozen=True)
class Account:
    """What was measured of a component around a stretch [start, end) in unix seconds, the strongest evidence first.

    `means` are of everything that was measured around that stretch. `older`: there is nothing before it, and what its
    peers have stands for that.
    """

    component: str
    peers: tuple[str, ...]
    start: float
    end: float
    rows: tuple[Measured, ...]
    means: Means
    older: bool = False


def account_of(incident: Incident, evidence: Evidence, component: str, at: int) -> Account:
    """`at` is the index of the stretch."""
    edges, among = evidence.blocks.edges, evidence.among
    start, end = float(edges[among.first[at]]), float(edges[among.first[at] + among.length[at]])
    peers = tuple(member for member in evidence.group(component).members if member != component)
    older = bool(among.older[at])
    means = means_around(incident, evidence, component, start, end, older)
    families = evidence.families[component]
    rows = []
    for key in means.keys:
        if key[-2] != component:
            continue
        signal, caller = key[-1], key[0] if len(key) == 3 else ""
        before, inside = means.of(*key)
        if np.isfinite(before) and np.isfinite(inside):
            family = families.get(family_of(signal, bool(caller)))
            pointer: Pointer = (
                EdgePointer(caller, component, signal, start, end)
                if caller
                else SeriesPointer(component, signal, start, end)
            )
            others = means.median([(*key[:-2], peer, signal) for peer in peers])
            weight = 0.0 if family is None else float(family[at])
            rows.append(Measured(signal, caller, before, inside, others, weight, pointer, older))
    rows.sort(key=lambda row: (-round(row.evidence, 6), not row.harmful, -abs(round(row.change, 6)), row.signal))
    return Account(component, peers, start, end, tuple(rows), means, older)


def means_around(
    incident: Incident, evidence: Evidence, component: str, start: float, end: float, older: bool
) -> Means:
    """The means before and in [start, end); for trouble that is `older` than that, beside those of the peers."""
    means = Means(incident, start, end)
    if not older:
        return means
    called = [group.members for group in evidence.groups if component in group.callers and group.replicas]
    groups = {one: members for members in called for one in members}
    groups[component] = evidence.group(component).members
    kinds = {one: incident.topology.component(one).kind for members in groups.values() for one in members}

    def others(one: str, signal: str) -> Sequence[str]:
        alike = stands_alike(signal)
        return [c for c in groups.get(one, ()) if c != one and (alike or kinds[c] is kinds[one])]

    return means.beside(others)


def unit(incident: Incident, signal: str) -> str:
    return incident.telemetry.units.get(signal) or UNITS.get(signal, "")


class Means:
    """Means before and in a stretch of every series: (component, signal) or (caller, callee, signal)."""

    def __init__(self, incident: Incident, start: float, end: float) -> None:
        self._found: dict[tuple[str, ...], tuple[float, float]] = {}
        for frame in (incident.telemetry.metrics, incident.telemetry.edge_metrics):
            before, inside = (_mean(frame, -np.inf, start), _mean(frame, start, end))
            for column, pair in zip(frame.columns, zip(before, inside, strict=True), strict=True):
                self._found[tuple(map(str, column))] = (float(pair[0]), float(pair[1]))

    def beside(self, others: Callable[[str, str], Sequence[str]]) -> Means:
        """The same where nothing lies before: a component had what those have that `others` has for it and a signal."""
        found = copy.copy(self)
        found._found = {key: (pair[1], pair[1]) for key, pair in self._found.items()}
        for key, (_, inside) in self._found.items():
            if usual := [self.of(*key[:-2], other, key[-1])[1] for other in others(key[-2], key[-1])]:
                known = [level for level in usual if math.isfinite(level)]
                found._found[key] = (statistics.median(known) if known else math.nan, inside)
        return found

    @property
    def keys(self) -> Sequence[tuple[str, ...]]:
        """Of the series that have a value."""
        return tuple(key for key, pair in self._found.items() if np.isfinite(pair).any())

    def of(self, *key: str) -> tuple[float, float]:
        """NaN where the series is missing or has no value."""
        return self._found.get(key, (np.nan, np.nan))

    def median(self, keys: Sequence[tuple[str, ...]]) -> tuple[float, float] | None:
        pairs = np.array([self.of(*key) for key in keys]).reshape(-1, 2)
        pairs = pairs[np.isfinite(pairs).all(axis=1)]
        return (float(np.median(pairs[:, 0])), float(np.median(pairs[:, 1]))) if len(pairs) else None


def _mean(frame: pd.DataFrame, start: float, end: float) -> Floats:
    times = frame.index.to_numpy(dtype=np.float64)
    values = frame.to_numpy(dtype=np.float64)[(times >= start) & (times < end)]
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    total = np.where(finite, values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _ratio(before: float, inside: float) -> float:
    largest = max(abs(before), abs(inside))
    return (inside - before) / largest if largest > 0 else 0.0
