"""Scenarios by name: those shipped with the package, and the user's own beside them."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cluster import paths
from faults.errors import FaultError
from faults.recording.yaml_lines import BadFile
from faults.scenario import Scenario, load

SHIPPED = Path(__file__).parent / "scenarios"
SUFFIX = ".yaml"
MOST = 1000
"""Files of a folder that are looked at."""


class UnknownScenario(FaultError):
    """There is no scenario of that name."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A scenario that has a name; `scenario` is None where its file cannot be used, and `problem` says why."""

    name: str
    path: Path
    shipped: bool
    scenario: Scenario | None
    problem: str = ""


def listings(known: dict[str, Collection[str]] | None = None) -> tuple[Listing, ...]:
    """All scenarios, the easiest first. One of the user's hides a shipped one of the same name.

    `known` as in `faults.scenario.load`.
    """
    found = {name: _listing(name, path, known) for name, path in _paths().items()}
    return tuple(sorted(found.values(), key=lambda one: (one.scenario.difficulty if one.scenario else 9, one.name)))


def find(name_or_path: str, known: dict[str, Collection[str]] | None = None) -> tuple[str, Scenario]:
    """Name and scenario of a name in `listings`, or of a path that ends with `.yaml`. Raises FaultError."""
    if name_or_path.endswith(SUFFIX):
        path = Path(name_or_path)
        return path.stem, load(path, known)
    there = _paths()
    if name_or_path not in there:
        close = difflib.get_close_matches(name_or_path, there, n=1)
        advice = f"did you mean {close[0]}?" if close else "`rca-tui scenarios` lists those there are"
        raise UnknownScenario(f"there is no scenario {name_or_path!r}", advice)
    return name_or_path, load(there[name_or_path], known)


def _paths() -> dict[str, Path]:
    found = {}
    for folder in (SHIPPED, paths.scenarios()):
        inside = sorted(folder.glob(f"*{SUFFIX}"))[:MOST] if folder.is_dir() else []
        found.update({path.stem: path for path in inside})
    return found


def _listing(name: str, path: Path, known: dict[str, Collection[str]] | None) -> Listing:
    shipped = path.parent == SHIPPED
    try:
        return Listing(name, path, shipped, load(path, known))
    except BadFile as error:
        return Listing(name, path, shipped, None, str(error))
