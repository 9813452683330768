"""The ways in which a server spells the names of a table, found among the names that it has.

    spelled(spellings, names) -> the tables under the names that the server has; without those that it lacks

One table holds for all of these, in any combination:

- `_` for `:`, in stores that escape it: `vllm_num_requests_running`;
- dots and other characters that Prometheus 3 allows, as they are (`vllm.num_requests_running`) or escaped by
  one of its schemes (`U__vllm_2e_num__requests__running`, `vllm_dot_num__requests__running`);
- something before the names of an engine: `ray_vllm:…`, `kserve_vllm:…`, `acme_sglang_…`;
- another case: `dcgm_fi_prof_gr_engine_active`;
- a counter without `_total`, or with it where the table has none;
- the unit that OpenTelemetry adds where a name has none: `vllm_kv_cache_usage_perc_ratio`;
- a native histogram, which has no `_bucket`, `_count` and `_sum`, and no label `le`.

A fleet in the middle of an upgrade has several at once: each is a table of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TypeAlias

from cluster.prometheus.rules import METRIC, Rule, Spelling, opened
from cluster.text.metric_names import DOT, VALUES, family, unescaped

_COUNTER = re.compile(r"rate\(([a-zA-Z_:][a-zA-Z0-9_:]*)\{")
_RATE = re.compile(r"rate\(([a-zA-Z_:][a-zA-Z0-9_:]*)\{[^{}]*\}\[\$\w+\]\)")
_BUCKET, _TOTAL = "_bucket", "_total"
_RECORDED = re.compile(":(?=(?:sum|count|bucket|total)$)")
_RATIO, _SECONDS = "_ratio", "_seconds"
_UNITS = re.compile("_(seconds|ms|milliseconds|us|tokens|bytes|requests|total|length)$")
_WITHIN = {"_count": "histogram_count", "_sum": "histogram_sum"}
"""What a classic histogram has beside its buckets, and the function that takes it from a native one."""

Way: TypeAlias = tuple[str, str, bool]
"""What stands before the name, how its special characters are written, whether the case differs."""


@lru_cache(maxsize=64)
def spelled(spellings: tuple[Spelling, ...], names: frozenset[str]) -> tuple[Spelling, ...]:
    """Each table once for each way in which it is spelled, its rules those that find a metric."""
    lower = {name: _plain(name) for name in names}
    return tuple(found for spelling in spellings for found in _ways(spelling, lower))


@lru_cache(maxsize=8)
def known_names(spellings: tuple[Spelling, ...], names: frozenset[str]) -> frozenset[str]:
    """Those of the names that a table knows, whether a rule reads them or not."""
    lower = {name: _plain(name) for name in names}
    known: set[str] = set()
    for spelling in spellings:
        patterns = [_plain(name) for name in spelling.unread]
        patterns += [_plain(family(metric)) for metric in spelling.metrics]
        whole = re.compile("|".join(f"(?:{re.escape(one).replace(re.escape('*'), '.*')})" for one in patterns))
        for name, plain in lower.items():
            places = _places(spelling, plain) if spelling.prefixed else [0]
            tails = (plain[at:] for at in places)
            known |= {name for tail in tails if any(map(whole.fullmatch, _without_suffixes(tail)))}
    return frozenset(known)


def _without_suffixes(name: str) -> set[str]:
    """The name, and what it is without what its kind or a unit adds."""
    stem = family(name)
    return {name, stem, stem.removesuffix(_RATIO), stem.removesuffix(_SECONDS)}


def _plain(name: str) -> str:
    """In lower case, with `_` for all else but the `*` of a pattern; `:sum` of a recorded name is no part of a kind."""
    return re.sub(r"[^a-z0-9_*]", "_", _RECORDED.sub("__", unescaped(name).lower()))


def _places(spelling: Spelling, plain: str) -> list[int]:
    """Where the table's own names may begin in a name: at its start, or behind something that ends in `_`."""
    stem, pattern = _stem(spelling.name)
    return [found.start() for found in pattern.finditer(plain)] if stem in plain else []


@lru_cache(maxsize=256)
def _stem(name: str) -> tuple[str, re.Pattern[str]]:
    """What names of a table begin with, and a pattern of where that may stand."""
    stem = _plain(name)
    return stem, re.compile(f"(?:(?<=_)|^){re.escape(stem)}")


def _ways(spelling: Spelling, lower: Mapping[str, str]) -> Iterable[Spelling]:
    wanted: dict[str, list[tuple[str, bool]]] = {}
    counters = {metric for rule in spelling.rules for metric in _COUNTER.findall(rule.expr)}
    scaled = {metric for rule in spelling.rules if rule.scale != 1.0 for metric in rule.metrics}
    for metric in spelling.metrics:
        for name, own in _forms(metric, metric in counters, metric in scaled):
            wanted.setdefault(_plain(name), []).append((metric, own))
    found: dict[Way, dict[bool, dict[str, str]]] = {}
    for name, plain in lower.items():
        for at in _places(spelling, plain) if spelling.prefixed else [0]:
            for metric, own in wanted.get(plain[at:], ()):
                if not own and f"{name}_sum" in lower and f"{name}{_BUCKET}" not in lower:
                    continue  # a summary: its quantiles are of the exporter's choice
                tail = unescaped(name)[at:]
                way = unescaped(name)[:at], _style(name, metric), tail[:1].islower() != metric[:1].islower()
                found.setdefault(way, {}).setdefault(own, {})[metric] = name
    for way in sorted(found, key=lambda way: (len(way[0]), way)):
        yield from _tables(spelling, way, found[way])


def _style(name: str, metric: str) -> str:
    """How a name writes what is not a letter, a digit or `_`; "" for as the table does."""
    if unescaped(name) != name:
        return VALUES if name.startswith(VALUES) else DOT
    if re.search("[^a-zA-Z0-9_:]", name):
        return "."
    return "_" if ":" in metric and ":" not in name else ""


def _forms(metric: str, counter: bool, scaled: bool) -> Iterable[tuple[str, bool]]:
    """The names under which a metric may stand, and whether it is the table's own.

    `scaled`: it is in another unit than seconds, whether its name says so or not.
    """
    yield metric, True
    if metric.endswith(_BUCKET):
        stem = metric.removesuffix(_BUCKET)
        yield stem, False
        if not (scaled or _UNITS.search(stem)):
            yield stem + _SECONDS + _BUCKET, False
    elif counter:
        if metric.endswith(tuple(_WITHIN)):
            yield family(metric), False
        yield (metric.removesuffix(_TOTAL) if metric.endswith(_TOTAL) else metric + _TOTAL), False
    else:
        yield metric + _RATIO, False


def _tables(spelling: Spelling, way: Way, found: Mapping[bool, Mapping[str, str]]) -> Iterable[Spelling]:
    """The table under the names found; twice where a metric stands there in both of its forms."""
    own, other = found.get(True, {}), found.get(False, {})
    name = way[0] + _cased(spelling.name, way)
    for preferred, second in ((own, other), (other, own)):
        both = own.keys() & other.keys()
        rules = tuple(
            _renamed(rule, {**second, **preferred}, way)
            for rule in spelling.rules
            if rule.metrics & (own.keys() | other.keys() if preferred is own else both)
        )
        if rules:
            yield replace(spelling, name=name, rules=rules)


def _cased(name: str, way: Way) -> str:
    return name.replace(":", "_") if way[1] == "_" else name


def _renamed(rule: Rule, actual: Mapping[str, str], way: Way) -> Rule:
    """The rule under actual names. A metric that is not there keeps its name, in the way of the others."""
    native = {metric for metric in rule.metrics if _is_native(metric, actual.get(metric, metric))}
    expr = _RATE.sub(lambda m: _within(m[1], m[0]) if m[1] in native else m[0], rule.expr)
    expr = METRIC.sub(lambda m: opened(actual.get(m[1], way[0] + _cased(m[1], way))).replace("$", "$$"), expr)
    if any(metric.endswith(_BUCKET) for metric in native):
        # A native histogram carries its buckets within.
        expr = expr.replace(", le)", ")")
    return replace(rule, expr=expr, native=bool(native))


def _is_native(metric: str, name: str) -> bool:
    """Whether a part of a classic histogram stands there as a native one: under the histogram's own name."""
    part = next((one for one in (_BUCKET, *_WITHIN) if metric.endswith(one)), "")
    return bool(part) and not name.lower().endswith((part, part + _TOTAL))


def _within(metric: str, expr: str) -> str:
    """The rate of a native histogram in place of the rate of a classic one's part."""
    function = next((function for part, function in _WITHIN.items() if metric.endswith(part)), "")
    return f"{function}({expr})" if function else expr
