"""How soon `rca-tui --targets` shows who answers, and the first sample, over four servers with vLLM's names."""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench.start import ROUNDS, Took, shown
from tests.bench.tables import REPOSITORY, seconds, show, tell

SERVER = REPOSITORY / "tests" / "cluster" / "endpoints" / "engine_server.py"
SERVERS = 4
SHOWS = {"a row for each target": b"replica-4", "its first sample: LIVE": b" LIVE "}


def run(options: argparse.Namespace) -> None:
    program = str(Path(sys.executable).parent / "rca-tui")
    took = {what: Took() for what in SHOWS}
    with _servers() as ports:
        command = [program, *(f"--targets=http://127.0.0.1:{port}/metrics" for port in ports)]
        for round_ in range(ROUNDS):
            tell(f"round {round_ + 1} of {ROUNDS}")
            for what, text in SHOWS.items():
                shown(command, lambda seen, text=text: text in seen, took[what])  # type: ignore[misc]
    show(
        f"From `rca-tui --targets` to what it shows of {SERVERS} servers: median of {ROUNDS} rounds",
        ("what", "s", "least s", "most s"),
        [(what, *map(seconds, (statistics.median(t.wall), min(t.wall), max(t.wall)))) for what, t in took.items()],
    )


@contextmanager
def _servers() -> Iterator[list[int]]:
    with ExitStack() as opened:
        free = [opened.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(SERVERS)]
        ports = [one.getsockname()[1] for one in free]
    with ExitStack() as opened:
        for port in ports:
            process = subprocess.Popen([sys.executable, str(SERVER), str(port)])
            opened.callback(process.wait)
            opened.callback(process.kill)
            until = time.monotonic() + 60.0
            while socket.socket().connect_ex(("127.0.0.1", port)) and time.monotonic() < until:
                time.sleep(0.05)
        yield ports
