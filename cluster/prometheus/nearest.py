"""Names that no table knows, ordered by how near they are to the names that measure a signal."""

from __future__ import annotations

from functools import lru_cache

from cluster.prometheus.names import CATALOG, table
from cluster.text import metric_names
from cluster.text.metric_names import Words


@lru_cache(maxsize=4096)
def nearest(signal: str, names: frozenset[str], most: int = 5) -> tuple[str, ...]:
    """Those of the names that may be the signal's, nearest first."""
    return metric_names.nearest(_words_of(signal), names, most)


@lru_cache(maxsize=128)
def _words_of(signal: str) -> frozenset[Words]:
    """The words of each name that measures a signal in any table, and those of the signal itself."""
    rules = [rule for row in CATALOG for spelling in table(row) for rule in spelling.rules if rule.signal == signal]
    return frozenset(map(metric_names.words, (signal, *(metric for rule in rules for metric in rule.metrics))))
