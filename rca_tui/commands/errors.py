"""What a person can cause ends in one sentence on stderr: exit code 2 for bad input, 130 for Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from cluster.errors import RcaError
from cluster.text.plain import plain

BAD_INPUT = 2
INTERRUPTED = 130
READER_GONE = 141

# Named, not imported: most of them live in modules that would slow down every start.
_EXPECTED = {
    ("cluster.errors", "RcaError"),
    ("cluster.incident.container", "IncidentError"),
    ("cluster.deployment", "DeploymentError"),
    ("methods.catalog", "UnknownMethod"),
    ("methods.telemetry.sli", "NoSli"),
    ("methods.evaluation.cases", "CaseError"),
    ("faults.errors", "FaultError"),
    ("rca_tui.commands.errors", "BadInput"),
}


class BadInput(RcaError):
    """An argument that fits its type and still makes no sense: one sentence."""


class Interrupted(Exception):
    """Ctrl-C, and what was undone because of it: one sentence."""


def say(sentence: object, limit: int = 2000) -> None:
    """One line of at most `limit` characters on stderr, harmless to a terminal."""
    typer.echo(plain(sentence, limit=limit), err=True)


def say_each(sentences: Iterable[object]) -> None:
    """One line each on stderr."""
    for sentence in sentences:
        say(sentence)


@contextmanager
def interruptible(sentence: str) -> Iterator[None]:
    """Ctrl-C inside says this sentence."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(sentence) from None


class Guarded(TyperGroup):
    """Turns what was expected to go wrong into a sentence and an exit code. A defect still shows its traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Interrupted as error:
            say(f"rca-tui: {error}")
            raise typer.Exit(INTERRUPTED) from None
        except KeyboardInterrupt:
            say("rca-tui: interrupted; nothing was changed")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            raise typer.Exit(READER_GONE) from None
        except Exception as error:
            sentence = _sentence(error)
            if sentence is None:
                raise
            say(f"rca-tui: {sentence}")
            raise typer.Exit(BAD_INPUT) from None


def _sentence(error: Exception) -> str | None:
    if any((kind.__module__, kind.__name__) in _EXPECTED for kind in type(error).__mro__):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return None


def at_terminal() -> bool:
    """Whether a person can see and type."""
    return sys.stdin.isatty() and sys.stdout.isatty()
