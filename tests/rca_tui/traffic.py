"""`python tests/rca_tui/traffic.py [WIDTH HEIGHT]`: bytes that each key of the app costs on a terminal, as a table.

The app runs on a pseudo-terminal over a shipped drill, with given answers in place of methods. After each key, once the
app has nothing left to do, it writes a mark; the bytes between two marks are the cost of the key. No clock is involved.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator, Sequence
from unittest import mock

import synthetic
from driving import NOW, settle
from textual.pilot import Pilot
from verdicts import verdict

INCIDENT = "drill-25"
SIZE = (120, 40)
MARK = b"\x1b]777;%s\x07"
READY = "ready"
WALKS: dict[str, tuple[str, ...]] = {
    "1 Overview": ("down", "up", "left", "right", "question_mark", "escape"),
    "2 Telemetry": ("down", "up", "left", "right", "question_mark", "escape"),
    "4 Diagnose": ("n", "p", "n", "n", "n", "right", "left", "question_mark", "escape"),
    "5 Explain": ("n", "p", "question_mark", "escape"),
    "6 Checks": ("down", "up", "question_mark", "escape"),
    "l Logs": ("down", "down", "up", "left", "right", "tab", "down", "down", "up"),
    "t Traces": ("down", "down", "up", "left", "right", "tab", "down", "down"),
    "e Events": ("down", "down", "up", "left", "right"),
}
"""By screen: the keys pressed there, after the screen has been opened by the first character of its name."""


def measure(size: tuple[int, int] = SIZE) -> dict[str, list[tuple[str, int]]]:
    """Keys and their bytes by screen, the first one opens the screen."""
    keys = [key for screen, walk in WALKS.items() for key in (screen[0], *walk)]
    counts = iter(counted(keys, size))
    return {screen: [next(counts) for _ in (screen[0], *walk)] for screen, walk in WALKS.items()}


def counted(keys: Sequence[str], size: tuple[int, int]) -> Iterator[tuple[str, int]]:
    """Each key with the bytes that it cost in a terminal of that size. Raises RuntimeError if the app ended early."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    with tempfile.TemporaryDirectory() as home:
        environment = {
            **os.environ,
            **dict.fromkeys(("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"), home),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "TZ": "UTC",
        }
        app = subprocess.Popen(
            [sys.executable, __file__, "--app", *keys], stdin=child, stdout=child, stderr=child, env=environment
        )
        os.close(child)
        written = b"".join(_read(parent))
        os.close(parent)
        if app.wait() != 0:
            raise RuntimeError(f"the app ended with {app.returncode}: {written[-2000:]!r}")
    _, _, rest = written.partition(MARK % READY.encode())
    for key in keys:
        before, mark, rest = rest.partition(MARK % key.encode())
        if not mark:
            raise RuntimeError(f"the app has not answered {key}")
        yield key, len(before)


def _read(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # Linux says so when the other end is closed
            return
        if not part:
            return
        yield part


def _run_app(keys: Sequence[str]) -> None:
    """The app over the drill; presses the keys, and marks on the terminal when each has been dealt with."""
    from cluster.incident import library
    from cluster.replay import ReplayDeployment
    from methods.answer.types import Family
    from methods.running import cached_results, runner
    from methods.verdict import decision
    from rca_tui.app import RcaApp

    def run(*_: object, **__: object) -> Iterator[runner.Result]:
        for name, first, level in (("baro", "replica-1", 83.7), ("nsigma", "replica-1", 51.0), ("circa", "head", 4.2)):
            yield runner.Result(name, Family.METRIC, synthetic.ranking(first, level), 0.02)

    app = RcaApp(lambda: ReplayDeployment(library.load(INCIDENT), INCIDENT), clock=lambda: NOW)

    async def press(pilot: Pilot[None]) -> None:
        session = app.session
        while session.diagnosis is None or session.diagnosis.running or session.verdict is None:
            await asyncio.sleep(0.05)
        await settle(pilot)
        for key in (READY, *keys):
            if key != READY:
                await pilot.press(key)
                await settle(pilot)
            assert app._driver is not None
            app._driver.write((MARK % key.encode()).decode())
        app.exit()

    with (
        mock.patch.object(runner, "run", run),
        mock.patch.object(cached_results, "run_contrast", lambda *_, **__: None),
        mock.patch.object(decision, "decide", lambda *_: verdict()),
    ):
        app.run(auto_pilot=press)


def table(measured: dict[str, list[tuple[str, int]]]) -> str:
    """The measured bytes as a Markdown table."""
    lines = ["| screen | key | bytes |", "|---|---|--:|"]
    lines += [f"| {screen} | {key} | {count:,} |" for screen, counts in measured.items() for key, count in counts]
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--app"]:
        _run_app(sys.argv[2:])
    else:
        width, height = (int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) == 3 else SIZE
        print(table(measure((width, height))))
