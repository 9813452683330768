"""Which recorded drill is played: one whose truth is among what may go wrong in the scenario."""

from __future__ import annotations

import random

import pytest

from cluster.incident import library
from faults import scenario_library
from faults.scenario import Cause
from rca_tui.drill import choice


def test_a_shipped_recording_fits_the_scenario_that_it_is_drawn_for() -> None:
    for name in ("one-replica-starves", "load-surge-nobody", "two-at-once"):
        scenario = scenario_library.find(name)[1]
        truth = library.load_truth(choice.any_recording(scenario, random.Random(3)))
        assert truth is not None and truth.fault in {cause.fault for cause in scenario.may}
    never = scenario_library.find("night-shift")[1].model_copy(
        update={"may": (Cause(fault="cpu-stress", targets=("replica-9",)),)}
    )
    with pytest.raises(choice.NoRecording, match=r"rca-tui up.* that has a recording: dead-or-asleep, one-replica"):
        choice.any_recording(never)
