"""What tells the fault window from the baseline, whichever method one believes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from rca_tui.commands import onset as onsets
from rca_tui.commands.analysis import Named, Seed, When, onset_line
from rca_tui.commands.errors import interruptible
from rca_tui.commands.output import AsJson, print_document, print_json, print_line, print_table

if TYPE_CHECKING:
    from methods.running.runner import Result


def contrast(
    incident: Named,
    method: Annotated[
        list[str] | None, typer.Option(help="Say how far this method's ranking agrees; several times.")
    ] = None,
    onset: When = "auto",
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Show what tells the fault window from the baseline (SHAP).

    By a model that learnt to recognise the fault window: an opinion that belongs to no method, and says so where the
    two cannot be told apart. Kept for the next time. Example: rca-tui contrast drill-01 --method baro
    """
    from cluster.display import document
    from cluster.incident import library
    from methods import catalog
    from methods.answer.overlap import agreement, by_chance
    from methods.answer.types import Ranking
    from methods.running import results, runner

    for name in method or ():
        catalog.entry(name)
    placed = onsets.place(library.load(incident), onset)
    others: list[Result] = []
    with interruptible("interrupted; what ran was stopped"):
        found = runner.run_contrast(placed, seed=seed)
        if method:
            others = list(runner.run(placed, method, seed=seed))
    if found is None:  # only what is cancelled gives none
        return
    agreed = {r.method: agreement(r.outcome, found.outcome, placed.candidates) for r in others}
    chance = by_chance(len(placed.candidates))
    ranked = isinstance(found.outcome, Ranking)
    if as_json:
        told = results.as_json(placed.onset, [found])
        explained = dataclasses.asdict(found.outcome.explanation) if isinstance(found.outcome, Ranking) else None
        overlaps = {"agreement": agreed, "agreement_by_chance": chance}
        print_json({"onset": told["onset"], **told["results"][0], "explanation": explained, **overlaps})
        return
    print_line(onset_line(placed))
    print_line()
    print_document(document(found.outcome))
    if isinstance(found.outcome, Ranking):
        print_line()
        print_document(document(found.outcome.explanation))
    if agreed and ranked:
        print_line()
        print_line(f"How far rankings agree with this order (rank-biased overlap; chance gives {chance:.2f}):")
        print_line()
        rows = ((name, "no ranking" if value is None else f"{value:.2f}") for name, value in agreed.items())
        print_table(("method", "agrees"), rows, right="agrees", whole="method")


def register(app: typer.Typer) -> None:
    app.command()(contrast)
