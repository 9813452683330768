"""An app that injects into the fake deployment, says each state that it reaches, and waits at one of them.

    python fake_app.py FOLDER STATE SECONDS

`STATE` may also be SPAWNED: the stressor runs, and the journal does not know yet.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import fake_fault
from fake_deployment import FakeDeployment

from faults.engine import Engine
from faults.preflight import Preflight


def main(folder: Path, stop_at: str, seconds: float) -> None:
    sys.path.append(str(Path(__file__).parents[2]))
    from tests.bench import victim

    def reached(state: str) -> None:
        print(state, flush=True)
        if state == stop_at != "HOLDING":
            time.sleep(600)

    engine = Engine(
        FakeDeployment(folder),
        armed=True,
        folder=folder / "journal",
        undo=fake_fault.UNDO,
        watchdog_command=fake_fault.WATCHDOG,
        assess=lambda *arguments, **named: Preflight((), None),
    )
    victim.run(engine, fake_fault.FakeStress(), "replica-1", seconds, reached)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
