"""Undo what earlier runs left behind: every injection whose journal does not end in RECOVERED."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from faults.errors import JournalError
from faults.journal import Journal, Record, journals
from faults.states import State, Undone
from faults.undo import Undo


def pending(folder: Path | None = None) -> list[tuple[Journal, Record | None]]:
    """Journals that are not RECOVERED, oldest first; the record is None where the file cannot be read."""
    found: list[tuple[Journal, Record | None]] = []
    for journal in journals(folder):
        try:
            record = journal.read()
        except JournalError:
            found.append((journal, None))
        else:
            if record.pending:
                found.append((journal, record))
    return found


def recover(
    progress: Callable[[str], None] = lambda message: None,
    *,
    folder: Path | None = None,
    undo: Undo | None = None,
) -> list[Undone]:
    """Revert all of `pending()`, also what another process has active now, and return how each ended.

    Blocks for up to about three minutes an injection, longer where telemetry is scraped seldom, mostly until the
    service is healthy; `progress` is called with a sentence for each step. Each outcome is RECOVERED, or STUCK with a
    reason and a command for a person; `clean` says whether anything of the fault is left. An unreadable journal is
    STUCK as well. Never raises for one of them: the others still get their turn.
    """
    undo = undo or Undo()
    return [_one(journal, undo, progress) for journal, _ in pending(folder)]


def _one(journal: Journal, undo: Undo, progress: Callable[[str], None]) -> Undone:
    try:
        return undo(journal, "recover was asked for", progress=lambda message: progress(f"{journal.id}: {message}"))
    except JournalError as error:
        return Undone(journal.id, State.STUCK, False, str(error), f"rm {shlex.quote(str(journal.path))}")
    except OSError as error:
        return Undone(journal.id, State.STUCK, False, f"{journal.path}: {error}", "repair it, then rca-tui recover")
