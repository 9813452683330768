"""The explanation of one method as text. Commands import it when they run."""

from __future__ import annotations

from cluster.display import document
from cluster.text.times import duration
from methods.answer.types import Ranking
from methods.running.runner import Result
from rca_tui.commands.output import print_document, print_line


def print_explanation(result: Result) -> None:
    """The ranking, then each step with the numbers behind it, then the caveats; or why there is no ranking."""
    print_line(f"{result.method} ({result.family}), {duration(result.seconds)}")
    print_line()
    print_document(document(result.outcome))
    if isinstance(result.outcome, Ranking):
        print_line()
        print_document(document(result.outcome.explanation))
