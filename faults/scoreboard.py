"""The scoreboard: a file per scenario and player, one JSON line a drill, and another once the methods have answered.

A line is appended in one write and is on disk when `add` returns. A line that a crash cut off, or that somebody else
wrote, is left out: it never hides the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from cluster import own_files, paths
from cluster.errors import RcaError
from faults.score import Score, Share

LARGEST = 4 << 20
"""Bytes of one file that are read."""
MOST = 5000
"""Files that are read."""
Name = Annotated[str, Field(min_length=1, max_length=200)]


class ScoreError(RcaError):
    """A score that cannot be written, or a name that cannot be a player's."""


class Result(BaseModel):
    """One drill of one player.

    Attributes:
        time: unix seconds of the reveal; of lines with the same one the last counts, which has what came later.
        scenario: its name; of a recording without one, the recording's.
        incident: name or path of the recording; empty where none was saved.
        components, fault, sure: the guess, as `faults.score.score` takes it.
        verdict: AC@1 of the tool's verdict, counted as the player's; None where it did not answer.
        methods: AC@1 of each method on what the player saw; empty where no component is at fault.
        guessing: AC@1 of a random order.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: Literal[1] = 1
    time: FiniteFloat
    scenario: Name
    player: Name
    incident: Annotated[str, Field(max_length=4000)] = ""
    components: Annotated[tuple[Name, ...], Field(max_length=1000)] = ()
    fault: Annotated[str, Field(max_length=200)] = ""
    sure: Share
    score: Score
    verdict: Share | None = None
    methods: Annotated[Mapping[Name, Share], Field(max_length=500)] = {}
    guessing: Share = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """A player in a scenario: drills, points on average and at best, share of right guesses, mean Brier score."""

    scenario: str
    player: str
    drills: int
    points: float
    best: float
    right: float
    brier: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Somebody's AC@1 over drills with a faulty component, and that of the players on the same drills."""

    name: str
    drills: int
    ac1: float
    people: float


def check_player(name: str) -> str:
    """The name of a player. Raises ScoreError for what cannot be one."""
    if not name.strip() or name != name.strip() or len(name) > 40 or not name.isprintable():
        raise ScoreError(f"{name[:60]!r} cannot be a player's name", "use 1 to 40 printable characters")
    return name


def add(result: Result, folder: Path | None = None) -> Path:
    """Append a result, and return its file. Raises ScoreError; then nothing of it counts."""
    folder = paths.scores() if folder is None else folder
    path = folder / _safe(result.scenario) / f"{_safe(check_player(result.player))}.jsonl"
    try:
        own_files.append(path, result.model_dump_json().encode())
    except OSError as error:
        raise ScoreError(f"the score cannot be written to {path}: {error.strerror or error}") from None
    return path


def results(folder: Path | None = None) -> tuple[Result, ...]:
    """All of them, the oldest first."""
    folder = paths.scores() if folder is None else folder
    files = sorted(folder.glob("*/*.jsonl"))[:MOST]
    return tuple(sorted((result for path in files for result in _read(path)), key=lambda result: result.time))


def standings(drills: Iterable[Result]) -> tuple[Standing, ...]:
    """Each player in each scenario, the best average first."""
    groups: dict[tuple[str, str], list[Score]] = defaultdict(list)
    for drill in drills:
        groups[drill.scenario, drill.player].append(drill.score)
    found = (
        Standing(
            *names,
            len(scores),
            fmean(score.points for score in scores),
            max(score.points for score in scores),
            fmean(score.right for score in scores),
            fmean(score.brier for score in scores),
        )
        for names, scores in groups.items()
    )
    return tuple(sorted(found, key=lambda one: (one.scenario, -one.points, one.player)))


def comparisons(drills: Iterable[Result]) -> tuple[Comparison, ...]:
    """The tool's verdict, each method and guessing beside the players, the best first.

    Only drills with a faulty component count: a method ranks components whether or not one is at fault.
    """
    pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for drill in drills:
        others = {**drill.methods, "guessing": drill.guessing} if drill.methods else {}
        if others and drill.verdict is not None:
            others["verdict"] = drill.verdict
        for name, ac1 in others.items():
            pairs[name].append((ac1, drill.score.precision))
    found = (
        Comparison(name, len(both), fmean(ac1 for ac1, _ in both), fmean(people for _, people in both))
        for name, both in pairs.items()
    )
    return tuple(sorted(found, key=lambda one: (-one.ac1, one.name)))


def _read(path: Path) -> Iterator[Result]:
    try:
        raw = own_files.read(path, LARGEST)
    except (OSError, own_files.NotOurs):
        return
    found: dict[tuple[float, str, str], Result] = {}
    for line in raw.split(b"\n"):
        try:
            result = Result.model_validate_json(line)
        except ValidationError:
            continue
        found[result.time, result.scenario, result.player] = result
    yield from found.values()


def _safe(name: str) -> str:
    """A name as that of a file: never a way to another folder."""
    return quote(name, safe="").replace(".", "%2E")[:240]
