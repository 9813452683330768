"""What a Prometheus scrapes and how it is queried: names, types, scrape intervals, the queries behind the signals.

Telemetry holds values; an exposition says how they were measured, so that a check can find faults of the measurement.
A saved incident has no exposition.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from cluster.prometheus.client import Prometheus
from cluster.prometheus.promql import Query, Source, resolve
from cluster.window import Window

_WINDOW = re.compile(r"\[(\d+)ms\]")
_PARTS = ("_bucket", "_count", "_sum", "_total")


@dataclass(frozen=True)
class Exposition:
    """How the metrics of one deployment are measured.

    Attributes:
        names: metric names of all series that the server has near the window.
        types: metric family to "counter", "gauge", "histogram", ...; an absent family has an unknown type.
        intervals: seconds between two scrapes, by job.
        queries: the queries for the canonical signals.
    """

    names: frozenset[str]
    types: Mapping[str, str]
    intervals: Mapping[str, float]
    queries: tuple[Query, ...]

    @property
    def looks_back(self) -> float:
        """Longest window of a rate or a quantile in the queries, in seconds; 0 without any."""
        windows = (match for query in self.queries for match in _WINDOW.findall(query.expr))
        return max((float(window) / 1000 for window in windows), default=0.0)

    def type_of(self, series: str) -> str:
        """The type of a series' family, "" where unknown. A family's name lacks `_bucket`, `_total` and so on."""
        stems = (series, *(series.removesuffix(part) for part in _PARTS if series.endswith(part)))
        return next((self.types[stem] for stem in stems if stem in self.types), "")


@runtime_checkable
class HasExposition(Protocol):
    """A deployment whose Prometheus can be queried for how it measures."""

    def exposition(self, window: Window) -> Exposition:
        """Raises DeploymentError when the server does not answer."""


def read(server: Prometheus, source: Source, window: Window) -> Exposition:
    """Read the exposition from a server whose series the source describes. Raises DeploymentError."""
    names = server.names(window)
    queries, _ = resolve(None, source, names)
    return Exposition(names, server.types(), server.intervals(), tuple(queries))
