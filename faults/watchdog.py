"""Keeps the deadline of one injection after the app, its terminal and its Python have ended.

    python -m faults.watchdog JOURNAL

Runs in a session of its own. It reverts when the deadline has passed and nobody else has reverted, and at once when the
process that injected is dead. Only then does it import what reverting needs.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from faults.errors import JournalError, WatchdogFailed
from faults.journal import Journal, Record
from faults.owner import Owner
from faults.states import State

if TYPE_CHECKING:
    from faults.undo import Undo

READY = b"ready\n"
COMMAND = (sys.executable, "-P", "-m", "faults.watchdog")
START_PATIENCE = 20.0  # s
POLL = 0.5  # s
RETRY = 30.0  # s between two attempts at a deployment that nobody else tries to reach any more
OUTAGE = 3600.0  # s after which it gives up too
GRACE = 3.0  # s past the deadline in which the app may still revert

_terminated = threading.Event()  # by SIGTERM, for example when the machine shuts down


def start(journal: Journal, command: Sequence[str] = COMMAND) -> subprocess.Popen[bytes]:
    """Start a watchdog for the journal and wait until it reports that it watches. Raises WatchdogFailed."""
    reading, writing = os.pipe()
    try:
        try:
            process = subprocess.Popen(
                [*command, str(journal.path)],
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
        except OSError as error:
            raise WatchdogFailed(f"the watchdog could not be started: {error}") from error
        finally:
            os.close(writing)
        readable, _, _ = select.select([reading], [], [], START_PATIENCE)
        answer = os.read(reading, len(READY)) if readable else b""
    finally:
        os.close(reading)
    if answer != READY:
        process.kill()
        process.wait()
        raise WatchdogFailed(f"the watchdog did not come up within {START_PATIENCE:.0f} s")
    return process


def watch(journal: Journal, undo: Undo | None = None) -> State:
    """Wait until the injection has ended, or end it. Returns its final state."""
    record = journal.read()
    while not (reason := _why_now(record)):
        if record.state in (State.RECOVERED, State.STUCK):
            return record.state
        _terminated.wait(POLL)
        try:
            record = journal.read()
        except JournalError:
            continue  # the last record is enough to keep the deadline
    if undo is None:
        from faults.undo import Undo

        undo = Undo()
    given_up = time.monotonic() + OUTAGE
    while True:
        if record.unreachable:
            _terminated.wait(RETRY)
        state = undo(journal, reason, known=record).state
        try:
            record = journal.read()
        except JournalError:
            return state
        if not record.unreachable or _terminated.is_set() or time.monotonic() > given_up:
            return state


def _why_now(record: Record) -> str:
    """Why this process must revert now; empty while it need not."""
    if record.unreachable and not _terminated.is_set():
        return "it could not be reached, and is tried again"
    if record.state in (State.RECOVERED, State.STUCK):
        return ""
    owner = Owner(*record.header.owner)
    if not owner.is_parent() and not owner.alive():
        return "the process that injected is dead"
    if _terminated.is_set():
        return "the watchdog was told to end"
    deadline = record.deadline
    being_undone = record.reverted_at is not None  # the owner is alive and waits until the service is healthy
    if deadline is not None and deadline.remaining() < -GRACE and not being_undone:
        return "the deadline has passed"
    return ""


def main(arguments: Sequence[str], undo: Undo | None = None) -> int:
    if len(arguments) != 1:
        print("usage: python -m faults.watchdog JOURNAL", file=sys.stderr)
        return 2
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: _terminated.set())
    journal = Journal(Path(arguments[0]))
    try:
        journal.read()
    except JournalError as error:
        print(error, file=sys.stderr)
        return 2
    os.write(sys.stdout.fileno(), READY)
    _detach_output()
    return 0 if watch(journal, undo) is State.RECOVERED else 1


def _detach_output() -> None:
    """The app may close its end of the pipe, and writing to it would then fail."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.close(null)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
