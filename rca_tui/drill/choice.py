"""Which recording is played: one that chance draws, or one whose truth is among what may go wrong in a scenario."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from cluster.errors import RcaError
from cluster.incident import envelope, library, rcaeval
from rca_tui.game import NoTruth

if TYPE_CHECKING:
    from faults.scenario import Scenario


class NoRecording(RcaError):
    """No recording fits the scenario."""


def check_sealed(name_or_path: str) -> None:
    """Whether a drill over it would have an answer. Raises NoTruth, IncidentError. The truth is not opened."""
    path = library.find(name_or_path)
    if not rcaeval.is_case(path) and not envelope.summary(path).sealed:
        raise NoTruth(f"{name_or_path} has no sealed truth: play one that `rca-tui drill` saved, or a shipped one")


def any_recording(scenario: Scenario | None = None, rng: random.Random | None = None) -> str:
    """The name of a shipped drill, which is for nobody to see before the guess. Raises NoRecording, IncidentError.

    Args:
        scenario: fault and target must be among what may go wrong in it.
        rng: by default the randomness of the system, which has no seed.
    """
    names = [listing.name for listing in library.listings() if listing.shipped]
    (rng or random.SystemRandom()).shuffle(names)
    for name in names:
        if scenario is None or fits(name, scenario):
            return name
    if scenario is None:
        raise NoRecording("there is no shipped recording: reinstall rca_tui, or give one with --replay INCIDENT")
    raise NoRecording(
        f"no shipped recording fits the scenario {scenario.title!r}: play it on a live deployment, `rca-tui up` "
        "starts one, or give a recording with --replay INCIDENT"
    )


def fits(name: str, scenario: Scenario) -> bool:
    """Whether what a recording's truth tells is among what may go wrong in a scenario. Raises IncidentError."""
    truth = library.load_truth(name)
    causes = [cause for cause in scenario.may if truth is not None and cause.fault == truth.fault]
    if truth is None or not causes:
        return False
    target = truth.target or next(iter(truth.components), "")
    if any(not cause.targets or target in cause.targets for cause in causes):
        return True
    topology = library.load(name).topology
    return target in topology and any(topology.component(target).kind in cause.targets for cause in causes)
