"""What the kills kill: a process that injects a fault and stops in a state until it is told to go on.

    python -m tests.bench.victim FAULT TARGET STATE SECONDS

Prints each state as it is reached, and stops at STATE until it reads a line. `STATE` may also be SPAWNED: the fault is
in, and the journal does not know yet.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from faults import catalog
from faults.engine import Engine
from faults.errors import FaultError
from faults.journal import Journal
from faults.preflight import Preflight
from faults.states import State
from faults.types import Fault

STATES = ("PLANNED", "ARMED", "INJECTING", "SPAWNED", "ACTIVE", "REVERTING")


def run(engine: Engine, fault: Fault[Any], target: str, seconds: float, reached: Callable[[str], None]) -> None:
    """Inject, hold, revert; `reached` is called in each state, and may take its time."""
    advance, create, inject = Journal.advance, Journal.create.__func__, fault.inject  # type: ignore[attr-defined]

    def advance_and_say(journal: Journal, state: State, *rest: Any, **named: Any) -> Any:
        step = advance(journal, state, *rest, **named)
        if state is not State.ACTIVE:  # the journal is locked at that moment: it is said when it is no more
            reached(str(state))
        return step

    def create_and_say(cls: type[Journal], *rest: Any) -> Journal:
        journal: Journal = create(cls, *rest)
        reached("PLANNED")
        return journal

    def inject_and_say(*arguments: Any) -> None:
        inject(*arguments)
        reached("SPAWNED")

    Journal.advance = advance_and_say  # type: ignore[method-assign]
    Journal.create = classmethod(create_and_say)  # type: ignore[method-assign, assignment]
    fault.inject = inject_and_say  # type: ignore[method-assign]
    injection = engine.inject(fault, target, {}, seconds)
    reached("ACTIVE")
    reached("HOLDING")
    why = engine.hold(injection)
    print(f"ended: {why}", flush=True)
    print(engine.revert(injection, why).state, flush=True)


def main(name: str, target: str, stop_at: str, seconds: float) -> None:
    from cluster.local.deployment import LocalDeployment
    from tests.bench import live

    def reached(state: str) -> None:
        print(state, flush=True)
        if state == stop_at:
            sys.stdin.readline()

    # Without the half minute of a steady state before, and without waiting for the service to be healthy after.
    engine = Engine(
        LocalDeployment.connect(), armed=True, undo=live.UNDO_ONLY, assess=lambda *_, **__: Preflight((), None)
    )
    try:
        run(engine, catalog.load(name), target, seconds, reached)
    except FaultError as error:
        print(error, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4], float(sys.argv[4]))
