"""Messages of worker threads about what is open. Once something else is, a thread may still post: that is dropped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.message import Message


class Mailbox:
    """Takes messages of worker threads about one deployment, until another is opened: later ones are dropped."""

    def __init__(self, post: Callable[[Message], object]) -> None:
        self._post = post
        self._lock = threading.Lock()
        self._open = True

    def post(self, message: Message) -> None:
        with self._lock:
            if self._open:
                self._post(message)

    def close(self) -> None:
        with self._lock:
            self._open = False
