"""Names of metrics: what their kind adds to them, their words, and which of them are near to known ones."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

LEAST = 0.55
"""Likeness from 0 to 1 from which a name may be another name of the same quantity."""
_FEW = 0.3
"""Share of words in common below which letters are not looked at."""
_BY_LETTERS = 40
"""Names whose letters are compared, those with most words in common; letters cost a hundred times what words do."""
_SYNONYMS = {
    "waiting": "queue",
    "queued": "queue",
    "pending": "queue",
    "queries": "requests",
    "request": "requests",
    "reqs": "requests",
    "responses": "requests",
    "processing": "running",
    "ongoing": "running",
    "active": "running",
    "inflight": "running",
    "tokens": "token",
    "latency": "time",
    "latencies": "time",
    "duration": "time",
    "durations": "time",
    "usage": "utilization",
    "util": "utilization",
    "perc": "utilization",
    "percent": "utilization",
    "failed": "errors",
    "failure": "errors",
    "failures": "errors",
    "error": "errors",
    "length": "size",
    "depth": "size",
    "temp": "temperature",
    "mem": "memory",
    "framebuffer": "memory",
    "fb": "memory",
    "vram": "memory",
    "clocks": "clock",
}
_SHORT = {
    "ttft": ("time", "first", "token"),
    "tpot": ("time", "output", "token"),
    "itl": ("inter", "time", "token"),
    "e2e": (),
}
"""Abbreviations of several words, or of none that tells."""
_EXPORTERS = (
    "vllm ray sglang kserve tgi lightllm lmdeploy trtllm nv trt llm llamacpp dynamo litellm nginx nginxplus haproxy"
    " traefik kong apisix envoy istio smg sgl dcgm fi dev prof exp amd nvidia smi habanalabs"
)
"""What names of one exporter begin with: no other has it, and the quantity is the same."""
_NOISE = frozenset({"seconds", "s", "ms", "us", "total", "num", "the", "to", "per", "in", "ratio", *_EXPORTERS.split()})
VALUES, DOT = "U__", "_dot_"
"""How Prometheus 3 marks a name that it has escaped."""
_SINGLE = re.compile("(?<!_)_(?!_)|___")
_ESCAPE = re.compile("__|_([0-9a-fA-F]{1,6})_")

Words: TypeAlias = frozenset[str]


def family(series: str) -> str:
    """The name of a metric without what its kind adds: `_bucket`, `_count`, `_sum`, `_total`, `_created`."""
    for part in ("_bucket", "_count", "_sum", "_total", "_created"):
        if series.endswith(part):
            return series.removesuffix(part)
    return series


def unescaped(name: str) -> str:
    """The name that Prometheus 3 had escaped for those that know no UTF-8 names; any other as it is."""
    if name.startswith(VALUES):
        return _ESCAPE.sub(lambda found: _character(found[1]) if found[1] else "_", name.removeprefix(VALUES))
    own = family(name)
    if DOT in own or (
        "__" in own and not _SINGLE.search(own)
    ):  # this scheme doubles each `_` of a name without dots, too
        return own.replace(DOT, ".").replace("__", "_") + name[len(own) :]
    return name


@lru_cache(maxsize=1 << 14)
def words(name: str) -> Words:
    """The words of a name in lower case, each for its synonyms, without those that say nothing."""
    split = re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", family(unescaped(name))).lower())
    return frozenset(
        one for word in split if word and word not in _NOISE for one in _SHORT.get(word, (_SYNONYMS.get(word, word),))
    )


@lru_cache(maxsize=4)
def _split(names: frozenset[str]) -> tuple[tuple[str, Words], ...]:
    """Each name with its words: all signals are compared with the same names, which may be more than `words` keeps."""
    return tuple((name, words(name)) for name in names)


def nearest(known: frozenset[Words], names: Iterable[str], most: int) -> tuple[str, ...]:
    """Those of the names that may be another of the known ones, which are given by their words, nearest first.

    Compared are the names that have a word in common with a known one, and the letters of the `_BY_LETTERS` of them
    that have most.
    """
    vocabulary = frozenset[str]().union(*known)
    scored = [
        (score, name)
        for name, ours in _split(frozenset(names))
        if (common := vocabulary & ours) and (score := _by_words(common, len(ours), known)) >= _FEW
    ]
    scored.sort(key=lambda one: (-one[0], one[1]))
    for place, (score, name) in enumerate(scored[:_BY_LETTERS]):
        scored[place] = max(score, _by_letters(words(name), known, max(score, LEAST))), name
    scored.sort(key=lambda one: (-one[0], one[1]))
    return tuple(name for score, name in scored if score >= LEAST)[:most]


@lru_cache(maxsize=1 << 14)
def _by_words(common: Words, size: int, known: frozenset[Words]) -> float:
    """From 0 to 1: the share of words that a name of `size` words has in common with the nearest of the known.

    Only those words count that any of the known has, so that names which differ in a number are compared once.
    """
    return max(_share(len(common & theirs), size, len(theirs)) for theirs in known)


@lru_cache(maxsize=1 << 14)
def _by_letters(ours: Words, known: frozenset[Words], least: float) -> float:
    """From 0 to 0.9: the likeness of the letters with the nearest of the known; 0 where it is below `least`.

    Letters are compared only where a bound from above, which costs less, says that they can count.
    """
    best = 0.0
    for theirs in known:
        if _FEW <= _share(len(ours & theirs), len(ours), len(theirs)) < LEAST:
            letters = difflib.SequenceMatcher(None, "_".join(sorted(ours)), "_".join(sorted(theirs)))
            needed = max(best, least)
            if all(0.9 * bound() >= needed for bound in (letters.real_quick_ratio, letters.quick_ratio)):
                best = max(best, 0.9 * letters.ratio())
    return best


def _share(common: int, ours: int, theirs: int) -> float:
    return common / (ours + theirs - common)


def _character(code: str) -> str:
    number = int(code, 16)
    return chr(number) if number <= sys.maxunicode else "_"
