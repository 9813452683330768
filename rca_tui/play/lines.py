"""What a player types, line by line."""

from __future__ import annotations

import os
import select
import sys
import termios

LONGEST = 1000
"""Characters of a line that are read."""


class Quit(Exception):
    """The player has ended the drill."""


class Lines:
    """Lines of standard input, without waiting longer than asked for."""

    def __init__(self) -> None:
        self._rest = b""

    def next(self, seconds: float) -> str | None:
        """The next line, None where none comes within `seconds`. Raises Quit at the end of the input."""
        if b"\n" not in self._rest:
            if not select.select([sys.stdin.fileno()], [], [], seconds)[0]:
                return None
            more = os.read(sys.stdin.fileno(), LONGEST)
            if not more:
                raise Quit
            self._rest = (self._rest + more)[-64 * LONGEST :]
            if b"\n" not in self._rest:
                return None
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode(errors="replace")[:LONGEST].strip()

    def forget(self) -> None:
        """Drop what was typed ahead at a terminal; a pipe keeps its lines."""
        if os.isatty(sys.stdin.fileno()):
            termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
            self._rest = b""
