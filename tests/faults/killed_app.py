"""The app of the kills as a process of its own, stopped in a state; everything that it started ends with `close`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
from fake_deployment import FakeDeployment

from faults.journal import Journal, journals
from faults.local.control import tags
from faults.states import State

PROGRAM = Path(__file__).with_name("fake_app.py")


class App:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[str]] = []

    def start(
        self,
        state: str,
        seconds: float = 60,
        environment: Mapping[str, str] | None = None,
        enter: Callable[[], None] | None = None,
        instance: str = "first",
    ) -> None:
        """Inject, and stop in that state. `enter` is called in the new process before it becomes the app."""
        FakeDeployment.start(self.folder, instance=instance)
        self._run(state, str(seconds), environment, enter)

    def recover(self, state: str) -> None:
        """Recover in another process, and stop in that state."""
        self._run(state, "recover", None, None)

    def _run(
        self, state: str, what: str, environment: Mapping[str, str] | None, enter: Callable[[], None] | None
    ) -> None:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(self.folder), state, what],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
            preexec_fn=enter,
        )
        self.processes.append(process)
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line.strip())
            if said[-1] == state:
                return
        raise AssertionError(f"the app ended in {said}, before {state}")

    @property
    def process(self) -> subprocess.Popen[str]:
        """The one that was started last."""
        return self.processes[-1]

    def end(self, line: str = "go on") -> list[str]:
        """Let it go on, and return what it says until it ends."""
        return self.process.communicate(f"{line}\n", timeout=60)[0].splitlines()

    @property
    def journal(self) -> Journal:
        (journal,) = journals(self.folder / "journal")
        return journal

    def state(self) -> State:
        return self.journal.read().state

    def stressors(self) -> list[int]:
        return tags.anywhere(self.journal.id)

    def watchdogs(self) -> list[int]:
        path = str(self.journal.path)
        return [
            process.pid
            for process in psutil.process_iter(["cmdline"])
            if path in (process.info["cmdline"] or []) and process.pid != os.getpid()
        ]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def kill_watchdog(self) -> None:
        for pid in self.watchdogs():
            os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()
        if journals(self.folder / "journal"):
            self.kill_watchdog()
            assert not tags.kill(self.stressors)
