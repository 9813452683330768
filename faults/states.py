"""The life of an injection: its states, which may follow which, how it ended; and the phases of a drill around it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where an injection is.

    PLANNED: intent, prior values and the way back are on disk. ARMED: the deadline is on disk and a watchdog keeps it.
    INJECTING: the target may be touched from here on. ACTIVE: read back, the fault is there. REVERTING: it is being
    undone, or is undone and the service not healthy yet. RECOVERED: read back clean and healthy.
    STUCK: it could not be undone, or the service did not become healthy: a person is needed.
    """

    PLANNED = "PLANNED"
    ARMED = "ARMED"
    INJECTING = "INJECTING"
    ACTIVE = "ACTIVE"
    REVERTING = "REVERTING"
    RECOVERED = "RECOVERED"
    STUCK = "STUCK"


class Phase(StrEnum):
    """The phases of a drill, in order."""

    BASELINE = "baseline"
    STEADY = "waiting for a steady state"
    INJECTING = "injecting"
    ACTIVE = "active"
    REVERTING = "reverting"
    AFTERMATH = "aftermath"
    SAVING = "saving"


# Any process may take an injection over and revert it, so REVERTING follows every state but RECOVERED, itself included:
# the process that was reverting may have died.
_NEXT: dict[State, frozenset[State]] = {
    State.PLANNED: frozenset({State.ARMED, State.REVERTING}),
    State.ARMED: frozenset({State.INJECTING, State.REVERTING}),
    State.INJECTING: frozenset({State.ACTIVE, State.REVERTING}),
    State.ACTIVE: frozenset({State.REVERTING}),
    State.REVERTING: frozenset({State.REVERTING, State.RECOVERED, State.STUCK}),
    State.STUCK: frozenset({State.REVERTING}),
    State.RECOVERED: frozenset(),
}


def may_follow(state: State, following: State) -> bool:
    return following in _NEXT[state]


@dataclass(frozen=True, slots=True)
class Undone:
    """How an injection ended.

    Attributes:
        injection: its id.
        state: RECOVERED or STUCK.
        clean: nothing of the injection is left on the target, read back.
        detail: what was found, a clause.
        command: the exact command for a person when STUCK, else empty.
    """

    injection: str
    state: State
    clean: bool
    detail: str
    command: str = ""
