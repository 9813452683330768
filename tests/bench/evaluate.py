"""`rca-tui evaluate` over the first 66 shipped drills, all methods and both onsets, with nothing kept from before."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from cluster.incident import library
from tests.bench.tables import REPOSITORY, seconds, show, tell

DRILLS = 66
"""As many as were shipped when the target was set."""


def run(options: argparse.Namespace) -> None:
    drills = [listing.name for listing in library.listings() if listing.shipped][:DRILLS]
    tell(f"evaluating {len(drills)} drills")
    command = [str(Path(sys.executable).parent / "rca-tui"), "evaluate", *drills, "--fresh", "--json"]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=REPOSITORY)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall, cpu = time.perf_counter() - began, used.ru_utime + used.ru_stime
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    show(
        f"`rca-tui evaluate --fresh` over {len(drills)} drills, all methods, the onset estimated and given",
        ("drills", "s", "CPU s", "s of CPU for a drill"),
        [(str(len(drills)), seconds(wall), seconds(cpu), seconds(cpu / len(drills)))],
    )
