"""What the operator asks of logs and traces, and what that selects, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from methods.telemetry.log_book import LogBook, TemplateChange
from methods.telemetry.spans import Codes
from methods.telemetry.trace_book import Order, TraceBook


@dataclass(frozen=True, slots=True)
class LogQuery:
    """What the operator asks of the log lines. `least` is a place in `methods.telemetry.log_book.LEVELS`."""

    component: str = ""
    least: int = 0
    words: str = ""
    onset: float | None = None


@dataclass(frozen=True, eq=False)
class LogView:
    """Rows of `book` that a query selects, and the templates among them, the most changed first."""

    book: LogBook
    query: LogQuery
    rows: Codes
    changes: tuple[TemplateChange, ...]


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """What the operator asks of the traces."""

    order: Order = Order.SLOWEST
    component: str = ""
    words: str = ""


@dataclass(frozen=True, eq=False)
class TraceView:
    """Traces of `book` that a query selects, in its order."""

    book: TraceBook
    query: TraceQuery
    traces: Codes
