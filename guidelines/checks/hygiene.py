"""18. The SLI is measured at the front door, and the number of candidates is known."""

from __future__ import annotations

from guidelines import blind_spots
from guidelines.removals import without_sli
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Origin, Removal, fails, passes, unknown
from guidelines.wording import unserved

SIGNALS = ("latency_p90", "error_ratio")


def _look(survey: Survey) -> Finding:
    door, candidates = survey.topology.front_door, len(survey.incident.candidates)
    if door is None:
        return fails("it is not known which component users call, so every possible SLI is a suspect's own")
    carried = [s for s in survey.telemetry.signals_of(door) if s.startswith(("latency", "lat")) and survey.has(door, s)]
    if not carried and survey.idle:
        return unknown(unserved((f"latency of the front door {door}",)))
    if not carried:
        return fails(f"the front door {door} has no latency: onset and SLI can come only from a suspect's own signals")
    return passes(
        f"SLI: {carried[-1] if SIGNALS[0] not in carried else SIGNALS[0]} of {door}; {candidates} candidates, so "
        f"guessing has AC@1 {1 / candidates:.2f}"
    )


GUIDELINE = Guideline(
    number=18,
    name="hygiene",
    title="The SLI is fixed at the gateway",
    origin=Origin.CODE,
    what="The front door is known and measured, and the number of candidates is counted.",
    why=(
        "A method that is given the latency of the faulty component is given the answer. A case that is left out "
        "because a method failed on it is a miss that nobody counts. With six candidates a guess is right in one case "
        "of six, and a table without that row makes every method look better."
    ),
    evidence=(
        "The study's published evaluation takes the SLI from the case's name, drops failed cases or ranks them at "
        "random, and has no random row: with 5 to 7 candidates guessing gives AC@1 0.14 to 0.20.",
    ),
    change=(
        Change(
            "NGINX: latency and status at the gateway, for every upstream",
            "log_format sli '$msec $request_time $status';",
        ),
        Change("Evaluation: count misses, show guessing in the table", "rca-tui evaluate"),
    ),
    faults=("gateway-slow", "load-surge"),
    methods=blind_spots.FROM_THE_SLI,
    modes=(15,),
    look=_look,
    signals=SIGNALS,
    removals=(Removal("no SLI", "without latency and errors at the front door, and so without an onset", without_sli),),
)
