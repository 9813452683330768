"""Incidents whose cause is known, for the scorer: the only place in `methods` where a truth is opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from cluster.errors import RcaError
from cluster.incident import library
from cluster.incident.model import Incident
from cluster.topology import Topology
from methods.running import fingerprint


class CaseError(RcaError):
    """An incident that cannot be scored: one sentence."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What really happened: ids of the faulty components, the fault's name, and when it began in unix seconds."""

    components: tuple[str, ...]
    fault: str
    injected_at: float


@dataclass(frozen=True)
class Case:
    """One incident to evaluate on.

    Attributes:
        id: the incident's.
        topology: the incident's; its components are the candidates.
        cause: which no method sees.
        load: reads the incident when its turn comes, so that not all have to fit into memory.
        content: digest of what `load` returns (`methods.running.fingerprint.content`); kept answers are found by it.
    """

    id: str
    topology: Topology
    cause: Cause
    load: Callable[[], Incident]
    content: str

    @classmethod
    def of(cls, incident: Incident, cause: Cause) -> Case:
        return cls(incident.id, incident.topology, cause, lambda: incident, fingerprint.content(incident))


def load_cases(sources: Sequence[str]) -> list[Case]:
    """One case for each incident that is named, or that a named folder holds; the shipped incidents for none.

    Raises CaseError for an incident without a truth, and IncidentError for what is no incident.
    """
    sources = sources or [listing.name for listing in library.listings() if listing.shipped]
    if not sources:
        raise CaseError("no incident is shipped with this package: name some")
    cases = []
    for name in [inner for source in sources for inner in library.expand(source)]:
        incident, truth = library.load_with_truth(name)
        if truth is None:
            raise CaseError(f"{name} has no truth to score against: leave it out")
        cause = Cause(truth.components, truth.fault, truth.injected_at)
        load, content = partial(library.load, name), fingerprint.content(incident)
        cases.append(Case(incident.id, incident.topology, cause, load, content))
    return cases
