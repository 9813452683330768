"""A Prometheus of our own, which may be asked for many signals in one request.

On the machine that serves, the time of a look goes into requests: some 40 of 2 ms of CPU each, for a kilobyte of
samples. Servers of others, and proxies before them, may limit what a query or its answer holds: they get one each.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from cluster.deployment import DeploymentError
from cluster.http import QueryError, wrong_form
from cluster.prometheus.client import Answer, Prometheus, Series
from cluster.prometheus.promql import Query
from cluster.window import Window

TOGETHER = 10
"""Queries in a request: the requests of a look are still several, for the server's cores."""
MOST_SERIES = 50
"""Series of a query up to which they go together: at each `or` the server compares with all that stands before it."""
_MARK = "__query"
"""A label that no metric has: those that begin so are left to the server."""


class OwnPrometheus(Prometheus):
    """As `Prometheus`, with fewer and larger requests."""

    def range(
        self, queries: Sequence[Query], window: Window, step: float, expected: int = 1, within: float | None = None
    ) -> Answer:
        left = self.deadline if within is None else within
        if expected > MOST_SERIES:
            return super().range(queries, window, step, expected, left)
        began = time.monotonic()
        batches = [queries[i : i + TOGETHER] for i in range(0, len(queries), TOGETHER)]
        try:
            answer = super().range([_joined(some) for some in batches], window, step, expected * TOGETHER, left / 2)
        except DeploymentError:
            answer = None
        if answer is None or any(answer.partial):  # asked one by one, the server says which of them it is
            return super().range(queries, window, step, expected, left - (time.monotonic() - began))
        try:
            shares = [one for some, series in zip(batches, answer.series, strict=True) for one in _apart(some, series)]
        except (ValueError, IndexError):
            raise self.error(QueryError(wrong_form("Prometheus"))) from None
        return Answer(answer.times, tuple(shares), (), ("",) * len(queries))


def _joined(queries: Sequence[Query]) -> Query:
    """One query for the series of all, each with the number of the query that it belongs to."""
    marked = (f'label_replace({query.expr}, "{_MARK}", "{n}", "", "")' for n, query in enumerate(queries))
    return Query(", ".join(query.signal for query in queries), " or ".join(marked), (_MARK, *_labels(queries)))


def _apart(queries: Sequence[Query], series: Series) -> list[Series]:
    """The series of each query, by the values of its own labels."""
    place = {label: 1 + number for number, label in enumerate(_labels(queries))}
    shares: list[Series] = [{} for _ in queries]
    for key, values in series.items():
        number = int(key[0])
        shares[number][tuple(key[place[label]] for label in queries[number].labels)] = values
    return shares


def _labels(queries: Sequence[Query]) -> list[str]:
    return list(dict.fromkeys(label for query in queries for label in query.labels))
