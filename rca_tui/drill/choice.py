"""Which recording is played: one that chance draws, or one whose truth is among what may go wrong in a scenario."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster.errors import RcaError
from cluster.incident import envelope, library, rcaeval
from cluster.incident.container import IncidentError
from cluster.incident.summary import read_summary
from rca_tui.game import NoTruth

if TYPE_CHECKING:
    from cluster.incident.truth import Truth
    from cluster.topology import Topology
    from faults.scenario import Scenario


class NoRecording(RcaError):
    """No recording fits the scenario."""


def check_sealed(name_or_path: str) -> None:
    """Whether a drill over it would have an answer. Raises NoTruth, IncidentError. The truth is not opened."""
    path = library.find(name_or_path)
    if not rcaeval.is_case(path) and not read_summary(path).sealed:
        raise NoTruth(f"{name_or_path} has no sealed truth: play one that `rca-tui drill` saved, or a shipped one")


@dataclass(frozen=True, slots=True)
class Recording:
    """A drill that can be played, with its answer: for who draws one, never for a player."""

    name: str
    shipped: bool
    truth: Truth
    topology: Topology


def recordings() -> Iterator[Recording]:
    """Those of the list that have a truth. A damaged file of the user hides no other."""
    for listing in library.listings():
        if rcaeval.is_case(listing.path):  # none of its faults is one of a scenario
            continue
        try:
            truth, topology = envelope.load_truth(listing.path), envelope.topology(listing.path)
        except IncidentError:
            continue
        if truth is not None:
            yield Recording(listing.name, listing.shipped, truth, topology)


def any_recording(scenario: Scenario | None = None, rng: random.Random | None = None) -> str:
    """The name of a recorded drill, which is for nobody to see before the guess. Raises NoRecording.

    Args:
        scenario: fault and target must be among what may go wrong in it; None draws a shipped drill.
        rng: by default the randomness of the system, which has no seed.
    """
    there = list(recordings())
    if scenario is None:
        fitting = [one.name for one in there if one.shipped]
        if not fitting:
            raise NoRecording("there is no shipped recording: reinstall rca_tui, or give one with --replay INCIDENT")
    else:
        fitting = [one.name for one in there if fits(one, scenario)]
        if not fitting:
            raise no_recording(scenario, there)
    return (rng or random.SystemRandom()).choice(fitting)


def fits(recording: Recording, scenario: Scenario) -> bool:
    """Whether what the recording's truth tells is among what may go wrong in a scenario."""
    truth, topology = recording.truth, recording.topology
    target = truth.target or next(iter(truth.components), "")
    kind = topology.component(target).kind if target in topology else None
    return any(
        cause.fault == truth.fault and (not cause.targets or target in cause.targets or kind in cause.targets)
        for cause in scenario.may
    )


def no_recording(scenario: Scenario, there: Sequence[Recording]) -> NoRecording:
    """The error for a scenario that none of these fits; it names the scenarios that have one."""
    from faults import scenario_library

    listed = ((one.name, one.scenario) for one in scenario_library.listings())
    have = [name for name, other in listed if other is not None and any(fits(one, other) for one in there)]
    return NoRecording(
        f"no recording here fits the scenario {scenario.title!r}",
        f"play it on a live deployment, which `rca-tui up` starts, or play one that has a recording: {', '.join(have)}",
    )
