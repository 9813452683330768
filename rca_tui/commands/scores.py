"""`scores`: the scoreboard of drills, players beside the methods."""

from __future__ import annotations

import csv
import sys
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.text.plain import plain
from cluster.text.quantities import percent
from rca_tui.commands.errors import BadInput
from rca_tui.commands.output import AsJson, print_json, print_line, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.scoreboard import Result

FORMULA = ("=", "+", "-", "@")
"""A spreadsheet would run a cell that begins with one of these."""


class Format(StrEnum):
    """How the scores are printed."""

    TABLE = "table"
    CSV = "csv"


def scores(
    form: Annotated[Format, typer.Option("--format", help="csv: one row a drill, for a spreadsheet.")] = Format.TABLE,
    as_json: AsJson = False,
) -> None:
    """Show the scores of played drills, and people beside each method and guessing.

    Methods answered on what the player had seen. AC@1 is the share of drills in which the first component is a faulty
    one; a player's is the precision of the components that were named.

    Example: rca-tui scores --format csv > scores.csv
    """
    from faults import scoreboard

    if as_json and form is Format.CSV:
        raise BadInput("choose one of --json and --format csv")
    drills = scoreboard.results()
    if form is Format.CSV:
        _print_csv(drills)
        return
    players, others = scoreboard.standings(drills), scoreboard.comparisons(drills)
    if as_json:
        print_json(
            {
                "drills": [_row(drill) for drill in drills],
                "players": [asdict(one) for one in players],
                "compared": [asdict(one) for one in others],
            }
        )
        return
    if not drills:
        print_line("no scores yet: `rca-tui scenarios` lists the drills that can be played")
        return
    print_table(
        ("scenario", "player", "drills", "points", "best", "right", "brier"),
        (
            (p.scenario, p.player, p.drills, f"{p.points:.1f}", f"{p.best:.1f}", percent(p.right), f"{p.brier:.2f}")
            for p in players
        ),
        right="drills points best right brier",
        whole="scenario",
    )
    if others:
        print_line("on the same drills:")
        print_table(
            ("who", "drills", "AC@1", "people"),
            ((other.name, other.drills, f"{other.ac1:.2f}", f"{other.people:.2f}") for other in others),
            right="drills AC@1 people",
            whole="who",
        )


def _row(drill: Result) -> dict[str, object]:
    row = drill.model_dump(mode="json", exclude={"version"})
    return row | {"incident": drill.incident or None, "components": [{"component": c} for c in drill.components]}


def _print_csv(drills: Sequence[Result]) -> None:
    methods = sorted({name for drill in drills for name in drill.methods})
    rows = csv.writer(sys.stdout, lineterminator="\n")
    measures = ("points", "right", "fault_right", "precision", "recall", "f1", "brier", "seconds", "hints")
    names = ("time", "scenario", "player", "incident", "components", "fault", "sure")
    rows.writerow([*names, *measures, "verdict", "guessing", *(_cell(f"method {name}") for name in methods)])
    for drill in drills:
        guess = (" ".join(drill.components) or "nobody", drill.fault, drill.sure)
        about = (drill.time, drill.scenario, drill.player, drill.incident, *guess)
        scored = (getattr(drill.score, name) for name in measures)
        answers = (drill.verdict, drill.guessing, *(drill.methods.get(name) for name in methods))
        rows.writerow([_cell(value) for value in (*about, *scored, *answers)])


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = plain(value)
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def register(app: typer.Typer) -> None:
    app.command()(scores)
