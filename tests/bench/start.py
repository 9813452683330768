"""How soon the app paints and ranks and the command line answers, beside an empty app and an empty interpreter."""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import select
import statistics
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rca_tui.glyphs import GOOD
from tests.bench import subject
from tests.bench.tables import REPOSITORY, seconds, show, tell

ROUNDS = 7
PATIENCE = 300.0
_PAINTED = 200
"""Visible characters after which the first frame counts as painted."""
_ESCAPE = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[P^_][^\x1b]*\x1b\\|.)")
_EMPTY_APP = """
from textual.app import App
from textual.widgets import Static

class Empty(App):
    def compose(self):
        yield Static("nothing " * 100)

Empty().run()
"""
PYTHON, EMPTY = "python -c pass", "empty Textual app"
_COMMANDS = ("--help", "methods", "faults", "incidents", "reveal {}", "diagnose {} --method baro --method nsigma")


@dataclass
class Took:
    """Seconds of each round, by the clock and of CPU time; processes that it started count once they have ended."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def run(options: argparse.Namespace) -> None:
    program = str(Path(sys.executable).parent / "rca-tui")
    with subject.path() as (name, incident):
        replay = [program, "replay", str(incident)]
        ends = {PYTHON: [sys.executable, "-c", "pass"]}
        ends |= {f"rca-tui {c.format('INCIDENT')}": [program, *c.format(incident).split()] for c in _COMMANDS}
        paints: dict[str, tuple[list[str], Callable[[bytes], bool]]] = {
            EMPTY: ([sys.executable, "-c", _EMPTY_APP], _painted),
            "first paint": (replay, _painted),
            "first ranking on screen": (replay, lambda text: GOOD.encode() in text),
        }
        took = {kind: Took() for kind in (*ends, *paints)}
        for round_ in range(ROUNDS):
            tell(f"round {round_ + 1} of {ROUNDS}")
            # Interleaved, so that whatever else the machine does hits all alike.
            for kind, command in ends.items():
                _ended(command, took[kind])
            for kind, (command, until) in paints.items():
                shown(command, until, took[kind])
    show(
        f"Start, {name}: median of {ROUNDS} rounds; the app in a pseudo-terminal of 120 × 40",
        ("what", "s", "least s", "CPU s", "least CPU s", "CPU beside"),
        [_row(kind, took, EMPTY if kind in paints else PYTHON) for kind in took],
    )


def _row(kind: str, took: Mapping[str, Took], base: str) -> tuple[str, ...]:
    wall, cpu = took[kind].wall, took[kind].cpu
    times = (statistics.median(wall), min(wall), statistics.median(cpu), min(cpu))
    return (kind, *map(seconds, times), f"{min(cpu) / min(took[base].cpu):.2f} × {base}")


def _ended(command: list[str], took: Took) -> None:
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=REPOSITORY)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    took.wall.append(time.perf_counter() - began)
    took.cpu.append(used.ru_utime + used.ru_stime)


def _painted(text: bytes) -> bool:
    return len(b"".join(text.split())) >= _PAINTED


def shown(command: list[str], until: Callable[[bytes], bool], took: Took) -> None:
    """Takes the time until the terminal shows it. Raises RuntimeError when the program ends or stays dark."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=REPOSITORY,
        env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    try:
        while time.perf_counter() - began < PATIENCE:
            if not select.select([ours], [], [], 0.5)[0]:
                continue
            try:
                seen += os.read(ours, 65536)
            except OSError:
                break  # the other end is closed: the program is gone
            if until(_ESCAPE.sub(b"", seen)):
                took.wall.append(time.perf_counter() - began)
                return
        raise RuntimeError(
            f"{' '.join(command)} painted nothing: {_ESCAPE.sub(b'', seen)[-300:].decode(errors='replace')}"
        )
    finally:
        process.kill()
        used = os.wait4(process.pid, 0)[2]
        process.returncode = 0
        took.cpu.append(used.ru_utime + used.ru_stime)
        os.close(ours)
