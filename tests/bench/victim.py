"""What the kills kill: a process that injects a fault, or recovers, and stops in a state until it is told to go on.

    python -m tests.bench.victim FAULT TARGET STATE SECONDS
    python -m tests.bench.victim recover STATE

Prints each state as it is reached, and stops at STATE until it reads a line; the line "eat" makes it take memory until
the kernel ends it. `STATE` may also be SPAWNED: the fault is in, and the journal does not know yet; while it recovers,
REVERTED: the fault is out, and the journal does not know yet, or CLEAN: the journal knows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from faults import catalog, recover
from faults.engine import Engine
from faults.errors import FaultError
from faults.journal import Journal
from faults.preflight import Preflight
from faults.states import State
from faults.types import Fault
from faults.undo import Undo

STATES = ("PLANNED", "ARMED", "INJECTING", "SPAWNED", "ACTIVE", "REVERTING")
RECOVERING = ("REVERTING", "REVERTED", "CLEAN")
_BITE = 2**20  # bytes


def stopping_at(state: str) -> Callable[[str], None]:
    """Says each state, and stops at that one."""

    def reached(now: str) -> None:
        print(now, flush=True)
        if now == state and sys.stdin.readline() == "eat\n":
            eaten = b""
            while True:
                eaten += b"x" * _BITE

    return reached


def recovering(undo: Undo, reached: Callable[[str], None], folder: Path | None = None) -> None:
    """Undo all that is pending; `reached` is called in each state, and may take its time."""
    advance = Journal.advance

    def advance_and_say(journal: Journal, state: State, *rest: Any, **named: Any) -> Any:
        step = advance(journal, state, *rest, **named)
        reached("CLEAN" if step.data.get("clean") else str(state))
        return step

    def load_and_say(name: str, kind: str) -> Fault[Any]:
        fault = undo.load(name, kind)
        revert = fault.revert

        def revert_and_say(*arguments: Any) -> None:
            revert(*arguments)
            reached("REVERTED")

        fault.revert = revert_and_say  # type: ignore[method-assign]
        return fault

    Journal.advance = advance_and_say  # type: ignore[method-assign]
    recover.recover(folder=folder, undo=replace(undo, load=load_and_say))


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


def main(*arguments: str) -> None:
    from cluster.local.deployment import LocalDeployment
    from tests.bench import live

    if arguments[0] == "recover":
        recovering(live.UNDO_ONLY, stopping_at(arguments[1]))
        return
    name, target, stop_at, seconds = arguments
    # Without the half minute of a steady state before, and without waiting for the service to be healthy after.
    engine = Engine(
        LocalDeployment.connect(), armed=True, undo=live.UNDO_ONLY, assess=lambda *_, **__: Preflight((), None)
    )
    try:
        run(engine, catalog.load(name), target, float(seconds), stopping_at(stop_at))
    except FaultError as error:
        print(error, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
