"""Messages from workers to the user interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from rca_tui.errors import Problem
from rca_tui.session import Diagnosis, Injection, Mark, Offer, Rehearsal, Snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.deployment import Deployment
    from guidelines.checkup import Report
    from methods.answer.consensus import Consensus
    from methods.running.runner import Result
    from methods.telemetry.happenings import Happening
    from methods.telemetry.log_book import LogBook
    from methods.telemetry.trace_book import TraceBook
    from methods.verdict.types import Verdict
    from rca_tui.drill.debrief import Debrief
    from rca_tui.session import Choice
    from rca_tui.work.opening import Source
    from rca_tui.work.views import LogView, TraceView


class Polled(Message):
    """A new snapshot of the deployment."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        super().__init__()

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Polled)


class OnsetFound(Message):
    """The estimated onset, None when the SLI shows no change."""

    def __init__(self, mark: Mark | None) -> None:
        self.mark = mark
        super().__init__()


class DiagnosisBegun(Message):
    def __init__(self, diagnosis: Diagnosis) -> None:
        self.diagnosis = diagnosis
        super().__init__()


class MethodAnswered(Message):
    """One more result, and the consensus of all results so far."""

    def __init__(self, result: Result, consensus: Consensus) -> None:
        self.result = result
        self.consensus = consensus
        super().__init__()


class Decided(Message):
    """The verdict on the incident, by the results so far."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        super().__init__()


class DiagnosisEnded(Message):
    def __init__(self, note: str = "") -> None:
        self.note = note
        super().__init__()


class InjectionChanged(Message):
    def __init__(self, injection: Injection) -> None:
        self.injection = injection
        super().__init__()


class Offered(Message):
    """The catalogue of faults for this deployment."""

    def __init__(self, offers: tuple[Offer, ...]) -> None:
        self.offers = offers
        super().__init__()


class Rehearsed(Message):
    """A dry run has ended; `then_inject` when the operator asked to inject."""

    def __init__(self, rehearsal: Rehearsal, then_inject: bool) -> None:
        self.rehearsal = rehearsal
        self.then_inject = then_inject
        super().__init__()


class Surveyed(Message):
    """The checks have run on the deployment."""

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__()


class LogsRead(Message):
    """Log lines, more of which may come; `note` says why there are none, or what is missing."""

    def __init__(self, book: LogBook, note: str = "") -> None:
        self.book = book
        self.note = note
        super().__init__()


class LogsArranged(Message):
    """The lines that the filters select, and their templates in order."""

    def __init__(self, view: LogView) -> None:
        self.view = view
        super().__init__()


class TracesRead(Message):
    """Traces, None where there are none; `note` says why, or what is missing."""

    def __init__(self, book: TraceBook | None, note: str = "") -> None:
        self.book = book
        self.note = note
        super().__init__()


class TracesArranged(Message):
    """The traces that the filters select, in order."""

    def __init__(self, view: TraceView) -> None:
        self.view = view
        super().__init__()


class PlatformRead(Message):
    """Events that the platform of a live deployment has recorded, and why some are missing."""

    def __init__(self, happenings: tuple[Happening, ...], note: str = "") -> None:
        self.happenings = happenings
        self.note = note
        super().__init__()


class DrillBegun(Message):
    """The player has read the brief: the recording shall run."""


class DrillGuessed(Message):
    """The player has committed a guess: the fault, where one runs, shall end, and the truth be told."""


class DrillEnded(Message):
    """A live drill is over; `saved` is the name of its incident, empty where there is none."""

    def __init__(self, saved: str) -> None:
        self.saved = saved
        super().__init__()


class Debriefed(Message):
    """The debrief of a drill as far as the methods have answered; the last one has the verdict."""

    def __init__(self, debrief: Debrief) -> None:
        self.debrief = debrief
        super().__init__()


class Failed(Message):
    """Something that the operator asked for could not be done."""

    def __init__(self, title: str, problem: Problem) -> None:
        self.title = title
        self.problem = problem
        super().__init__()


class OpenAsked(Message):
    """Something else is to be opened."""

    def __init__(self, source: Source) -> None:
        self.source = source
        super().__init__()


class Opened(Message):
    """It is connected."""

    def __init__(self, source: Source, deployment: Deployment) -> None:
        self.source = source
        self.deployment = deployment
        super().__init__()


class Saved(Message):
    """An incident was saved; `sealed` with its truth."""

    def __init__(self, path: Path, sealed: bool) -> None:
        self.path = path
        self.sealed = sealed
        super().__init__()


class Facts(Message):
    """What is known of each choice of the front page."""

    def __init__(self, facts: dict[str, str]) -> None:
        self.facts = facts
        super().__init__()


class Listed(Message):
    """The rows of a list to choose from, or why there are none."""

    def __init__(self, choices: tuple[Choice, ...], problem: str) -> None:
        self.choices = choices
        self.problem = problem
        super().__init__()


class FileRead(Message):
    """The incident at a path, or what is wrong with it."""

    def __init__(self, source: Source | None, problem: str) -> None:
        self.source = source
        self.problem = problem
        super().__init__()


class Stage(Message):
    """The next stage of a start has begun."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__()


class StartEnded(Message):
    """A start has ended: it serves, it was cancelled, or it has a problem."""

    def __init__(self, served: bool, problem: Problem | None = None) -> None:
        self.served = served
        self.problem = problem
        super().__init__()
