"""The true cause of an incident. Only the scorer reads it, and a person who asks to reveal it.

Methods, onset estimation and the choice of the SLI must not import this module: the import linter holds them to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

NO_FAULT = "none"
"""Recorded without a fault: `injected_at` is the end of the baseline, and at most the load changes."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The cause of an incident.

    Attributes:
        components: ids of the faulty components; empty when none is (a load surge, a healthy stretch).
        fault: catalogue name of the fault, the label of an imported case, or `NO_FAULT`.
        injected_at, reverted_at: unix seconds, from the journal's read-back; `reverted_at` None when unknown.
        parameters: the fault's, as injected.
        target: the component that the drill was asked to hit, which need not be the faulty one; empty when unknown.
        conditions: the load, and whether another process was busy; empty when unknown.
    """

    components: tuple[str, ...]
    fault: str
    injected_at: float
    reverted_at: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    target: str = ""
    conditions: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def redated(self, seconds: float) -> Truth:
        """The same cause that many seconds later."""
        reverted_at = None if self.reverted_at is None else self.reverted_at + seconds
        return replace(self, injected_at=self.injected_at + seconds, reverted_at=reverted_at)

    def as_json(self) -> dict[str, Any]:
        """Plain data: what `rca-tui reveal --json` prints; times in unix seconds."""
        return {
            "components": list(self.components),
            "fault": self.fault,
            "injected_at": self.injected_at,
            "reverted_at": self.reverted_at,
            "parameters": dict(self.parameters),
            "conditions": dict(self.conditions),
        }

    @property
    def cause(self) -> str:
        """The fault and where it was, in words: "cpu-stress on replica-1", "load-surge", "no fault"."""
        if self.fault == NO_FAULT:
            return "no fault"
        return f"{self.fault} on {', '.join(self.components)}" if self.components else self.fault
