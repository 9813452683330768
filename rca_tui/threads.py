"""How blocking work is run, and what becomes of what it raises."""

from __future__ import annotations

from typing import TypedDict


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
    from cluster.deployment import DeploymentError
    from cluster.incident.store import IncidentError
    from faults.errors import FaultError

    if isinstance(error, DeploymentError | IncidentError | FaultError):
        return str(error)
    return f"{type(error).__name__}: {error}"
