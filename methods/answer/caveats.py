"""Warnings about the ranking of one incident that do not depend on the method.

`caveats_for` puts them into a ranking's explanation: the last step of every method.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from cluster.incident.model import Incident
from cluster.text.times import clock_time
from methods.answer.types import NoRanking, Outcome, Ranking
from methods.answer.wording import counted

FEW_SAMPLES = 30
SILENT = 6
"""Samples without any value at the end of the window: more than a gap that is filled with the last value."""


def caveats_for(outcome: Outcome, incident: Incident, *, onset_used: bool = True, unranked_as: str = "") -> Outcome:
    """The ranking with every caveat that applies to it, each once; NoRanking is returned unchanged.

    Args:
        outcome: of the method.
        incident: that it ranked.
        onset_used: whether the method compares with the time before the onset.
        unranked_as: why the method leaves components out, as the end of a sentence.
    """
    if isinstance(outcome, NoRanking):
        return outcome
    known = outcome.explanation.caveats
    sentences = (
        upstream(incident, outcome),
        host(incident, outcome),
        ties(outcome),
        short_baseline(incident) if onset_used else "",
        silence(incident),
        unranked(incident, outcome, unranked_as),
    )
    fresh = tuple(sentence for sentence in sentences if sentence and sentence not in known)
    return dataclasses.replace(outcome, explanation=dataclasses.replace(outcome.explanation, caveats=known + fresh))


def upstream(incident: Incident, ranking: Ranking) -> str:
    """Most methods of the study blamed components that pass requests on for the trouble of what they call."""
    topology = incident.topology
    for component in ranking.top:
        below = set(topology.callees(component))
        if not below:
            continue
        other = next((c for c in ranking.components if c.component in below and c.component not in ranking.top), None)
        second = f" Look at {other.component} (rank {other.rank}) before you act." if other else ""
        return (
            f"{component} is ranked first, but it passes requests on, so the trouble of what it calls shows in its "
            f"signals too; most methods of the study blamed upstream components in error.{second}"
        )
    return ""


def host(incident: Incident, ranking: Ranking) -> str:
    """The machine's signals are the sum of what runs on it."""
    topology = incident.topology
    for component in ranking.top:
        guests = sorted(c for c in topology.ids if component in topology.hosts(c))
        if guests:
            return f"{component} is ranked first, but its signals add up those of what runs on it: {_list(guests)}."
    return ""


def ties(ranking: Ranking) -> str:
    if len(ranking.top) < 2 or (ranking.named and set(ranking.top) <= set(ranking.named)):
        return ""
    return f"{len(ranking.top)} components share the first rank: the method does not tell {_list(ranking.top)} apart."


def short_baseline(incident: Incident) -> str:
    if incident.onset is None or incident.telemetry.metrics.empty:
        return ""
    before = int((incident.telemetry.metrics.index < incident.onset.time).sum())
    if before >= FEW_SAMPLES:
        return ""
    return f"Only {counted(before, 'sample')} before the onset: what is normal is poorly known."


def silence(incident: Incident) -> str:
    """Components whose telemetry ended before the window did: what never arrived looks calm to a method."""
    gone = silent_since(incident)
    if not gone:
        return ""
    named = _list([f"{component} went silent at {clock_time(time)}" for component, time in gone.items()])
    it = "it" if len(gone) == 1 else "they"
    return f"{named}: no signal has a value from then on. Silence is not health: {it} may be down, or only unobserved."


def silent_since(incident: Incident) -> dict[str, float]:
    """Component -> unix seconds from which on none of its metrics has a value, while those of others have.

    At least `SILENT` samples are missing. Components without any metrics are not listed: nothing ended.
    """
    frame = incident.telemetry.metrics
    present = np.isfinite(frame.to_numpy(dtype=np.float64, na_value=np.nan))
    # Most incidents end with a value of every component: then nothing else has to be looked at.
    recent = present[-SILENT:].any(axis=0)
    owners = [str(column[0]) for column in frame.columns]
    heard = {owner for owner, value in zip(owners, recent, strict=True) if value}
    found = {}
    for component in sorted(set(incident.topology.ids) & set(owners) - heard if heard else ()):
        rows = np.flatnonzero(present[:, [owner == component for owner in owners]].any(axis=1))
        if len(rows):
            found[component] = float(frame.index[rows[-1] + 1])
    return found


def unranked(incident: Incident, ranking: Ranking, reason: str) -> str:
    ranked = {c.component for c in ranking.components}
    left = [c for c in incident.candidates if c not in ranked]
    if not left:
        return ""
    why = reason or "the method has no score for them"
    return f"Not ranked: {_list(left)}; {why}."


def _list(names: tuple[str, ...] | list[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
