"""Run methods on one incident in processes that can be killed, and yield their results as they come."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from cluster.incident.model import Incident
from methods import catalog
from methods.answer.types import Family, Outcome
from methods.running.pool import Cancelled, Pool, Task
from methods.telemetry.onset import with_onset

DEADLINE = 60.0
"""CPU seconds of one method."""


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
    deadline: float = DEADLINE,
    workers: int | None = None,
    cancelled: Cancelled | None = None,
    pool: Pool | None = None,
    background: bool = False,
) -> Generator[Result]:
    """Results of the named methods (None: all of `catalog.listed`), cheap methods first, each as soon as it is there.

    The onset is estimated, unless the incident has one or was searched for one (`methods.telemetry.onset.with_onset`).

    Args:
        seed: the same seed gives the same rankings.
        deadline: CPU seconds for each method, after which its process is killed: NoRanking(TIMEOUT).
        workers: processes; None for one a core.
        cancelled: stops everything within a fraction of a second once set. Closing the iterator does, too.
        pool: runs them, of this incident alone, and stays open; None for one of their own, of `workers` processes.
        background: without a `pool`: leave the processor to everything else on the machine, for nobody waits.

    Raises:
        UnknownMethod: before anything is started.
    """
    wanted = {catalog.entry(name).name for name in names} if names is not None else {e.name for e in catalog.listed()}
    chosen = [entry for entry in catalog.everything() if entry.name in wanted]
    processes = nullcontext(pool) if pool else Pool(workers, background=background)
    return _run(with_onset(incident), chosen, seed, deadline, processes, cancelled)


def _run(
    incident: Incident,
    chosen: list[catalog.Entry],
    seed: int,
    deadline: float,
    pool: AbstractContextManager[Pool],
    cancelled: Cancelled | None,
) -> Generator[Result]:
    families = {entry.name: Family(entry.family) for entry in chosen}
    tasks = [Task(incident.id, lambda: incident, entry.name, seed, deadline) for entry in chosen]
    with pool as processes:
        for answer in processes.run(tasks, cancelled):
            method = answer.task.method
            yield Result(method, families[method], answer.outcome, answer.seconds)
