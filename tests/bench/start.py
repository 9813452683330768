"""How soon the app paints and the command line answers, beside an interpreter that does nothing."""

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
from pathlib import Path

from tests.bench import subject
from tests.bench.tables import REPOSITORY, seconds, show, tell

ROUNDS = 5
PATIENCE = 60.0
_PAINTED = 200
"""Visible characters after which the first frame counts as painted."""
_ESCAPE = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[P^_][^\x1b]*\x1b\\|.)")


def run(options: argparse.Namespace) -> None:
    program = str(Path(sys.executable).parent / "rca-tui")
    with subject.path() as (name, incident):
        paint = [program, "replay", str(incident)]
        took: dict[str, list[float]] = {"python -c pass": [], "rca-tui --help": [], "first paint": []}
        for round_ in range(ROUNDS):
            tell(f"round {round_ + 1} of {ROUNDS}")
            # Interleaved, so that whatever else the machine does hits all three alike.
            took["python -c pass"].append(_ended([sys.executable, "-c", "pass"]))
            took["rca-tui --help"].append(_ended([program, "--help"]))
            took["first paint"].append(_first_paint(paint))
    base = statistics.median(took["python -c pass"])
    what = {
        "python -c pass": "the interpreter alone",
        "rca-tui --help": "from the start of the process to its end",
        "first paint": f"rca-tui replay of the {name}, in a pseudo-terminal of 120 × 40, to its first frame",
    }
    rows = [
        (
            kind,
            seconds(statistics.median(all_)),
            seconds(min(all_)),
            f"{statistics.median(all_) / base:.1f}",
            what[kind],
        )
        for kind, all_ in took.items()
    ]
    show(f"Start: median of {ROUNDS} rounds", ("what", "s", "least s", "× python -c pass", "measured"), rows)


def _ended(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=REPOSITORY)
    return time.perf_counter() - began


def _first_paint(command: list[str]) -> float:
    """Seconds until the terminal shows a frame. Raises RuntimeError when the program ends or stays dark."""
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
            if len(b"".join(_ESCAPE.sub(b"", seen).split())) >= _PAINTED:
                return time.perf_counter() - began
        raise RuntimeError(
            f"{' '.join(command)} painted nothing: {_ESCAPE.sub(b'', seen)[-300:].decode(errors='replace')}"
        )
    finally:
        process.kill()
        process.wait()
        os.close(ours)
