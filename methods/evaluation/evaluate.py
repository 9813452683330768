"""Run methods over many incidents whose cause is known, and keep what they answered.

    cases ── run() ──▶ records, one for each case × method × onset ── methods.evaluation.report.summary() ──▶ tables

Every method is run twice on every case: with the onset estimated from the SLI, as in life, and with the true one, to
show what knowing it is worth. What is known of the cause goes into the `Answer`, which no method sees.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeAlias

from cluster.incident.model import Incident
from cluster.topology import Topology
from cluster.window import Onset, OnsetSource
from methods import catalog
from methods.answer.types import Ranking
from methods.running.pool import Answer as Ranked
from methods.running.pool import Cancelled, Pool, Task
from methods.telemetry.onset import with_onset

ESTIMATED = "estimated"
GIVEN = "given"
MODES = (ESTIMATED, GIVEN)

_Key: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What really happened: ids of the faulty components, the fault's name, and when it began in unix seconds."""

    components: tuple[str, ...]
    fault: str
    injected_at: float


@dataclass(frozen=True)
class Case:
    """One incident to evaluate on; `load` reads it when its turn comes, so that not all need fit into memory."""

    id: str
    topology: Topology
    answer: Answer
    load: Callable[[], Incident]

    @classmethod
    def of(cls, incident: Incident, answer: Answer) -> Case:
        return cls(incident.id, incident.topology, answer, lambda: incident)


@dataclass(frozen=True, slots=True)
class Record:
    """What one method answered on one case.

    Attributes:
        mode: ESTIMATED or GIVEN, the onset that it had.
        onset: in unix seconds; None when none could be estimated.
        places: (component, rank) pairs; None for no ranking.
        reason: why there is none, else empty.
    """

    case: str
    method: str
    mode: str
    onset: float | None
    places: tuple[tuple[str, int], ...] | None
    reason: str
    seconds: float


class Engine(Protocol):
    """Where tasks are run: `methods.running.pool.Pool`, or `methods.running.ray_engine.RayEngine`."""

    def run(self, tasks: Iterable[Task], cancelled: Cancelled | None = None) -> Iterator[Ranked]: ...


def run(
    cases: Sequence[Case],
    names: Sequence[str] | None = None,
    *,
    seed: int = 0,
    deadline: float = 60.0,
    engine: Engine | None = None,
    cancelled: Cancelled | None = None,
    cache_path: Path | None = None,
    modes: Sequence[str] = MODES,
) -> Iterator[Record]:
    """Records as they come, `total(cases, names)` in the end, fewer when cancelled.

    Args:
        names: methods; None for all.
        deadline: CPU seconds for each method on each case; beyond it the case counts as missed.
        engine: None for a process pool of this machine.
        cache_path: a file of JSON lines. What it holds is not run again, and each record is written to it as soon as it
            is there, so that a run that was stopped goes on where it was. Records of other code, seed or deadline stay
            in the file and are not used.
        modes: of `MODES`, those to run.

    Raises:
        UnknownMethod, ValueError for two cases of one id, OSError for a cache that cannot be written.
    """
    entries = [catalog.entry(name) for name in names] if names is not None else list(catalog.entries())
    if len({case.id for case in cases}) != len(cases):
        raise ValueError("two of the incidents have the same id: the same incident was given twice")
    return _run(cases, [e.name for e in entries], seed, deadline, engine, cancelled, cache_path, modes)


def total(cases: Sequence[Case], names: Sequence[str] | None = None) -> int:
    """How many records a whole run has."""
    return len(cases) * len(MODES) * (len(catalog.entries()) if names is None else len(names))


def _run(
    cases: Sequence[Case],
    names: Sequence[str],
    seed: int,
    deadline: float,
    engine: Engine | None,
    cancelled: Cancelled | None,
    cache_path: Path | None,
    modes: Sequence[str],
) -> Iterator[Record]:
    store = _Store(cache_path, f"{_version()}/{seed}/{deadline:g}")
    onsets: dict[str, float | None] = {}
    tasks: list[Task] = []
    for case in cases:
        for mode in modes:
            load = partial(_load, case, mode, onsets)
            for name in names:
                known = store.get((case.id, name, mode))
                if known is not None:
                    yield known
                else:
                    tasks.append(Task(f"{mode}/{case.id}", load, name, seed, deadline))
    if not tasks:
        return
    if engine is not None:
        yield from _recorded(engine.run(tasks, cancelled), onsets, store)
        return
    with Pool() as pool:
        yield from _recorded(pool.run(tasks, cancelled), onsets, store)


def _load(case: Case, mode: str, onsets: dict[str, float | None]) -> Incident:
    """The incident with the onset of this mode, which is noted in `onsets` under the task's key."""
    loaded = case.load().at(None)
    true_onset = Onset(case.answer.injected_at, OnsetSource.GIVEN)
    incident = loaded.at(true_onset) if mode == GIVEN else with_onset(loaded)
    onsets[f"{mode}/{case.id}"] = incident.onset.time if incident.onset else None
    return incident


def _recorded(answers: Iterator[Ranked], onsets: dict[str, float | None], store: _Store) -> Iterator[Record]:
    for answer in answers:
        mode, case = answer.task.key.split("/", 1)
        outcome = answer.outcome
        if isinstance(outcome, Ranking):
            places, reason = tuple((c.component, c.rank) for c in outcome.components), ""
        else:
            places, reason = None, f"{outcome.reason}: {outcome.detail}"
        onset = onsets[answer.task.key]
        record = Record(case, answer.task.method, mode, onset, places, reason, answer.seconds)
        store.add(record)
        yield record


class _Store:
    """Records on disk, one JSON object a line, each with the version of the code that made it."""

    def __init__(self, path: Path | None, version: str) -> None:
        self._path, self._version = path, version
        self._records: dict[_Key, Record] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._read(line)

    def get(self, key: _Key) -> Record | None:
        return self._records.get(key)

    def add(self, record: Record) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"version": self._version, **asdict(record)}) + "\n")

    def _read(self, line: str) -> None:
        # The last line of a run that was killed may be cut short: it is run again.
        try:
            entry = json.loads(line)
            if entry.pop("version") == self._version:
                places = entry.pop("places")
                pairs = None if places is None else tuple((str(c), int(r)) for c, r in places)
                record = Record(places=pairs, **entry)
                self._records[record.case, record.method, record.mode] = record
        except (ValueError, TypeError, KeyError, AttributeError):
            return


def _version() -> str:
    """A digest of this package's source: results of other code are not comparable."""
    digest = hashlib.blake2b(digest_size=8)
    root = Path(__file__).parents[1]
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()
