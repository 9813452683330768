"""Names that no table knows, ordered by how near they are to the names that measure a signal."""

from __future__ import annotations

import difflib
import re
from functools import lru_cache

from cluster.prometheus.names import CATALOG, table
from cluster.prometheus.variants import family, unescaped

LEAST = 0.55
"""Likeness from 0 to 1 from which a name may be another name of the signal."""
_FEW = 0.3
"""Share of words in common below which letters are not looked at."""
_SYNONYMS = {
    "waiting": "queue",
    "queued": "queue",
    "queries": "requests",
    "request": "requests",
    "reqs": "requests",
    "processing": "running",
    "ongoing": "running",
    "active": "running",
    "tokens": "token",
    "latency": "time",
    "duration": "time",
    "usage": "utilization",
    "perc": "utilization",
    "ttft": "first",
    "itl": "between",
}
_NOISE = frozenset({"vllm", "ray", "sglang", "kserve", "seconds", "s", "ms", "total", "num", "the", "to", "per", "in"})


@lru_cache(maxsize=4096)
def nearest(signal: str, names: frozenset[str], most: int = 5) -> tuple[str, ...]:
    """Those of the names that may be the signal's, nearest first."""
    known = _words_of(signal)
    scored = [(_likeness(_words(name), known), name) for name in names]
    return tuple(name for score, name in sorted(scored, key=lambda s: (-s[0], s[1])) if score >= LEAST)[:most]


@lru_cache(maxsize=128)
def _words_of(signal: str) -> frozenset[frozenset[str]]:
    """The words of each name that measures a signal in any table, and those of the signal itself."""
    rules = [rule for row in CATALOG for spelling in table(row) for rule in spelling.rules if rule.signal == signal]
    return frozenset(map(_words, (signal, *(metric for rule in rules for metric in rule.metrics))))


@lru_cache(maxsize=1 << 16)
def _likeness(ours: frozenset[str], known: frozenset[frozenset[str]]) -> float:
    """From 0 to 1: the words in common with the nearest of the known, and where they are few the letters.

    Below `LEAST` it may be too low: letters are compared only where a bound from above, which costs less, says that
    they can count.
    """
    best = 0.0
    alike = []
    for theirs in known:
        if common := len(ours & theirs):
            shared = common / (len(ours) + len(theirs) - common)
            if shared >= _FEW:
                best = max(best, shared)
                alike += [theirs] if shared < LEAST else []
    for theirs in alike:
        letters = difflib.SequenceMatcher(None, "_".join(sorted(ours)), "_".join(sorted(theirs)))
        needed = max(best, LEAST)
        if all(0.9 * bound() >= needed for bound in (letters.real_quick_ratio, letters.quick_ratio)):
            best = max(best, 0.9 * letters.ratio())
    return best


@lru_cache(maxsize=1 << 14)
def _words(name: str) -> frozenset[str]:
    split = re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", family(unescaped(name))).lower())
    return frozenset(_SYNONYMS.get(word, word) for word in split if word and word not in _NOISE)
