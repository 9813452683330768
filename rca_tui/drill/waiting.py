"""What a player is told when the baseline of a live drill is over and the service is not steady."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.text.plain import plain
from cluster.text.times import span
from faults.states import Phase

if TYPE_CHECKING:
    from faults.drill import Progress


def waits(progress: Progress, told: str) -> str:
    """The sentence, the first time that it waits; before that, and from then on, what was `told`.

    It is never taken back before the page: the moment at which it went would tell when the fault was injected.
    """
    if told or progress.phase is not Phase.STEADY:
        return told
    from faults.drill import STEADY_PATIENCE  # the app imports this module before its first frame, a drill after it

    most = span(STEADY_PATIENCE)
    return f"The baseline is over, but {plain(progress.message)}. The drill waits for that, {most} at most."
