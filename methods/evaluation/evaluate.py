"""Run methods over many incidents whose cause is known, and record what they answer.

    cases ── run() ──▶ records, one for each case × method × mode ── methods.evaluation.report.summary() ──▶ tables

Every method is run twice on every case: with the onset estimated from the SLI, as in operation, and with the true one,
to show what knowing it is worth. The cause of a case is seen by no method.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from pydantic import TypeAdapter

from cluster import paths
from cluster.incident.model import Incident
from cluster.window import Onset, OnsetSource
from methods import catalog
from methods.answer.types import Ranking, Reason
from methods.evaluation.cases import Case, CaseError
from methods.running import fingerprint, pool
from methods.running.cache import Cache
from methods.running.pool import Cancelled, Pool, Task
from methods.telemetry.onset import with_onset

ESTIMATED = "estimated"
GIVEN = "given"
MODES = (ESTIMATED, GIVEN)
_ONSET = "methods.telemetry.onset"


@dataclass(frozen=True, slots=True)
class Record:
    """What one method answered on one case.

    Attributes:
        mode: ESTIMATED or GIVEN, the onset that it had.
        onset: in unix seconds; None when none could be estimated.
        places: (component, rank) pairs; None for no ranking.
        reason: why there is none, else empty.
        seconds: wall time of the ranking.
        named: the components that the method holds at fault, as in `methods.answer.types.Ranking`.
    """

    case: str
    method: str
    mode: str
    onset: float | None
    places: tuple[tuple[str, int], ...] | None
    reason: str
    seconds: float
    named: tuple[str, ...] | None = None

    @property
    def blamed(self) -> tuple[str, ...]:
        """The components at fault by this answer; none for no ranking, and for nobody."""
        if self.named is not None:
            return self.named
        return tuple(component for component, rank in self.places or () if rank == 1)


class Engine(Protocol):
    """What runs the tasks: `methods.running.pool.Pool`, or `methods.running.ray_engine.RayEngine`."""

    def run(self, tasks: Iterable[Task], cancelled: Cancelled | None = None) -> Iterator[pool.Answer]: ...


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
    """Records as they come, `total(cases, names, modes)` in the end, fewer when cancelled.

    Args:
        names: methods; None for all.
        deadline: CPU seconds for each method on each case; beyond it the case counts as missed.
        engine: None for a process pool of this machine.
        cache_path: file of answers that are not run again, such as `answers_path()`. Each answer is written to it at
            once, so that a run that was stopped continues where it was. Other code, another seed or other telemetry
            have other answers; see `methods.running.fingerprint`.
        modes: of `MODES`, those to run.

    Raises:
        UnknownMethod, CaseError for an incident that was given twice, OSError where the cache cannot be read or
            written.
    """
    entries = [catalog.entry(name) for name in names] if names is not None else list(catalog.entries())
    if len({case.id for case in cases}) != len(cases):
        raise CaseError("two of the incidents have the same id: the same incident was given twice")
    answers = _Answers(cache_path, [entry.name for entry in entries], seed, deadline)
    return _run(cases, answers, engine, cancelled, modes)


def total(cases: Sequence[Case], names: Sequence[str] | None = None, modes: Sequence[str] = MODES) -> int:
    """How many records a whole run has."""
    return len(cases) * len(modes) * (len(catalog.entries()) if names is None else len(names))


def answers_path() -> Path:
    """The file in the cache folder that `rca-tui evaluate` and `rca-tui ablate` keep their answers in."""
    return paths.cache_home() / "answers.jsonl"


def _run(
    cases: Sequence[Case],
    answers: _Answers,
    engine: Engine | None,
    cancelled: Cancelled | None,
    modes: Sequence[str],
) -> Iterator[Record]:
    by_id = {case.id: case for case in cases}
    onsets: dict[str, float | None] = {}
    tasks: list[Task] = []
    for case in cases:
        for mode in modes:
            load = partial(_load, case, mode, onsets)
            for name in answers.methods:
                known = answers.known(case, name, mode)
                if known is not None:
                    yield known
                else:
                    tasks.append(Task(f"{mode}/{case.id}", load, name, answers.seed, answers.deadline))
    if not tasks:
        return
    if engine is not None:
        yield from _recorded(engine.run(tasks, cancelled), by_id, onsets, answers)
        return
    with Pool(background=True) as processes:
        yield from _recorded(processes.run(tasks, cancelled), by_id, onsets, answers)


def _load(case: Case, mode: str, onsets: dict[str, float | None]) -> Incident:
    """The incident with the onset of this mode, which is noted in `onsets` under the task's key."""
    loaded = case.load().at(None)
    true_onset = Onset(case.cause.injected_at, OnsetSource.GIVEN)
    incident = loaded.at(true_onset) if mode == GIVEN else with_onset(loaded)
    onsets[f"{mode}/{case.id}"] = incident.onset.time if incident.onset else None
    return incident


def _recorded(
    results: Iterator[pool.Answer], cases: dict[str, Case], onsets: dict[str, float | None], answers: _Answers
) -> Iterator[Record]:
    for result in results:
        mode, case = result.task.key.split("/", 1)
        outcome = result.outcome
        if isinstance(outcome, Ranking):
            places, reason = tuple((c.component, c.rank) for c in outcome.components), ""
            named = outcome.named
        else:
            places, reason, named = None, f"{outcome.reason}: {outcome.detail}", None
        onset = onsets[result.task.key]
        record = Record(case, result.task.method, mode, onset, places, reason, result.seconds, named)
        answers.keep(cases[case], record)
        yield record


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer on disk, as in `Record`; `deadline` is the one that it was given under."""

    onset: float | None
    places: tuple[tuple[str, int], ...] | None
    reason: str
    seconds: float
    deadline: float
    named: tuple[str, ...] | None = None

    def holds(self, deadline: float) -> bool:
        """Whether a run with this deadline would answer the same."""
        if self.reason.startswith(Reason.TIMEOUT):
            return deadline == self.deadline
        # A method has one thread, so it used at most `seconds` of CPU time.
        return deadline >= min(self.deadline, self.seconds)


class _Answers:
    """The kept answers of some methods, with one seed and one deadline."""

    def __init__(self, path: Path | None, methods: Sequence[str], seed: int, deadline: float) -> None:
        self._kept = Cache(path, TypeAdapter(_Kept))
        self._codes = {name: fingerprint.method(name) for name in methods}
        self._estimator = fingerprint.code(_ONSET)
        self.methods, self.seed, self.deadline = methods, seed, deadline

    def known(self, case: Case, method: str, mode: str) -> Record | None:
        kept = self._kept.get(self._key(case, method, mode))
        if kept is None or not kept.holds(self.deadline):
            return None
        return Record(case.id, method, mode, kept.onset, kept.places, kept.reason, kept.seconds, kept.named)

    def keep(self, case: Case, record: Record) -> None:
        # An error, such as too little memory, may not happen the next time.
        if not record.reason.startswith(Reason.ERROR):
            kept = _Kept(record.onset, record.places, record.reason, record.seconds, self.deadline, record.named)
            self._kept.put(self._key(case, record.method, record.mode), kept)

    def _key(self, case: Case, method: str, mode: str) -> str:
        # The estimate is decided by the content and by the estimator's code.
        onset = repr(case.cause.injected_at) if mode == GIVEN else self._estimator
        return fingerprint.answer(case.content, onset, self._codes[method], self.seed)
