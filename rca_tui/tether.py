"""Ends this process with the one at the other end of its standard input: a server that started it, or a terminal."""

from __future__ import annotations

import os
import select
import threading

_LOOK = 2000
"""Milliseconds between two looks, where the system does not tell at once."""


def hold(pipe: int = 0) -> None:
    """From now on, end at once when nobody is left at the other end of that file descriptor. Reads nothing from it.

    An event loop that is busy, or that fails because nobody reads what it writes, does not delay it.
    """
    threading.Thread(target=_end_with, args=(pipe,), name="tether", daemon=True).start()


def _end_with(pipe: int) -> None:
    poll = select.poll()
    poll.register(pipe, select.POLLHUP)
    while True:
        for _, event in poll.poll(_LOOK):
            if event & select.POLLHUP:
                os._exit(1)
            if event & select.POLLNVAL:  # closed, or a device that this system cannot watch
                return
