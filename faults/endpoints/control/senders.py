"""Processes that send the requests of an injection, found by its tag in their command line, on any POSIX system."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

from faults.types import Readback


def start(argv: Sequence[str]) -> None:
    """Start one in a session of its own, without what the environment holds."""
    subprocess.Popen(
        list(argv),
        env={"PATH": os.defpath},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )


def tagged(injection: str) -> list[psutil.Process]:
    """Those of this user that run."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # it has ended, or is not ours to read
            if (
                process.cmdline()[-2:] == ["--tag", injection]
                and process.uids().real == os.getuid()
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process)
    return found


def kill(injection: str, patience: float = 5.0) -> Readback:
    """Kill them until none is left, for `patience` seconds at most."""
    until = time.monotonic() + patience
    while left := tagged(injection):
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        if time.monotonic() >= until:
            break
        time.sleep(0.05)
    return readback(injection)


def readback(injection: str) -> Readback:
    """Whether any of them is left."""
    left = [str(process.pid) for process in tagged(injection)]
    if left:
        return Readback(False, f"requests are sent by process {', '.join(left)} of this machine")
    return Readback(True, "no process of this machine sends its requests")


def kill_line(injection: str) -> str:
    """The command with which a person does the same."""
    return f"pkill -9 -f -- '--tag {injection}$'"
