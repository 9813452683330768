"""How blocking work is run beside the user interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from textual.worker import Worker


class Options(TypedDict):
    """Arguments of Textual's `run_worker`."""

    thread: bool
    group: str
    exclusive: bool
    exit_on_error: bool


def in_thread(group: str) -> Options:
    """In a thread. A newer worker of the same group replaces the older one; the app goes on when a worker raises."""
    return {"thread": True, "group": group, "exclusive": True, "exit_on_error": False}


class ThisWorker:
    """The worker in which it is made, for what asks whether to stop: set once the app ends or a newer worker begins."""

    def __init__(self) -> None:
        from textual.worker import NoActiveWorker, get_current_worker

        try:
            self._worker: Worker[object] | None = get_current_worker()
        except NoActiveWorker:
            self._worker = None

    def is_set(self) -> bool:
        return self._worker is not None and self._worker.is_cancelled
