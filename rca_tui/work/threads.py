"""How blocking work is run beside the user interface."""

from __future__ import annotations

from typing import TypedDict


class Options(TypedDict):
    """Arguments of Textual's `run_worker`."""

    thread: bool
    group: str
    exclusive: bool
    exit_on_error: bool


def in_thread(group: str) -> Options:
    """In a thread. A newer worker of the same group replaces the older one; the app goes on when a worker raises."""
    return {"thread": True, "group": group, "exclusive": True, "exit_on_error": False}
