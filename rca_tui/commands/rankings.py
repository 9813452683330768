"""Results of methods as lines and tables of text. Commands import it when they run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from cluster.text.quantities import number
from methods.answer.types import NoRanking
from methods.running.runner import Result
from rca_tui.commands.output import print_table

_SHOWN = 3


def line(result: Result) -> str:
    """One result in one line."""
    return f"{result.method:20} {result.seconds:6.2f} s  {blamed(result)}"


def blamed(result: Result) -> str:
    """The first ranks with their scores, ties joined by `=`; or why there is no ranking."""
    outcome = result.outcome
    if isinstance(outcome, NoRanking):
        return f"no ranking, {outcome.reason.replace('_', ' ')}: {outcome.detail}"
    groups = [list(group) for _, group in groupby(outcome.components, key=lambda component: component.rank)]
    return ", ".join(f"{_tied([c.component for c in group])} {number(group[0].score)}" for group in groups[:_SHOWN])


def print_results(results: Sequence[Result]) -> None:
    """All results in the order of the catalogue, those without a ranking last."""
    ordered = sorted(results, key=lambda result: isinstance(result.outcome, NoRanking))
    print_table(
        ("method", "family", "s", "blames, with scores of its own scale"),
        ((r.method, r.family, f"{r.seconds:.2f}", blamed(r)) for r in ordered),
        right="s",
        whole="method family",
    )


def _tied(names: list[str]) -> str:
    return " = ".join(names) if len(names) <= _SHOWN else f"{' = '.join(names[:_SHOWN])} = {len(names) - _SHOWN} more"
