"""How blocking work is run, and what becomes of what it raises."""

from __future__ import annotations

from typing import TypedDict

_SENTENCES = {"RcaError", "DeploymentError", "IncidentError", "FaultError"}
"""Errors whose messages were written for a person."""


class Options(TypedDict):
    """Arguments of Textual's `run_worker`."""

    thread: bool
    group: str
    exclusive: bool
    exit_on_error: bool


def in_thread(group: str) -> Options:
    """In a thread; a newer one of the same group takes its place; the app stays up when it raises."""
    return {"thread": True, "group": group, "exclusive": True, "exit_on_error": False}


def sentence(error: BaseException | None) -> str:
    """What to tell the operator of an error: its own words where it was written for that, else its type, too."""
    # By name: to import the store alone would hold up the event loop for as long as pandas takes.
    if any(kind.__name__ in _SENTENCES for kind in type(error).__mro__):
        return str(error)
    return f"{type(error).__name__}: {error}"
