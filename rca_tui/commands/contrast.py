"""What distinguishes the fault window from the baseline, independent of the ranking methods."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from rca_tui.commands import completion
from rca_tui.commands import onset as onsets
from rca_tui.commands.analysis import Named, Seed, When, onset_line
from rca_tui.commands.errors import interruptible
from rca_tui.commands.output import AsJson, print_document, print_json, print_line, print_table
from rca_tui.vocabulary import about

if TYPE_CHECKING:
    from methods.running.runner import Result


def contrast(
    incident: Named,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="Compare with the ranking of this method; can be repeated.", autocompletion=completion.methods
        ),
    ] = None,
    onset: When = "auto",
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Show what changed between baseline and fault window.

    SHAP values of a classifier that is trained to recognise the fault window: evidence that does not depend on the
    ranking methods. Where the two windows do not differ, it says so. The result is cached.

    Example: rca-tui contrast drill-01 --method baro
    """
    from cluster.display import document
    from cluster.incident import library
    from methods import catalog
    from methods.answer.overlap import agreement, by_chance
    from methods.answer.types import Ranking
    from methods.running import cached_results, results, runner

    for name in method or ():
        catalog.entry(name)
    located = onsets.place(library.load(incident), onset)
    others: list[Result] = []
    with interruptible("interrupted; what ran was stopped"):
        result = cached_results.run_contrast(located, seed=seed)
        if method:
            others = list(runner.run(located, method, seed=seed))
    if result is None:  # only when cancelled
        return
    agreed = {r.method: agreement(r.outcome, result.outcome, located.candidates) for r in others}
    chance = by_chance(len(located.candidates))
    ranked = isinstance(result.outcome, Ranking)
    if as_json:
        (row,) = results.as_json(located.onset, [result])["results"]
        explained = dataclasses.asdict(result.outcome.explanation) if isinstance(result.outcome, Ranking) else None
        overlaps = {"agreement": agreed, "agreement_by_chance": chance}
        print_json({**about(incident, located), **row, "explanation": explained, **overlaps})
        return
    print_line(onset_line(located))
    print_line()
    print_document(document(result.outcome))
    if isinstance(result.outcome, Ranking):
        print_line()
        print_document(document(result.outcome.explanation))
    if agreed and ranked:
        print_line()
        print_line(f"Agreement of rankings with this order (rank-biased overlap; by chance {chance:.2f}):")
        print_line()
        rows = ((name, "no ranking" if value is None else f"{value:.2f}") for name, value in agreed.items())
        print_table(("method", "agrees"), rows, right="agrees", whole="method")


def register(app: typer.Typer) -> None:
    app.command()(contrast)
