"""From a step of an explanation to the check that asks for what the step stands on."""

from __future__ import annotations

from guidelines import catalog
from methods.answer.types import EdgePointer, LogsPointer, SeriesPointer, SpansPointer, Step


def check_of(step: Step) -> str:
    """Name of the check that the step's first pointer depends on, "" where none asks for it."""
    for pointer in step.pointers:
        match pointer:
            case SpansPointer():
                return "trace-depth"
            case LogsPointer():
                return "logs-per-replica"
            case EdgePointer():
                return "edge-latency"
            case SeriesPointer() if (found := catalog.asking_for(pointer.signal)) is not None:
                return found.name
    return ""
