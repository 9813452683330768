"""Report: all that is said about one incident. Its text is as it came; what writes a file makes it harmless."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rca_tui.draw.plot import Plot

if TYPE_CHECKING:
    from cluster.incident.model import Incident
    from cluster.incident.truth import Truth
    from guidelines.checkup import Report as Checkup
    from methods.running.runner import Result
    from methods.verdict.types import Verdict


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at `time`, unix seconds: a clause for people."""

    time: float
    what: str


@dataclass(frozen=True, slots=True)
class Dissent:
    """What methods that do not agree with the verdict blame first."""

    blamed: tuple[str, ...]
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot, and the sentence that it shows."""

    plot: Plot
    caption: str


@dataclass(frozen=True)
class Report:
    """Attributes:
    name: of the incident, as commands take it.
    timeline: by time: what the telemetry, alerts and, when revealed, the fault's journal say.
    recovered: unix seconds at which the SLI was back; None where it was not, or where nothing began.
    results: of every method that answered, in the order of the catalogue.
    dissent: the methods whose first component is not one that the verdict names, the most first.
    missing: what was not measured or could not be asked, a sentence each.
    commands: shell commands that reproduce the report.
    sealed: the incident is a drill whose cause is not told here.
    truth: the cause; None unless it was revealed.
    """

    name: str
    incident: Incident
    verdict: Verdict
    timeline: tuple[Event, ...]
    recovered: float | None
    charts: tuple[Chart, ...]
    results: tuple[Result, ...]
    dissent: tuple[Dissent, ...]
    checks: Checkup
    missing: tuple[str, ...]
    commands: tuple[str, ...]
    sealed: bool = False
    truth: Truth | None = None

    @property
    def reveal(self) -> str:
        """The command that tells the cause of a drill."""
        return f"rca-tui reveal {shlex.quote(self.name)}"


@dataclass(frozen=True, slots=True)
class Context:
    """What an incident does not say itself.

    Attributes:
        events: alerts, and what else is known of the time.
        alert: the file of the alerts that the onset was found near; None without one.
        sealed: the incident has a truth.
        revealed: tell the cause: `truth` where there is one, and the journals of injections on this machine.
    """

    events: Sequence[Event] = ()
    alert: str | None = None
    sealed: bool = False
    revealed: bool = False
    truth: Truth | None = None
