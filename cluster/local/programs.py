"""Long-running programs of the sandbox: started, watched, and restarted with growing delays, as a kubelet does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_FIRST_DELAY, _LONGEST_DELAY, _STEADY = 1.0, 30.0, 60.0


@dataclass(frozen=True, slots=True)
class Program:
    """A command to run. `fds` are inherited; the environment is added to the supervisor's.

    A program with `once` is restarted only until it succeeds.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    fds: tuple[int, ...] = ()
    once: bool = False


@dataclass(slots=True)
class _Running:
    program: Program
    process: subprocess.Popen[bytes]
    began: float
    delay: float = _FIRST_DELAY
    restart_at: float | None = None
    restarts: int = 0


class Programs:
    """The programs by name. The output of each goes to `NAME.log` in the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, _Running] = {}
        self._awaited: subprocess.Popen[bytes] | None = None

    def start(self, program: Program) -> None:
        self._running[program.name] = _Running(program, self._launch(program), time.monotonic())

    def run(self, program: Program, timeout: float) -> int:
        """Run to the end, and tend the others meanwhile. Raises subprocess.TimeoutExpired."""
        process, ends = self._launch(program), time.monotonic() + timeout
        self._awaited = process
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(0.2)
            if time.monotonic() > ends:
                raise subprocess.TimeoutExpired(program.argv, timeout)
            self.tend()

    def tend(self) -> None:
        """Reap ended processes, and restart programs whose delay has passed. Call often."""
        self._reap()
        now = time.monotonic()
        for name, running in list(self._running.items()):
            if running.process.returncode is None:
                continue
            if running.program.once and running.process.returncode == 0:
                del self._running[name]
                continue
            if running.restart_at is None:
                _end_group(running.process.pid)
                steady = now - running.began > _STEADY
                running.delay = _FIRST_DELAY if steady else min(2 * running.delay, _LONGEST_DELAY)
                running.restart_at = now + running.delay
            elif now >= running.restart_at:
                self._relaunch(running, now)

    def restart(self, name: str) -> None:
        """Kill a program; it is started again like any that ended."""
        self._running[name].process.kill()

    def restarts(self, name: str) -> int:
        return self._running[name].restarts

    def dead(self) -> list[str]:
        return [name for name, running in self._running.items() if running.process.poll() is not None]

    def states(self) -> dict[str, dict[str, object]]:
        return {
            name: {
                "alive": running.process.poll() is None,
                "pid": running.process.pid,
                "restarts": running.restarts,
                "exit_code": running.process.returncode,
            }
            for name, running in self._running.items()
        }

    def last_line(self, name: str) -> str:
        """The last line of output of a program, for a message; empty without output."""
        try:
            lines = self._log(name).read_text(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1][:500] if lines else ""

    def _relaunch(self, running: _Running, now: float) -> None:
        try:
            running.process = self._launch(running.program)
        except OSError as error:  # no memory or disk now: tried again later
            print(f"{running.program.name} could not be started again: {error}", flush=True)
            running.restart_at = now + _LONGEST_DELAY
            return
        running.began, running.restart_at = now, None
        running.restarts += 1

    def _launch(self, program: Program) -> subprocess.Popen[bytes]:
        with self._log(program.name).open("ab") as output:
            return subprocess.Popen(
                program.argv,
                env={**os.environ, **program.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=program.fds,
                process_group=0,
            )

    def _reap(self) -> None:
        """PID 1 inherits every orphan of the sandbox; our own children are left to their Popen objects."""
        ours = {running.process.pid: running.process for running in self._running.values()}
        if self._awaited is not None:
            ours[self._awaited.pid] = self._awaited
        for process in ours.values():
            process.poll()
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None:
                return
            if found.si_pid in ours:
                ours[found.si_pid].poll()
            else:
                os.waitpid(found.si_pid, 0)

    def _log(self, name: str) -> Path:
        return self._folder / f"{name.replace(' ', '-')}.log"


def _end_group(leader: int) -> None:
    """Kill the children that a program left, such as NGINX's workers: they would keep its ports."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
