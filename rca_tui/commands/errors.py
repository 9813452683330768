"""An error that a person can cause or repair is one sentence on stderr: exit code 2, after Ctrl-C 130."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from cluster.errors import RcaError
from cluster.text.plain import plain
from rca_tui.draw.text import COMMAND
from rca_tui.errors import Problem, expected

BAD_INPUT = 2
INTERRUPTED = 130
READER_GONE = 141


class BadInput(RcaError):
    """An argument of the right type with an impossible value."""


class Interrupted(Exception):
    """Ctrl-C. The message says what was undone."""


def say(sentence: object, limit: int = 2000) -> None:
    """One line of at most `limit` characters on stderr, harmless to a terminal."""
    typer.echo(plain(sentence, limit=limit), err=True)


def say_problem(problem: Problem) -> None:
    """The sentence, and on the next line the command, on stderr."""
    say(f"rca-tui: {problem.sentence}")
    if problem.command:
        say(f"run: {problem.command}", COMMAND)


def say_each(sentences: Iterable[object]) -> None:
    """One line each on stderr."""
    for sentence in sentences:
        say(sentence)


@contextmanager
def interruptible(sentence: str) -> Iterator[None]:
    """Ctrl-C inside this context ends the command with this sentence."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(sentence) from None


class Guarded(TyperGroup):
    """Turns an expected error into a sentence and an exit code. A defect still shows its traceback."""

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
            problem = expected(error)
            if problem is None:
                raise
            say_problem(problem)
            raise typer.Exit(BAD_INPUT) from None


def at_terminal() -> bool:
    """Whether standard input and output are a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()
