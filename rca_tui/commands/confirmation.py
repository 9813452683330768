"""The word that is typed before a command disturbs a deployment."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable

import typer

from cluster.text.plain import plain
from rca_tui.commands.errors import BadInput, Interrupted, at_terminal, say_each


def confirm(what: str, plan: Iterable[str], word: str) -> None:
    """Shows the plan and returns once the word was typed.

    Args:
        what: names what is to be confirmed, such as "a drill disturbs the deployment".
        plan: sentences that say what will be done.

    Raises:
        BadInput: there is no terminal to ask, or another word was typed.
        Interrupted: by Ctrl+C.
    """
    if not at_terminal():
        raise BadInput(f"{what}: confirm it with --yes, because there is no terminal to ask")
    width = shutil.get_terminal_size((80, 24)).columns
    say_each(line for sentence in plan for line in even_lines(sentence, width))
    try:
        typed = typer.prompt(f"Type {plain(word)} to continue", default="", show_default=False, err=True)
    except typer.Abort:
        raise Interrupted("interrupted before anything was touched") from None
    if typed != word:
        raise BadInput("not confirmed; nothing was touched")


def even_lines(sentence: str, width: int) -> list[str]:
    """The lines of a sentence at a width in cells: as few as hold it, about as long as each other.

    >>> even_lines("This injects a fault, and undoes it.", 35)
    ['This injects a fault,', 'and undoes it.']
    """
    text = plain(sentence, limit=2000)
    least = len(_wrapped(text, width))
    return next(lines for limit in range(1, width + 1) if len(lines := _wrapped(text, limit)) <= least)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
