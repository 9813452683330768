"""Ctrl-C, SIGTERM and a closing terminal as a flag instead of an exception."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Inside this context the signals only set a flag, so that undoing is never cut short. Main thread only.

    Args:
        first: what is done before the interruption takes effect.
    """

    def __init__(self, first: str = "undoing everything first, which may take a minute") -> None:
        self._first = first
        self._happened = False
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Interrupts:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def happened(self) -> bool:
        return self._happened

    def _note(self, number: int, frame: FrameType | None) -> None:
        if not self._happened:
            self._happened = True
            # not through the buffered stream: the signal may have interrupted a write to it
            os.write(2, f"\nrca-tui: interrupted: {self._first}\n".encode())


@contextmanager
def as_keyboard_interrupt() -> Iterator[None]:
    """Inside this context SIGTERM and a closing terminal do what Ctrl-C does. Main thread only."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
