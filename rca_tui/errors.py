"""How an error is shown: the same sentence and the same command in a terminal, on a screen and in a notebook."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.errors import RcaError


@dataclass(frozen=True, slots=True)
class Problem:
    """One sentence of what happened and what to do, and the exact command to run, "" where there is none.

    The command is shown on a line of its own and never cut, so that it can be copied.
    """

    sentence: str
    command: str = ""


def expected(error: BaseException) -> Problem | None:
    """What to show of an error that a person can cause or repair; None for a defect."""
    if isinstance(error, RcaError):
        return Problem(str(error), error.command)
    if isinstance(error, OSError) and error.filename is not None:
        return Problem(f"{error.filename}: {error.strerror}")
    return None


def described(error: BaseException) -> Problem:
    """What to show of any error, where the program goes on after it: a defect is shown with its type."""
    return expected(error) or Problem(f"{type(error).__name__}: {error}")
