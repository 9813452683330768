"""An app that injects into the fake deployment, says each state that it reaches, and waits at one of them.

    python fake_app.py FOLDER STATE SECONDS
    python fake_app.py FOLDER STATE recover

The states are those of `tests.bench.victim`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import fake_fault
from fake_deployment import FakeDeployment

from faults.engine import Engine
from faults.errors import FaultError
from faults.preflight import Preflight


def main(folder: Path, stop_at: str, seconds: str) -> None:
    sys.path.append(str(Path(__file__).parents[2]))
    from tests.bench import victim

    reached = victim.stopping_at(stop_at)
    if seconds == "recover":
        victim.recovering(fake_fault.UNDO, reached, folder / "journal")
        return
    engine = Engine(
        FakeDeployment(folder),
        armed=True,
        folder=folder / "journal",
        undo=fake_fault.UNDO,
        watchdog_command=fake_fault.WATCHDOG,
        assess=lambda *arguments, **named: Preflight((), None),
    )
    try:
        victim.run(engine, fake_fault.FakeStress(), "replica-1", float(seconds), reached)
    except FaultError as error:
        print(error, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
