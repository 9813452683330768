"""Methods, faults and checks of other packages, found through entry points.

A package announces them in its `pyproject.toml`, a row each, under the name that the catalogue shall list:

    [project.entry-points."rca_tui.methods"]
    last_drop = "acme_rca.rows:LAST_DROP"

    [project.entry-points."rca_tui.faults"]
    slow-disk = "acme_rca.rows:SLOW_DISK"

    [project.entry-points."rca_tui.guidelines"]
    disk-latency = "acme_rca.disk_latency:GUIDELINE"

For methods and faults the value is an `Entry` of that catalogue. Keep it in a module of rows alone: to list what there
is imports that module and no other, the same way as our own catalogues list their rows. For checks the value is the
`Guideline`; listing their names imports nothing.

What is wrong with a package (a module that is missing, an object of another type, a name that is taken) becomes one
sentence in `Plugins.problems`. It hides nothing but the one row.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from cluster.errors import RcaError
from cluster.text.plain import plain

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class PluginError(RcaError):
    """Something of another package cannot be used."""


class Row(Protocol):
    """A row of a catalogue."""

    @property
    def name(self) -> str: ...


R = TypeVar("R", bound=Row)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plugins(Generic[R]):
    """The usable rows of other packages, and a sentence for each that is not usable."""

    rows: tuple[R, ...]
    problems: tuple[str, ...]


@cache
def announced(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group by name, from the metadata of the installed packages. Imports none of them."""
    if not _mentioned(group):
        return ()
    from importlib.metadata import entry_points

    return tuple(sorted(entry_points(group=group), key=lambda point: (point.name, point.value)))


@cache
def collect(group: str, kind: type[R], taken: frozenset[str]) -> Plugins[R]:
    """The rows that other packages announce.

    Args:
        group: of entry points.
        kind: the class of a row.
        taken: names of our own catalogue, which nobody can replace.
    """
    rows: dict[str, R] = {}
    problems = []
    for point in announced(group):
        try:
            rows[point.name] = _row(point, kind, {*taken, *rows})
        except PluginError as error:
            problems.append(f"{group}: {plain(point.name)} of {_origin(point)} is left out: {error}")
    return Plugins(tuple(rows.values()), tuple(problems))


def instance(module: str, class_name: str, kind: type[T]) -> T:
    """An instance of another package's class, which must be a subclass of `kind`.

    Raises:
        PluginError: whatever goes wrong on the way.
    """
    value = _run(lambda: getattr(importlib.import_module(module), class_name)())
    if not isinstance(value, kind):
        raise PluginError(plain(f"{module}.{class_name} is not a subclass of {kind.__module__}.{kind.__name__}"))
    return value


def _mentioned(group: str) -> bool:
    """Whether `importlib.metadata` can find entry points of the group.

    That module and its parsing take six times as long as to look for the group's name in the same files, where most
    installations have none. Metadata in archives, and of importers with a search of their own, is left to that module.
    """
    if any(hasattr(finder, "find_distributions") for finder in sys.meta_path if finder is not PathFinder):
        return True
    return any(_has(place or ".", group.encode()) for place in sys.path)


def _has(place: str, group: bytes) -> bool:
    if place.endswith(".egg") or Path(place).is_file():
        return True
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        folders = [entry.path for entry in entries if entry.name.lower().endswith((".dist-info", ".egg-info"))]
        for folder in folders:
            with contextlib.suppress(OSError):
                if group in Path(folder, "entry_points.txt").read_bytes():
                    return True
    return False


def _row(point: EntryPoint, kind: type[R], taken: Collection[str]) -> R:
    if point.name in taken:
        raise PluginError("the name is taken")
    row = _run(point.load)
    if not isinstance(row, kind):
        raise PluginError(f"{plain(point.value)} is a {type(row).__name__}, not a {kind.__module__}.{kind.__name__}")
    if row.name != point.name:
        raise PluginError(f"{plain(point.value)} has another name, {plain(row.name)}")
    return row


def _run(load: Callable[[], object]) -> object:
    try:
        return load()
    except (Exception, SystemExit) as error:  # the code of strangers runs here
        raise PluginError(plain(f"{type(error).__name__}: {error}")) from error


def _origin(point: EntryPoint) -> str:
    return plain(f"{point.dist.name} {point.dist.version}" if point.dist else "a package without a name")
