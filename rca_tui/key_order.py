"""Keys, and what is pasted, in the order of the typing: each goes to what has the focus after those before it.

Textual sends a key to what has the focus when the key arrives, and looks for its binding once the key has bubbled up to
the app. Over SSH, or on a busy machine, several keys arrive at once: those after a Tab, a `/` or a key that opens a
dialog would go to what had the focus before, and be lost.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any
from weakref import ref

from textual import events
from textual.app import App
from textual.message_pump import MessagePump
from textual.screen import Screen

PATIENCE = 1.0
"""Seconds without progress after which a key may no longer hold up the next: what it went to may have been closed."""
ROUNDS = 50
"""Rounds of the event loop that it gets beyond that. On a busy machine a dialog alone takes longer to open."""


class KeyOrder(App[None]):
    """An app that handles one key at a time."""

    def __init__(self) -> None:
        self._typed: deque[events.Key | events.Paste] = deque()
        self._since: float | None = None
        self._turn = self._steps = 0
        self._reached: Callable[[], Screen[Any] | None] = lambda: None
        super().__init__()

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self._typed.append(event)
        if self._since is None:
            await self._next_key(self._turn)
        elif time.monotonic() - self._since > PATIENCE:
            self.call_later(self._give_up, self._steps, ROUNDS)

    async def _give_up(self, steps: int, rounds: int) -> None:
        """Handle the next key though the one before it has not had its effect, unless it makes progress meanwhile."""
        if steps != self._steps:
            return
        if rounds:
            await asyncio.sleep(0)
            self.call_later(self._give_up, steps, rounds - 1)
            return
        self._turn += 1
        await self._next_key(self._turn)

    async def _next_key(self, turn: int) -> None:
        """Handle the next key, if there is one, and go on once it has had its effect. A turn that was given up ends."""
        if turn != self._turn:
            return
        if not self._typed:
            self._since = None
            return
        self._since = time.monotonic()
        screen = self.screen
        if self._reached() is not screen:
            self._reached = ref(screen)
            if screen.call_later(self._follow, self, turn):
                return  # one that has just been opened decides first what has the focus
        target = self.focused or screen
        await super().on_event(self._typed.popleft())
        self._follow(target, turn)

    def _follow(self, pump: MessagePump | None, turn: int) -> None:
        """Go the way of a key, from what had the focus up to the app, behind it in each queue."""
        if turn == self._turn and self._since is not None:
            self._steps += 1
            self._since = time.monotonic()
        while pump is not None and pump is not self:
            if pump.call_later(self._follow, pump._parent, turn):
                return
            pump = pump._parent
        self.call_later(self._next_key, turn)  # later: the key may have asked for the focus to move
