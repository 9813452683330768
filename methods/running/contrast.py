"""The contrast of an incident, run in a process that can be killed and kept for the next time.

What is kept is found by its content: the telemetry, the topology, the onset, the seed, and the code that made it. It is
JSON that is checked when it is read; a file that is damaged, or of other code, is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from cluster import paths
from cluster.incident.model import Incident
from methods import catalog, contrast
from methods.answer import ranking
from methods.answer.types import Family, NoRanking, Outcome, Ranking, Reason
from methods.running import runner
from methods.running.pool import Cancelled
from methods.running.runner import Result
from methods.telemetry import matrix, separation, sli
from methods.telemetry.onset import with_onset

DEADLINE = 180.0
_MADE_BY = (contrast, matrix, ranking, separation, sli)
_KEPT: TypeAdapter[Outcome] = TypeAdapter(Ranking | NoRanking)


def contrasted(
    incident: Incident, *, seed: int = 0, deadline: float = DEADLINE, cancelled: Cancelled | None = None
) -> Result | None:
    """The contrast of an incident, out of the cache or run now; None when it was cancelled.

    An incident without an onset gets the estimated one. `seconds` is 0 for what was known.
    """
    placed = with_onset(incident)
    path = paths.cache_home() / "contrast" / f"{_key(placed, seed)}.json"
    known = _read(path)
    if known is not None:
        return Result(catalog.CONTRAST.name, Family(catalog.CONTRAST.family), known, 0.0)
    for result in runner.run(
        placed, [catalog.CONTRAST.name], seed=seed, deadline=deadline, workers=1, cancelled=cancelled
    ):
        if _is_final(result.outcome):
            _write(path, result.outcome)
        return result
    return None


def _is_final(outcome: Outcome) -> bool:
    """Whether it would be the same the next time."""
    return isinstance(outcome, Ranking) or outcome.reason is Reason.NOT_APPLICABLE


def _key(incident: Incident, seed: int) -> str:
    digest = hashlib.blake2b(digest_size=16)
    telemetry, onset = incident.telemetry, incident.onset
    said = (seed, onset.time if onset else None, incident.topology, sorted(telemetry.units.items()), incident.window)
    digest.update(repr(said).encode())
    metrics = telemetry.metrics
    digest.update(repr(metrics.columns.tolist()).encode())
    digest.update(pd.util.hash_pandas_object(metrics).to_numpy().tobytes())
    for module in _MADE_BY:
        digest.update(Path(module.__file__ or "").read_bytes())
    return digest.hexdigest()


def _read(path: Path) -> Outcome | None:
    try:
        return _KEPT.validate_json(path.read_bytes())
    except (OSError, ValidationError, ValueError):
        return None


def _write(path: Path, outcome: Outcome) -> None:
    # A cache that cannot be written costs time, and nothing else.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(_KEPT.dump_json(outcome))
        part.replace(path)
