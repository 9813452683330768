"""An error that a person can cause or repair is one sentence on stderr: exit code 2, after Ctrl-C 130.

With `--json` it is a document on stdout as well, unless the command has printed one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from cluster.errors import RcaError
from cluster.text.plain import plain
from rca_tui.commands.output import AWAITS_JSON, print_json
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
    print(plain(sentence, limit=limit), file=sys.stderr, flush=True)


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

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        given = sys.argv[1:] if args is None else list(args)
        AWAITS_JSON.set("--json" in given)
        return super().main(args, *rest, **extra)

    def make_context(self, *args: Any, **extra: Any) -> Any:
        with _usage_errors():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        try:
            with _usage_errors():
                return super().invoke(ctx)
        except Interrupted as error:
            self._end(Problem(str(error)), INTERRUPTED)
        except KeyboardInterrupt:
            self._end(Problem("interrupted; nothing was changed"), INTERRUPTED)
        except BrokenPipeError:
            raise typer.Exit(READER_GONE) from None
        except Exception as error:
            problem = expected(error)
            if problem is None:
                raise
            self._end(problem, BAD_INPUT)

    def _end(self, problem: Problem, code: int) -> NoReturn:
        print_problem(problem)
        say_problem(problem)
        raise typer.Exit(code) from None


@contextmanager
def _usage_errors() -> Iterator[None]:
    """Options and arguments that cannot be: typer says it on stderr."""
    try:
        yield
    except Exception as error:
        if hasattr(error, "format_message"):  # of click, which typer carries with it or depends on, by its version
            print_problem(Problem(str(error.format_message())))
        raise


def print_problem(problem: Problem) -> None:
    """The document of an error, where `--json` was given and no document has been printed."""
    if AWAITS_JSON.get():
        print_json({"error": plain(problem.sentence, limit=2000), "command": problem.command})


def at_terminal() -> bool:
    """Whether standard input and output are a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()
