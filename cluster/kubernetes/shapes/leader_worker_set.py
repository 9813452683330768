"""LeaderWorkerSet: a group of pods is one replica. Its leader serves; the others compute for it.

Where every pod of a group serves for itself (data parallelism with `--data-parallel-hybrid-lb`), each is a replica.
"""

from __future__ import annotations

import dataclasses

from cluster.kubernetes.objects import Pod
from cluster.kubernetes.shapes.phases import split
from cluster.kubernetes.shapes.types import Part, Place

_OF = "leaderworkerset.sigs.k8s.io/"
NAME, GROUP, MEMBER = f"{_OF}name", f"{_OF}group-index", f"{_OF}worker-index"
_EACH_SERVES = ("--data-parallel-hybrid-lb", "--data-parallel-external-lb")


def place(pod: Pod) -> Place | None:
    """By the name of its set, where no other shape knows it."""
    name = pod.labels.get(NAME)
    return Place(Part.ENGINE, *split(name)) if name else None


def grouped(pod: Pod, found: Place | None) -> Place | None:
    """The place of an engine with its group, where it has one."""
    group, member = pod.labels.get(GROUP, ""), pod.labels.get(MEMBER, "")
    if found is None or found.part is not Part.ENGINE or not (group.isdecimal() and member.isdecimal()):
        return found
    if any(option in pod.command for option in _EACH_SERVES):
        return found
    number = int(member[:6])
    part = Part.WORKER if number else Part.ENGINE
    return dataclasses.replace(found, part=part, group=int(group[:6]), member=number)
