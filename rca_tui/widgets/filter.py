"""A field that narrows a list down while one types."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

PAUSE = 0.1
"""Seconds without a key after which a list is filled anew: that takes longer than the next key on a busy machine."""


class Filter(Input):
    """A field that says `Changed` once typing has paused, and handles keys in the order in which they are typed."""

    def __init__(self, placeholder: str, id: str | None = None) -> None:
        super().__init__(placeholder=placeholder, id=id, compact=True, select_on_focus=False)
        self._late: Input.Changed | None = None
        self._timer: Timer | None = None

    def post_message(self, message: Message) -> bool:
        if isinstance(message, Input.Changed):
            self._late = message
            if self._timer is not None:
                self._timer.stop()
            self._timer = self.set_timer(PAUSE, self._flush)
            return True
        if isinstance(message, Input.Submitted):
            self._flush()
        return super().post_message(message)

    def _flush(self) -> None:
        if (late := self._late) is not None:
            self._late = None
            super().post_message(late)

    def on_blur(self) -> None:
        self._flush()

    async def on_key(self, event: events.Key) -> None:
        """Edit now. Textual would first let the key bubble up to the app, past the letters typed after it."""
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if not event.is_printable:
                event.stop()
                event.prevent_default()
                await self.app.run_action(binding.action, self)
