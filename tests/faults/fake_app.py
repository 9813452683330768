"""An app that injects into the fake deployment, says each state that it reaches, and waits at one of them.

    python fake_app.py FOLDER STATE SECONDS

`STATE` may also be SPAWNED: the stressor runs, and the journal does not know yet.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import fake_fault
from fake_deployment import FakeDeployment

from faults.engine import Engine
from faults.journal import Journal
from faults.preflight import Preflight
from faults.states import State


def main(folder: Path, stop_at: str, seconds: float) -> None:
    def say(state: str) -> None:
        print(state, flush=True)
        if state == stop_at:
            time.sleep(600)

    advance = Journal.advance

    def advance_and_say(journal: Journal, state: Any, *rest: Any, **named: Any) -> Any:
        step = advance(journal, state, *rest, **named)
        if state is not State.ACTIVE:  # the journal is locked at that moment: `hold` says it a moment later
            say(str(state))
        return step

    create = Journal.create.__func__  # type: ignore[attr-defined]

    def create_and_say(cls: type[Journal], *rest: Any) -> Journal:
        journal: Journal = create(cls, *rest)
        say("PLANNED")
        return journal

    class Stress(fake_fault.FakeStress):
        def inject(self, *arguments: Any) -> None:
            super().inject(*arguments)
            say("SPAWNED")

    Journal.advance = advance_and_say  # type: ignore[method-assign]
    Journal.create = classmethod(create_and_say)  # type: ignore[method-assign, assignment]
    engine = Engine(
        FakeDeployment(folder),
        armed=True,
        folder=folder / "journal",
        undo=fake_fault.UNDO,
        watchdog_command=fake_fault.WATCHDOG,
        assess=lambda *arguments, **named: Preflight((), None),
    )
    injection = engine.inject(Stress(), "replica-1", {}, seconds)
    say("ACTIVE")
    print("HOLDING", flush=True)
    why = engine.hold(injection)
    print(f"ended: {why}", flush=True)
    print(engine.revert(injection, why).state, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
