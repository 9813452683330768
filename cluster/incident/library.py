"""Incidents by name: those shipped with the package, and those saved on this machine.

All reading goes through here, so that a name, a saved incident and an RCAEval case are accepted everywhere. Listing
and finding import nothing heavy: the app needs a name before its first paint. `rows` reads headers without pandas or
pydantic.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster import paths
from cluster.incident.container import IncidentError
from cluster.text.times import date_time, span

if TYPE_CHECKING:
    from cluster.incident.model import Incident
    from cluster.incident.seal import Seal
    from cluster.incident.summary import Summary
    from cluster.incident.truth import Truth
    from cluster.window import Window

SHIPPED = Path(__file__).parent / "shipped"


@dataclass(frozen=True, slots=True)
class Listing:
    """One incident that has a name."""

    name: str
    path: Path
    shipped: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A listing with what its header says; `summary` is None where that cannot be read, and `problem` says why."""

    listing: Listing
    summary: Summary | None
    problem: str = ""

    @property
    def origin(self) -> str:
        """Where it comes from: the deployment, and whether it is shipped with the package or was saved here."""
        place = "package" if self.listing.shipped else "here"
        return f"{self.summary.deployment}, {place}" if self.summary else place

    @property
    def began(self) -> str:
        return date_time(self.summary.window.start) if self.summary else ""

    @property
    def lasts(self) -> str:
        return span(self.summary.window.seconds) if self.summary else ""

    @property
    def about(self) -> str:
        """Its tags, or what is wrong with it."""
        return ", ".join(self.summary.tags) if self.summary else self.problem

    def matches(self, words: Iterable[str]) -> bool:
        """Whether each word is part of its name, time, origin, tags or of a component's id. The truth is not read."""
        components = self.summary.components if self.summary else ()
        text = "\n".join((self.listing.name, self.began, self.lasts, self.origin, self.about, *components)).casefold()
        return all(word.casefold() in text for word in words)


def listings() -> tuple[Listing, ...]:
    """Shipped incidents, then saved ones, each by name: drill-99 before drill-100.

    A shipped incident hides a saved one of the same name.
    """
    found: dict[str, Listing] = {}
    for folder, shipped in ((SHIPPED, True), (paths.incidents(), False)):
        for path in sorted(folder.iterdir(), key=_counted) if folder.is_dir() else ():
            if path.name.startswith(".") or not (path.suffix == ".zip" or path.is_dir()):
                continue
            name = path.name.removesuffix(".zip")
            found.setdefault(name, Listing(name, path, shipped))
    return tuple(found.values())


def _counted(path: Path) -> tuple[list[tuple[str, int]], str]:
    """A name as its parts without and with numbers, to sort by; then as it is, for drill-1 beside drill-01."""
    return [(text, int(number or 0)) for text, number in re.findall(r"([^0-9]*)([0-9]*)", path.name)], path.name


def rows() -> Iterator[Row]:
    """`listings` with their headers, read one after the other."""
    from cluster.incident.summary import read_summary

    for listing in listings():
        try:
            yield Row(listing, read_summary(listing.path))
        except IncidentError as error:
            yield Row(listing, None, str(error))


def find(name_or_path: str) -> Path:
    """The path of an incident: an existing path, else a name of `listings`. Raises IncidentError when it is neither."""
    if not name_or_path.strip():  # an unset variable of a shell; as a path it would be the current folder
        raise IncidentError("the name of the incident is empty: `rca-tui incidents` lists those there are")
    path = Path(name_or_path)
    try:
        exists = path.exists()
    except (OSError, ValueError):
        exists = False
    if exists:
        return path
    known = {listing.name: listing.path for listing in listings()}
    if name_or_path in known:
        return known[name_or_path]
    close = _numbered(name_or_path, known) or difflib.get_close_matches(name_or_path, known, n=1)
    hint = f"did you mean {' or '.join(close)}?" if close else "`rca-tui incidents` lists those there are"
    raise IncidentError(f"there is no incident {name_or_path!r}, neither as a path nor by name: {hint}")


def _numbered(text: str, known: Iterable[str]) -> list[str]:
    """Names with the number that was given, as in `drill-5`, `drill5` or `5`, three at most."""
    asked = re.fullmatch(r"(.*?)[-_ ]?0*(\d{1,9})", text)
    if asked is None:
        return []
    fitting = re.compile(rf"{re.escape(asked[1]) if asked[1] else '.*'}-0*{asked[2]}")
    return [name for name in known if fitting.fullmatch(name)][:3]


def name_of(path: Path) -> str:
    """What commands accept for a saved incident: its name where it is among the saved ones, else its path."""
    return path.name.removesuffix(".zip") if path.parent == paths.incidents() else str(path)


def expand(name_or_path: str) -> tuple[str, ...]:
    """The incident itself, or all that a folder of incidents or cases holds, sorted. Raises IncidentError for none."""
    from cluster.incident import rcaeval
    from cluster.incident.summary import HEADER

    path = find(name_or_path)
    if not path.is_dir() or rcaeval.is_case(path) or (path / HEADER).exists():
        return (name_or_path,)
    inside = [
        p
        for p in sorted(path.iterdir(), key=_counted)
        if p.suffix == ".zip" or (p / HEADER).exists() or rcaeval.is_case(p)
    ]
    if not inside:
        raise IncidentError(f"{path} is neither an incident nor a folder of incidents: save or import one first")
    return tuple(str(p) for p in inside)


def load(name_or_path: str) -> Incident:
    """An incident by name or path; an RCAEval case is imported in memory. Raises IncidentError."""
    from cluster.incident import rcaeval, store

    path = find(name_or_path)
    return rcaeval.read_case(path)[0] if rcaeval.is_case(path) else store.load(path)


def load_with_truth(name_or_path: str) -> tuple[Incident, Truth | None]:
    """As `load`, with the truth: for the scorer. Raises IncidentError."""
    from cluster.incident import envelope, rcaeval, store

    path = find(name_or_path)
    return rcaeval.read_case(path) if rcaeval.is_case(path) else (store.load(path), envelope.load_truth(path))


def load_truth(name_or_path: str) -> Truth | None:
    """The truth alone, without the telemetry: for a person who asks to reveal it. Raises IncidentError."""
    from cluster.incident import envelope
    from cluster.incident.summary import HEADER

    path = find(name_or_path)
    if path.is_dir() and not (path / HEADER).exists():
        return load_with_truth(name_or_path)[1]
    return envelope.load_truth(path)


def seal_of(name_or_path: str) -> Seal | None:
    """How the truth is sealed; None where there is none, or where it is a case's own. Raises IncidentError."""
    from cluster.incident import envelope
    from cluster.incident.summary import HEADER

    path = find(name_or_path)
    return None if path.is_dir() and not (path / HEADER).exists() else envelope.seal_of(path)


def doubt(name_or_path: str) -> str:
    """As `cluster.incident.envelope.doubt`; "" for a case. Raises IncidentError."""
    from cluster.incident import envelope
    from cluster.incident.summary import HEADER

    path = find(name_or_path)
    return "" if path.is_dir() and not (path / HEADER).exists() else envelope.doubt(path)


def window(name_or_path: str) -> Window:
    """When an incident was recorded; of a saved one from its header. Raises IncidentError."""
    from cluster.incident.summary import HEADER, read_summary

    path = find(name_or_path)
    saved = not path.is_dir() or (path / HEADER).exists()
    return read_summary(path).window if saved else load(name_or_path).window


def new_path(stem: str) -> Path:
    """An unused path among the saved incidents: the stem and the number after the largest that there is."""
    named = re.compile(re.escape(stem) + r"-([0-9]+)")
    taken = [int(found[1]) for listing in listings() if (found := named.fullmatch(listing.name))]
    return paths.incidents() / f"{stem}-{max(taken, default=0) + 1:02d}.zip"
