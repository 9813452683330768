"""The front door measures its latency."""

from __future__ import annotations

from guidelines import Change, Finding, Guideline, Origin, Survey, fails, passes, unknown

SIGNAL = "latency_p90"


def _look(survey: Survey) -> Finding:
    door = survey.topology.front_door
    if door is None:
        return unknown("no component is known to be the front door")
    if survey.has(door, SIGNAL):
        return passes(f"{door} measures {SIGNAL}")
    return fails(f"{door} has no {SIGNAL}")


GUIDELINE = Guideline(
    number=0,
    name="front-door-latency",
    title="The front door measures its latency",
    origin=Origin.FIELD,
    what="The component that users call has a latency of its own.",
    why="Without it nobody knows when the trouble began.",
    evidence=("A sample: nobody has reported it.",),
    change=(Change("NGINX", "log_format rca '$request_time';"),),
    faults=("load-surge",),
    methods=("baro",),
    modes=(7,),
    look=_look,
    signals=(SIGNAL,),
    not_removed="a sample",
)
