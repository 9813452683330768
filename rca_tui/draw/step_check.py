"""From a step of an explanation to the check that covers the evidence of the step."""

from __future__ import annotations

from guidelines import catalog
from methods.answer.types import EdgePointer, LogsPointer, SeriesPointer, SpansPointer, Step


def check_of(step: Step) -> str:
    """Name of the check that covers the step's first pointer, "" where there is none."""
    for pointer in step.pointers:
        match pointer:
            case SpansPointer():
                return "trace-depth"
            case LogsPointer():
                return "logs-per-replica"
            case EdgePointer():
                return "edge-latency"
            case SeriesPointer() if (check := catalog.asking_for(pointer.signal)) is not None:
                return check.name
    return ""
