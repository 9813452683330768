"""Run methods on one incident in processes that can be killed, and hand out results as they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cluster.incident.model import Incident
from methods import catalog
from methods.answer.types import Family, Outcome
from methods.running.pool import Cancelled, Pool, Task
from methods.telemetry.onset import with_onset


@dataclass(frozen=True, slots=True)
class Result:
    """What one method answered. `seconds` is the wall time of its ranking, or what it had when it was stopped."""

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
    """Results of the named methods (None: all), cheap methods first, each as soon as it is there.

    An incident without an onset gets the estimated one (`methods.telemetry.onset.with_onset`; ask for it first to show
    it).

    Args:
        seed: the same seed gives the same rankings.
        deadline: CPU seconds for each method, after which its process is killed: NoRanking(TIMEOUT).
        workers: processes; None for one a core.
        cancelled: stops everything within a fraction of a second once set. Closing the iterator does, too.

    Raises:
        UnknownMethod: before anything is started.
    """
    wanted = {catalog.entry(name).name for name in names} if names is not None else {e.name for e in catalog.entries()}
    chosen = [entry for entry in (*catalog.entries(), catalog.CONTRAST) if entry.name in wanted]
    return _run(with_onset(incident), chosen, seed, deadline, workers, cancelled)


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
