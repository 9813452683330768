"""The PromQL of the tables of metric names, computed over samples that came out of files.

It is the part of the language that these tables use: `rate` and `last_over_time` of a selector, `sum`, `max`, `min` and
`avg` by or without labels, `histogram_quantile`, `label_replace`, `or`, arithmetic, and `> number`. An expression with
more to it is `Unsupported`: no table of an engine or a gateway needs more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from string import Template
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels: TypeAlias = tuple[tuple[str, str], ...]
"""Sorted pairs of name and value."""
Vector: TypeAlias = dict[Labels, Floats]
"""Labels -> values on the grid; NaN is a gap."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?)(?![\w:])|(?P<name>[a-zA-Z_:][\w:]*)|(?P<text>\"(?:[^\"\\]|\\.)*\")"
    r"|\[(?P<window>\d+)ms\]|(?P<sign>=~|!~|!=|[-+*/(){},=>]))"
)
_AGGREGATES: Mapping[str, Callable[..., Any]] = {
    "sum": np.nansum,
    "max": np.nanmax,
    "min": np.nanmin,
    "avg": np.nanmean,
}
_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}


class Unsupported(ValueError):
    """The expression has more to it than can be computed here."""


@dataclass(frozen=True)
class Samples:
    """Raw samples on their way to a grid.

    Attributes:
        series: metric name -> labels -> {unix seconds: value}.
        grid: unix seconds of the results, `step` apart.
        fresh: seconds for which a level counts.
        rate_window, quantile_window: seconds that a rate looks back, alone and within a quantile.
    """

    series: Mapping[str, Mapping[Labels, Mapping[float, float]]]
    grid: Floats
    step: float
    _known: dict[tuple[str, Labels, str, float], Floats] = field(default_factory=dict)

    @property
    def fresh(self) -> float:
        return 2.5 * self.step

    @property
    def rate_window(self) -> float:
        return max(5.0, self.fresh)

    @property
    def quantile_window(self) -> float:
        return max(10.0, self.fresh)

    def evaluate(self, expr: str, by: str) -> Vector:
        """A rule's expression, its series grouped by these labels. Raises Unsupported."""
        windows = {"fresh": self.fresh, "rate": self.rate_window, "quantile": self.quantile_window}
        places = {name: f"{round(seconds * 1000)}ms" for name, seconds in windows.items()}
        try:
            text = Template(expr).substitute(places, by=by, m="", everywhere="")
        except KeyError as error:
            raise Unsupported(f"it asks for {error}") from error
        parser = _Parser(text, self)
        with np.errstate(all="ignore"):
            found = parser.either()
        if not parser.ended or not isinstance(found, dict):
            raise Unsupported(text)
        return found

    def over_time(self, name: str, labels: Labels, function: str, window: float) -> Floats:
        """`rate` or `last_over_time` of one series."""
        key = name, labels, function, window
        if key not in self._known:
            samples = self.series[name][labels]
            times = np.fromiter(samples, np.float64, len(samples))
            order = np.argsort(times)
            values = np.fromiter(samples.values(), np.float64, len(samples))[order]
            how = _rate if function == "rate" else _level
            self._known[key] = how(times[order], values, self.grid, window)
        return self._known[key]


def total(parts: list[Floats], how: Callable[..., Any] = np.nansum) -> Floats:
    """One series out of several: a gap only where all have one."""
    stacked = np.vstack(parts)
    values = np.full(stacked.shape[1], np.nan)
    there = np.isfinite(stacked).any(axis=0)
    values[there] = how(stacked[:, there], axis=0)
    return values


def quantile(q: float, by_bound: Mapping[float, Floats], steps: int) -> Floats:
    """A quantile by the rates of cumulative buckets, shape (steps,); a gap where no event is."""
    bounds = sorted(by_bound)
    if len(bounds) < 2 or bounds[-1] != np.inf:
        return np.full(steps, np.nan)
    counts = np.maximum.accumulate(np.nan_to_num(np.vstack([by_bound[bound] for bound in bounds])), axis=0)
    rank = q * counts[-1]
    place = np.minimum((counts < rank).sum(axis=0), len(bounds) - 1)
    edges = np.array([0.0, *bounds[:-1], bounds[-2]])
    column = np.arange(steps)
    below = np.where(place > 0, counts[place - 1, column], 0.0)
    width = counts[place, column] - below
    share = np.divide(rank - below, width, out=np.zeros(steps), where=width > 0)
    values = edges[place] + (edges[place + 1] - edges[place]) * share
    return np.where(counts[-1] > 0, values, np.nan)


def _level(times: Floats, values: Floats, grid: Floats, window: float) -> Floats:
    place = np.searchsorted(times, grid + 1e-6, side="right") - 1
    last = np.maximum(place, 0)
    fresh = (place >= 0) & (grid - times[last] <= window)
    return np.where(fresh, values[last], np.nan)


def _rate(times: Floats, values: Floats, grid: Floats, window: float) -> Floats:
    """Increase per second over the window, in which at least two samples lie; a reset counts from zero."""
    steps = np.diff(values)
    grown = np.concatenate([[0.0], np.cumsum(np.where(steps < 0, values[1:], steps))])
    last = np.searchsorted(times, grid + 1e-6, side="right") - 1
    first = np.searchsorted(times, grid - window, side="left")
    there = (last > first) & (last >= 0)
    a, b = np.minimum(first, len(times) - 1), np.maximum(last, 0)
    spread = np.where(there, times[b] - times[a], 1.0)
    return np.where(there, (grown[b] - grown[a]) / spread, np.nan)


class _Parser:
    """Computes while it reads: one method a level of precedence."""

    def __init__(self, text: str, samples: Samples) -> None:
        self._samples = samples
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise Unsupported(text)
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self._at = 0

    @property
    def ended(self) -> bool:
        return self._at == len(self._tokens)

    def either(self) -> Vector | float:
        left = self._compared()
        while self._skip("or"):
            left, right = _vector(left), _vector(self._compared())
            both = {key: np.where(np.isnan(left[key]), right[key], left[key]) for key in left.keys() & right.keys()}
            left = {**right, **left, **both}
        return left

    def _compared(self) -> Vector | float:
        left = self._sum()
        if self._skip(">"):
            bound = float(self._take("number"))
            left = {key: np.where(values > bound, values, np.nan) for key, values in _vector(left).items()}
        return left

    def _sum(self) -> Vector | float:
        left = self._product()
        while sign := self._skip("+", "-"):
            left = _combined(sign, left, self._product())
        return left

    def _product(self) -> Vector | float:
        left = self._one()
        while sign := self._skip("*", "/"):
            left = _combined(sign, left, self._one())
        return left

    def _one(self) -> Vector | float:
        kind, text = self._next()
        if kind == "number":
            return float(text)
        if text == "(":
            found = self.either()
            self._expect(")")
            return found
        if text in _AGGREGATES:
            return self._aggregate(text)
        if text in ("rate", "last_over_time"):
            return self._over_time(text)
        if text == "histogram_quantile":
            return self._quantile()
        if text == "label_replace":
            return self._relabelled()
        raise Unsupported(text)

    def _aggregate(self, name: str) -> Vector:
        way = self._take("name")
        if way not in ("by", "without"):
            raise Unsupported(way)
        named = self._names()
        self._expect("(")
        parts: dict[Labels, list[Floats]] = {}
        for labels, values in _vector(self.either()).items():
            key = tuple(pair for pair in labels if (pair[0] in named) == (way == "by"))
            parts.setdefault(key, []).append(values)
        self._expect(")")
        return {labels: total(some, _AGGREGATES[name]) for labels, some in parts.items()}

    def _quantile(self) -> Vector:
        self._expect("(")
        q = float(self._take("number"))
        self._expect(",")
        buckets: dict[Labels, dict[float, list[Floats]]] = {}
        for labels, values in _vector(self.either()).items():
            bound = next((float(value) for name, value in labels if name == "le"), np.nan)
            if not np.isnan(bound):
                key = tuple(pair for pair in labels if pair[0] != "le")
                buckets.setdefault(key, {}).setdefault(bound, []).append(values)
        self._expect(")")
        steps = len(self._samples.grid)
        return {
            labels: quantile(q, {bound: total(some) for bound, some in by_bound.items()}, steps)
            for labels, by_bound in buckets.items()
        }

    def _relabelled(self) -> Vector:
        """`label_replace`; of series that become equal, the first is kept."""
        self._expect("(")
        series = _vector(self.either())
        texts = []
        while not self._skip(")"):
            self._expect(",")
            texts.append(_unquoted(self._take("text")))
        target, replacement, source, pattern = texts
        template = re.sub(r"\$(\d+)", r"\\g<\1>", replacement)
        found: Vector = {}
        for labels, values in series.items():
            changed = dict(labels)
            if match := re.fullmatch(pattern, changed.get(source, "")):
                changed[target] = match.expand(template)
            found.setdefault(tuple(sorted((k, v) for k, v in changed.items() if v)), values)
        return found

    def _over_time(self, function: str) -> Vector:
        self._expect("(")
        name = "" if self._skip("{") else self._take("name")
        if name:
            self._expect("{")
        else:
            name = _unquoted(self._take("text"))
            self._skip(",")
        conditions = []
        while not self._skip("}"):
            label, how = self._take("name"), self._next()[1]
            conditions.append((label, how, _unquoted(self._take("text"))))
            self._skip(",")
        window = float(self._take("window")) / 1000
        self._expect(")")
        return {
            labels: self._samples.over_time(name, labels, function, window)
            for labels, samples in self._samples.series.get(name, {}).items()
            if samples and all(_fits(dict(labels).get(label, ""), how, text) for label, how, text in conditions)
        }

    def _names(self) -> frozenset[str]:
        self._expect("(")
        found = set()
        while not self._skip(")"):
            found.add(self._take("name"))
            self._skip(",")
        return frozenset(found)

    def _next(self) -> tuple[str, str]:
        if self.ended:
            raise Unsupported("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, kind: str) -> str:
        found, text = self._next()
        if found != kind:
            raise Unsupported(text)
        return text

    def _expect(self, sign: str) -> None:
        if self._next()[1] != sign:
            raise Unsupported(sign)

    def _skip(self, *signs: str) -> str:
        """The next token where it is one of these, which is then read; else ""."""
        if not self.ended and self._tokens[self._at][1] in signs and self._tokens[self._at][0] != "text":
            return self._next()[1]
        return ""


def _fits(value: str, how: str, text: str) -> bool:
    equal = re.fullmatch(text, value) is not None if how.endswith("~") else value == text
    return equal is not how.startswith("!")


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _vector(value: Vector | float) -> Vector:
    if isinstance(value, float):
        raise Unsupported("a number where series belong")
    return value


def _combined(sign: str, left: Vector | float, right: Vector | float) -> Vector | float:
    """Arithmetic; of two vectors, of those series that both have."""
    how = _ARITHMETIC[sign]
    if isinstance(left, float):
        if isinstance(right, float):
            return float(how(left, right))
        return {labels: how(left, values) for labels, values in right.items()}
    if isinstance(right, float):
        return {labels: how(values, right) for labels, values in left.items()}
    return {labels: how(values, right[labels]) for labels, values in left.items() if labels in right}
