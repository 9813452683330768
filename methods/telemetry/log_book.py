"""Log lines for people: which templates changed at the onset, and the lines of each.

    mine(incident) ──▶ LogBook, growing by `CHUNK` lines ──▶ changes(book, rows, onset, window), the most changed first

Templates are those of `methods.telemetry.log_templates`. A template's change is a likelihood ratio: how much better two
rates, one before and one after the onset, explain its counts than one rate does. It needs no baseline of its own, does
not jump at templates of a few lines, and treats what is new and what is gone alike.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster.incident.model import Incident, Telemetry
from cluster.window import Window
from methods.telemetry.log_templates import MOST, OTHER, parse
from methods.telemetry.matrix import Floats
from methods.telemetry.spans import Codes, Flags

CHUNK = 20_000
"""Lines that are masked at a time, between two looks at whether to stop."""
LEVELS = ("", "debug", "info", "warning", "error")
"""Severities, the least first; "" where none was logged."""
_PREFIXES = (("debug", 1), ("trace", 1), ("info", 2), ("notice", 2), ("warn", 3))
_WORSE = ("error", "err", "critical", "crit", "fatal", "alert", "emerg", "panic", "severe")


def _no_codes() -> Codes:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class LogBook:
    """L lines of M templates, ascending in time.

    Attributes:
        time: (L,) unix seconds.
        component: (L,) component code.
        level: (L,) place of the severity in `LEVELS`.
        template: (L,) template code.
        trouble: (L,) the severity is an error or worse, or the line speaks of one.
        messages: (L,) the lines as they came: hostile text.
        components: component ids.
        templates: M templates.
    """

    time: Floats = field(default_factory=lambda: np.zeros(0))
    component: Codes = field(default_factory=_no_codes)
    level: Codes = field(default_factory=_no_codes)
    template: Codes = field(default_factory=_no_codes)
    trouble: Flags = field(default_factory=lambda: np.zeros(0, dtype=bool))
    messages: NDArray[np.object_] = field(default_factory=lambda: np.zeros(0, dtype=object))
    components: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()

    @property
    def lines(self) -> int:
        return len(self.time)

    def since(self, time: float) -> LogBook:
        """The lines from a time on."""
        return self._rows(slice(int(np.searchsorted(self.time, time, side="left")), None))

    def until(self, time: float) -> LogBook:
        """The lines before a time."""
        return self._rows(slice(0, int(np.searchsorted(self.time, time, side="left"))))

    def select(self, component: str = "", least: int = 0, words: str = "", template: int | None = None) -> Codes:
        """Rows of the lines of a component and a template, of at least a level, that contain the words in any case."""
        wanted = self.level >= least
        if component:
            code = self.components.index(component) if component in self.components else -1
            wanted &= self.component == code
        if template is not None:
            wanted &= self.template == template
        rows = np.flatnonzero(wanted)
        if words:
            lower = words.lower()
            rows = rows[[lower in str(message).lower() for message in self.messages[rows]]]
        return rows.astype(np.int64)

    def _rows(self, part: slice) -> LogBook:
        names = ("time", "component", "level", "template", "trouble", "messages")
        return dataclasses.replace(self, **{name: getattr(self, name)[part] for name in names})


@dataclass(frozen=True, slots=True)
class TemplateChange:
    """A template's lines before and after the onset; without an onset all are before.

    `factor` is its rate after over its rate before, inf where it is new, None without an onset. `evidence` orders them:
    twice the logarithm of the likelihood ratio. `trouble`: some of its lines speak of an error.
    """

    template: int
    before: int
    after: int
    factor: float | None
    evidence: float
    trouble: bool
    level: int


def mine(incident: Incident, book: LogBook | None = None, cancelled: Callable[[], bool] = bool) -> Iterator[LogBook]:
    """The book with the incident's lines added, chunk by chunk; ends early when `cancelled`.

    Lines of components outside the topology, and without a finite time, are left out. At least one book comes, unless
    cancelled.
    """
    book = book or LogBook()
    frame = incident.telemetry.logs
    usable = frame["component"].isin(list(incident.topology.ids)) & np.isfinite(frame["time"])
    frame = frame[usable.to_numpy(dtype=bool)].sort_values("time", kind="stable")
    for first in range(0, max(1, len(frame)), CHUNK):
        if cancelled():
            return
        book = _added(book, incident, frame.iloc[first : first + CHUNK])
        yield book


def changes(book: LogBook, rows: Codes, onset: float | None, window: Window) -> tuple[TemplateChange, ...]:
    """The templates of these rows, the most changed first; without an onset those of trouble, then the rarest."""
    size = len(book.templates)
    template, trouble, level = book.template[rows], book.trouble[rows], book.level[rows]
    late = np.zeros(len(rows), dtype=bool) if onset is None else book.time[rows] >= onset
    before = np.bincount(template[~late], minlength=size).astype(np.float64)
    after = np.bincount(template[late], minlength=size).astype(np.float64)
    bad = np.bincount(template, weights=trouble, minlength=size) > 0
    worst = np.zeros(size, dtype=np.int64)
    np.maximum.at(worst, template, level)
    factor: list[float | None] = [None] * size
    evidence = np.zeros(size)
    if onset is not None and window.start < onset < window.end:
        share = (window.end - onset) / window.seconds
        evidence = _evidence(before, after, share)
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = list(np.where(after > 0, (after / share) / (before / (1 - share)), 0.0))
    seen = np.flatnonzero(before + after)
    order = sorted(seen, key=lambda i: (-evidence[i], not bad[i], before[i] + after[i], book.templates[i]))
    return tuple(
        TemplateChange(
            int(i), int(before[i]), int(after[i]), factor[i], float(evidence[i]), bool(bad[i]), int(worst[i])
        )
        for i in order
    )


def _evidence(before: Floats, after: Floats, share: float) -> Floats:
    """Twice the log-likelihood ratio of two Poisson rates against one; `share` of the time is after the onset."""
    total = before + after
    with np.errstate(divide="ignore", invalid="ignore"):
        late = np.where(after > 0, after * np.log(after / (total * share)), 0.0)
        early = np.where(before > 0, before * np.log(before / (total * (1 - share))), 0.0)
    return np.asarray(np.maximum(0.0, 2 * (late + early)), dtype=np.float64)


def _added(book: LogBook, incident: Incident, frame: pd.DataFrame) -> LogBook:
    table = parse(dataclasses.replace(incident, telemetry=Telemetry(logs=frame)))
    if table is None:
        return book
    templates, template = _joined(book.templates, table.templates, most=MOST)
    components, component = _joined(book.components, table.components)
    return LogBook(
        np.concatenate([book.time, table.time]),
        np.concatenate([book.component, component[table.component]]),
        np.concatenate([book.level, _levels(frame["severity"])]),
        np.concatenate([book.template, template[table.template]]),
        np.concatenate([book.trouble, table.trouble]),
        np.concatenate([book.messages, frame["message"].fillna("").to_numpy(dtype=object)]),
        components,
        templates,
    )


def _joined(known: tuple[str, ...], names: tuple[str, ...], most: int | None = None) -> tuple[tuple[str, ...], Codes]:
    """The known names with the new ones, and the code of each of `names`; beyond `most` they share one."""
    codes = {name: code for code, name in enumerate(known)}
    mapped = []
    for name in names:
        full = most is not None and len(codes) >= most and name not in codes
        mapped.append(codes.setdefault(OTHER if full else name, len(codes)))
    return tuple(codes), np.asarray(mapped, dtype=np.int64)


def _levels(severity: pd.Series) -> Codes:
    codes, names = pd.factorize(severity.fillna("").astype(str).str.slice(0, 16).str.lower())
    return np.asarray([_level(str(name)) for name in names], dtype=np.int64)[codes]


def _level(name: str) -> int:
    if name.startswith(_WORSE):
        return LEVELS.index("error")
    return next((level for prefix, level in _PREFIXES if name.startswith(prefix)), 0)
