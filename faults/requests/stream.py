"""Which requests a fault sends, as arguments of `faults.requests.traffic`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAM = (sys.executable, "-I", "-S", str(Path(__file__).absolute().with_name("traffic.py")))
"""It needs only the standard library, and so starts at once."""


@dataclass(frozen=True, slots=True)
class Retries:
    """Each request is tried up to `attempts` times, `patience` seconds apart, until an attempt is answered in time.

    `trigger` seconds long, at first, a request is sent every `burst` seconds.
    """

    attempts: int
    patience: float
    burst: float
    trigger: float


@dataclass(frozen=True, slots=True)
class Stream:
    """Prompts of `words` words, sent at an interval (s) or, where it is 0, whenever a request has ended.

    Attributes:
        concurrency: requests in flight at most.
        ramp: seconds after which one more may be in flight, from one on; 0: all at once.
        retries: what clients do that do not wait; None for clients that do.
    """

    words: int
    max_tokens: int
    concurrency: int
    interval: float = 0.0
    ramp: float = 0.0
    retries: Retries | None = None

    def argv(self, urls: Sequence[str], lifetime: int) -> tuple[str, ...]:
        """The command that sends them to these addresses in turn and ends on its own after `lifetime` seconds."""
        impatient = (
            ()
            if self.retries is None
            else (
                *("--attempts", str(self.retries.attempts), "--patience", f"{self.retries.patience:g}"),
                *("--burst", f"{self.retries.burst:g}", "--trigger", f"{self.retries.trigger:g}"),
            )
        )
        return (
            *PROGRAM,
            *(word for url in urls for word in ("--url", url)),
            *("--words", str(self.words), "--max-tokens", str(self.max_tokens)),
            *("--interval", f"{self.interval:g}", "--concurrency", str(self.concurrency)),
            *(("--ramp", f"{self.ramp:g}") if self.ramp else ()),
            *impatient,
            *("--seconds", str(lifetime)),
        )
