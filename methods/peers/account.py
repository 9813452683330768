"""The contrasts of one component in one stretch, in the units of its signals: what an explanation shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cluster.incident.model import Incident
from cluster.signals import UNITS, Hurts
from methods.answer.types import EdgePointer, Pointer, SeriesPointer
from methods.peers.evidence import Evidence
from methods.peers.families import family_of, hurts
from methods.telemetry.matrix import Floats

SMALL = 0.1
"""A change of less than this share is called unchanged."""


@dataclass(frozen=True)
class Measured:
    """One signal of a component, and of its peers, before and in a stretch: means, in the signal's unit.

    Attributes:
        caller: who measured it of its calls to the component; empty for what the component says of itself.
        peers: (mean before, mean in the stretch), the medians over the peers; None without peers that have it.
        evidence: log factor of the signal's family in that stretch.
    """

    signal: str
    caller: str
    before: float
    inside: float
    peers: tuple[float, float] | None
    evidence: float
    pointer: Pointer

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

    `means` are of everything that was measured around that stretch.
    """

    component: str
    peers: tuple[str, ...]
    start: float
    end: float
    rows: tuple[Measured, ...]
    means: Means


def account_of(incident: Incident, evidence: Evidence, component: str, at: int) -> Account:
    """`at` is the index of the stretch."""
    edges, among = evidence.blocks.edges, evidence.among
    start, end = float(edges[among.first[at]]), float(edges[among.first[at] + among.length[at]])
    peers = tuple(member for member in evidence.group(component).members if member != component)
    means = Means(incident, start, end)
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
            rows.append(Measured(signal, caller, before, inside, others, weight, pointer))
    rows.sort(key=lambda row: (-round(row.evidence, 6), not row.harmful, -abs(round(row.change, 6)), row.signal))
    return Account(component, peers, start, end, tuple(rows), means)


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
