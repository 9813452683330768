"""Results that are kept in the cache folder: an incident that was ranked before costs no second minute."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from pydantic import TypeAdapter

from cluster import paths
from cluster.incident.model import Incident
from methods import catalog
from methods.answer.types import NoRanking, Reason
from methods.running import fingerprint, runner
from methods.running.cache import Cache
from methods.running.mixture import weighed
from methods.running.pool import Cancelled, Pool
from methods.running.runner import Result
from methods.telemetry.onset import with_onset

LIMIT = 64 * 2**20
"""Bytes of the file: some 50 incidents with the rankings of all methods."""
CONTRAST_DEADLINE = 180.0
"""CPU seconds."""
_PASSING = (Reason.TIMEOUT, Reason.ERROR)
"""Reasons that may not be there the next time."""


def run(
    incident: Incident,
    names: Sequence[str] | None = None,
    *,
    seed: int = 0,
    deadline: float = runner.DEADLINE,
    cancelled: Cancelled | None = None,
    pool: Pool | None = None,
) -> Iterator[Result]:
    """As `methods.running.runner.run`, but first the results that are known; each new one is kept as it comes.

    Other code, another seed, onset or telemetry have other results; see `methods.running.fingerprint`. `seconds` is
    what the method took when it ran. A cache that cannot be read or written costs time, and nothing else.

    Raises:
        UnknownMethod: before anything is started.
    """
    incident = with_onset(incident)
    chosen = [entry.name for entry in catalog.listed()] if names is None else [catalog.entry(n).name for n in names]
    onset = repr((incident.onset.time if incident.onset else None, weighed(incident)))
    content = fingerprint.content(incident)
    keys = {name: fingerprint.answer(content, onset, fingerprint.method(name), seed) for name in chosen}
    cache = _opened()
    known = {name: result for name in chosen if cache and (result := cache.get(keys[name])) is not None}
    yield from known.values()
    left = [name for name in chosen if name not in known]
    if not left:
        return
    for result in runner.run(incident, left, seed=seed, deadline=deadline, cancelled=cancelled, pool=pool):
        if cache and not (isinstance(result.outcome, NoRanking) and result.outcome.reason in _PASSING):
            with contextlib.suppress(OSError):
                cache.put(keys[result.method], result)
        yield result


def run_contrast(
    incident: Incident, *, seed: int = 0, cancelled: Cancelled | None = None, pool: Pool | None = None
) -> Result | None:
    """What distinguishes the fault window (`methods.contrast`), as `run`; None when it was cancelled."""
    names = [catalog.CONTRAST.name]
    return next(run(incident, names, seed=seed, deadline=CONTRAST_DEADLINE, cancelled=cancelled, pool=pool), None)


def _opened() -> Cache[Result] | None:
    try:
        return Cache(paths.cache_home() / "rankings.jsonl", TypeAdapter(Result), LIMIT)
    except OSError:
        return None
