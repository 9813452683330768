"""What a Prometheus scrapes and how it is asked: names, types, scrape intervals, and the queries behind the signals.

Telemetry shows values; this shows what made them, and so what could be wrong with them. A saved incident has none.
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
    """How the metrics of one deployment come about.

    Attributes:
        names: of all series that the server has about the window.
        types: metric family to "counter", "gauge", "histogram", ...; what is missing is not known.
        intervals: seconds between two scrapes, by job.
        queries: what is asked for the canonical signals.
    """

    names: frozenset[str]
    types: Mapping[str, str]
    intervals: Mapping[str, float]
    queries: tuple[Query, ...]

    @property
    def looks_back(self) -> float:
        """Seconds of the longest window that a query takes a rate or a quantile over; 0 when none does."""
        windows = (match for query in self.queries for match in _WINDOW.findall(query.expr))
        return max((float(window) / 1000 for window in windows), default=0.0)

    def type_of(self, series: str) -> str:
        """The type of a series' family, "" where it is not known. Families go without `_bucket`, `_total` and so on."""
        stems = (series, *(series.removesuffix(part) for part in _PARTS if series.endswith(part)))
        return next((self.types[stem] for stem in stems if stem in self.types), "")


@runtime_checkable
class HasExposition(Protocol):
    """A deployment whose metrics come from a Prometheus that can be asked about itself."""

    def exposition(self, window: Window) -> Exposition:
        """Raises DeploymentError when the server does not answer."""


def read(server: Prometheus, source: Source, window: Window) -> Exposition:
    """Ask a server whose series one source describes. Raises DeploymentError."""
    names = server.names(window)
    queries, _ = resolve(None, source, names)
    return Exposition(names, server.types(), server.intervals(), tuple(queries))
