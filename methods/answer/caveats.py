"""Warnings about the ranking of one incident that do not depend on the method.

`caveats_for` puts them into a ranking's explanation: the last step of every method.
"""

from __future__ import annotations

import dataclasses

from cluster.incident.model import Incident
from cluster.topology import Kind
from methods.answer.types import NoRanking, Outcome, Ranking

FEW_SAMPLES = 30
UPSTREAM = (Kind.GATEWAY, Kind.HEAD)


def caveats_for(outcome: Outcome, incident: Incident) -> Outcome:
    """The ranking with every caveat that applies to it, each once; NoRanking is returned unchanged."""
    if isinstance(outcome, NoRanking):
        return outcome
    known = outcome.explanation.caveats
    fresh = tuple(c for c in applicable(incident, outcome) if c not in known)
    return dataclasses.replace(outcome, explanation=dataclasses.replace(outcome.explanation, caveats=known + fresh))


def applicable(incident: Incident, ranking: Ranking) -> tuple[str, ...]:
    """One sentence for each bias that applies: upstream or host blame, ties, short baseline, unranked candidates."""
    checks = (upstream, host, ties, short_baseline, unranked)
    return tuple(sentence for check in checks if (sentence := check(incident, ranking)))


def upstream(incident: Incident, ranking: Ranking) -> str:
    """Most methods of the study blamed the gateway or the head for the trouble of a replica."""
    topology = incident.topology
    for component in ranking.top:
        relays = component == topology.front_door or topology.component(component).kind in UPSTREAM
        below = set(topology.callees(component)) or set(topology.peers(component))
        if not relays or not below:
            continue
        other = next((c for c in ranking.components if c.component in below and c.component not in ranking.top), None)
        second = f" Look at {other.component} (rank {other.rank}) before you act." if other else ""
        return (
            f"{component} is ranked first, but it passes requests on, so the trouble of a replica shows in its signals "
            f"too; most methods of the study blamed upstream components in error.{second}"
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


def ties(incident: Incident, ranking: Ranking) -> str:
    if len(ranking.top) < 2:
        return ""
    return f"{len(ranking.top)} components share the first rank: the method does not tell {_list(ranking.top)} apart."


def short_baseline(incident: Incident, ranking: Ranking) -> str:
    if incident.onset is None or incident.telemetry.metrics.empty:
        return ""
    before = int((incident.telemetry.metrics.index < incident.onset.time).sum())
    if before >= FEW_SAMPLES:
        return ""
    return f"Only {before} samples lie before the onset: what is normal is poorly known."


def unranked(incident: Incident, ranking: Ranking) -> str:
    ranked = {c.component for c in ranking.components}
    left = [c for c in incident.candidates if c not in ranked]
    if not left:
        return ""
    return f"{_list(left)} {'is' if len(left) == 1 else 'are'} not ranked: there is no evidence for or against."


def _list(names: tuple[str, ...] | list[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
