"""Processes that an injection started, found by its tag."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence

from cluster.local import processes
from cluster.local.layout import ENV_TAG


def kill(find: Callable[[], Sequence[int]], patience: float = 5.0) -> list[int]:
    """Kill what `find` finds until it finds nothing. Returns the pids that are left after `patience` seconds."""
    until = time.monotonic() + patience
    while True:
        left = _kill_once(find)
        if not left or time.monotonic() >= until:
            return left
        time.sleep(0.05)


def anywhere(tag: str) -> list[int]:
    """Living processes of this machine with the tag in their environment, also those whose pod has ended."""
    return [
        pid
        for pid in processes.pids()
        if processes.environment(pid).get(ENV_TAG) == tag and not processes.is_zombie(pid)
    ]


def kill_line(tag: str) -> str:
    """The command with which a person does the same."""
    return f"grep -slz '^{ENV_TAG}={tag}$' /proc/[0-9]*/environ | cut -d/ -f3 | xargs -r kill -9"


def _kill_once(find: Callable[[], Sequence[int]]) -> list[int]:
    # A pid may be reused between finding and killing: a process held by a descriptor and found again is the same one.
    with contextlib.ExitStack() as held:
        descriptors = {}
        for pid in find():
            with contextlib.suppress(ProcessLookupError):
                descriptors[pid] = os.pidfd_open(pid)
                held.callback(os.close, descriptors[pid])
        again = set(find()) if descriptors else set()
        for pid, descriptor in descriptors.items():
            if pid in again:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    return list(find())
