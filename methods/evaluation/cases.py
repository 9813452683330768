"""Incidents with a known cause, for the scorer: the only place in `methods` where a truth is opened."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from cluster.errors import RcaError
from cluster.incident import library
from methods.evaluation.evaluate import Answer, Case


class CaseError(RcaError):
    """An incident that cannot be scored: one sentence."""


def with_answers(named: Sequence[str]) -> list[Case]:
    """One case for each incident that is named, or that a named folder holds; the shipped ones for none.

    Raises CaseError for an incident without a truth, and IncidentError for what is none.
    """
    sources = named or [listing.name for listing in library.listings() if listing.shipped]
    if not sources:
        raise CaseError("no incident is shipped with this package: name some")
    cases = []
    for name in [inner for source in sources for inner in library.expand(source)]:
        incident, truth = library.load_with_truth(name)
        if truth is None:
            raise CaseError(f"{name} has no truth to score against: leave it out")
        answer = Answer(truth.components, truth.fault, truth.injected_at)
        cases.append(Case(incident.id, incident.topology, answer, partial(library.load, name)))
    return cases
