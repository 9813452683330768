"""Run methods on one incident in processes that can be killed, and yield their results as they come."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from cluster import paths
from cluster.incident.model import Incident
from methods import catalog
from methods.answer.types import Family, NoRanking, Outcome, Ranking, Reason
from methods.running import fingerprint
from methods.running.cache import Cache
from methods.running.pool import Cancelled, Pool, Task
from methods.telemetry.onset import with_onset

CONTRAST_DEADLINE = 180.0
CONTRAST_LIMIT = 16 * 2**20
"""Bytes of the file that keeps contrasts: some hundred, with their explanations."""


@dataclass(frozen=True, slots=True)
class Result:
    """The answer of one method. `seconds` is the wall time until it answered or was stopped."""

    method: str
    family: Family
    outcome: Outcome
    seconds: float


def run(
    incident: Incident,
    names: Sequence[str] | None = None,
    *,
    seed: int = 0,
    deadline: float = 60.0,
    workers: int | None = None,
    cancelled: Cancelled | None = None,
) -> Iterator[Result]:
    """Results of the named methods (None: all of `catalog.listed`), cheap methods first, each as soon as it is there.

    The onset is estimated, unless the incident has one or was searched for one (`methods.telemetry.onset.with_onset`).

    Args:
        seed: the same seed gives the same rankings.
        deadline: CPU seconds for each method, after which its process is killed: NoRanking(TIMEOUT).
        workers: processes; None for one a core.
        cancelled: stops everything within a fraction of a second once set. Closing the iterator does, too.

    Raises:
        UnknownMethod: before anything is started.
    """
    wanted = {catalog.entry(name).name for name in names} if names is not None else {e.name for e in catalog.listed()}
    chosen = [entry for entry in catalog.everything() if entry.name in wanted]
    return _run(with_onset(incident), chosen, seed, deadline, workers, cancelled)


def run_contrast(
    incident: Incident,
    *,
    seed: int = 0,
    deadline: float = CONTRAST_DEADLINE,
    cancelled: Cancelled | None = None,
) -> Result | None:
    """What distinguishes the fault window (`methods.contrast`), run in a process or read from the cache folder.

    Arguments as in `run`.

    Returns:
        None when it was cancelled. `seconds` is 0 for an answer that was kept.
    """
    incident = with_onset(incident)
    name, family = catalog.CONTRAST.name, Family(catalog.CONTRAST.family)
    onset = repr(incident.onset.time if incident.onset else None)
    key = fingerprint.answer(fingerprint.content(incident), onset, fingerprint.method(name), seed)
    kept = _kept_contrasts()
    known = kept.get(key) if kept else None
    if known is not None:
        return Result(name, family, known, 0.0)
    for result in run(incident, [name], seed=seed, deadline=deadline, workers=1, cancelled=cancelled):
        if kept and (isinstance(result.outcome, Ranking) or result.outcome.reason is Reason.NOT_APPLICABLE):
            # A cache that cannot be written costs time, and nothing else.
            with contextlib.suppress(OSError):
                kept.put(key, result.outcome)
        return result
    return None


def _kept_contrasts() -> Cache[Outcome] | None:
    try:
        return Cache(paths.cache_home() / "contrast.jsonl", TypeAdapter(Ranking | NoRanking), CONTRAST_LIMIT)
    except OSError:
        return None


def _run(
    incident: Incident,
    chosen: list[catalog.Entry],
    seed: int,
    deadline: float,
    workers: int | None,
    cancelled: Cancelled | None,
) -> Iterator[Result]:
    families = {entry.name: Family(entry.family) for entry in chosen}
    tasks = [Task(incident.id, lambda: incident, entry.name, seed, deadline) for entry in chosen]
    with Pool(workers) as pool:
        for answer in pool.run(tasks, cancelled):
            method = answer.task.method
            yield Result(method, families[method], answer.outcome, answer.seconds)
