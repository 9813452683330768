"""AC@1 lost when a check's telemetry is removed, measured on incidents whose cause is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rca_tui.commands import completion
from rca_tui.commands.analysis import Seed
from rca_tui.commands.errors import BadInput, interruptible, say
from rca_tui.commands.output import AsJson, print_json, print_line, print_table
from rca_tui.places import check_folder


def ablate(
    incident: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INCIDENT",
            help="Paths or names, or folders of them; by default the shipped incidents.",
            autocompletion=completion.incidents,
        ),
    ] = None,
    check: Annotated[list[str] | None, typer.Option(help="This check only; can be repeated.")] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="Rank with this method; can be repeated; by default ten quick ones.", autocompletion=completion.methods
        ),
    ] = None,
    seed: Seed = 0,
    deadline: Annotated[
        float,
        typer.Option(metavar="S", help="CPU seconds for each method on each incident; later is a miss.", min=0.1),
    ] = 60.0,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Also write ablations.json and ablations.md there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure what each check is worth on recorded incidents.

    Removes the telemetry that the check asks for, and ranks again. The cost is the loss of AC@1, paired over incidents,
    beside guessing. An interrupted run continues where it stopped.

    Example: rca-tui ablate --check trace-depth --method tracerca
    """
    from guidelines import catalog
    from methods.evaluation import ablation, evaluate
    from methods.evaluation.cases import load_cases
    from rca_tui.commands.scoring import with_progress

    checks = [catalog.entry(name) for name in check] if check else catalog.entries()
    if out is not None:
        check_folder(out)
    with interruptible("interrupted; run it again to go on with what is missing"):
        planned = ablation.plan(load_cases(incident or []), checks, method or ablation.METHODS)
        if not planned.plans:
            raise BadInput("the telemetry of these checks cannot be removed from a recording: their pages say why")
        records = ablation.run(planned, seed=seed, deadline=deadline, cache_path=evaluate.answers_path())
        for _ in with_progress(records, planned.total):
            pass
    table = ablation.table(planned)
    if out is not None:
        _write(out, table)
    if as_json:
        print_json(table)
    else:
        _print(table)


def _print(table: dict[str, Any]) -> None:
    print_line(table["claim"])
    print_line()
    rows: list[tuple[str, ...]] = [("", "guessing", f"{table['guessing']:.2f}", "", "", "", "")]
    for row in table["removals"]:
        rows.append(
            (
                row["check"],
                row["removal"],
                f"{row['after']:.2f}",
                f"{row['before']:.2f}",
                f"{row['cost']:+.2f}",
                f"{row['low']:+.2f} {row['high']:+.2f}",
                str(len(row["methods"])),
            )
        )
    columns = ("check", "without", "AC@1", "whole", "cost", "95%", "methods")
    print_table(columns, rows, right="AC@1 whole cost 95% methods")
    print_line()
    print_line("Whole: the same methods with nothing removed. Methods: those that read what is removed.")


def _write(folder: Path, table: dict[str, Any]) -> None:
    import json

    from methods.evaluation import ablation

    folder.mkdir(parents=True, exist_ok=True)
    page = ablation.markdown(table, f"rca-tui ablate --out {folder.as_posix()}")
    (folder / "ablations.json").write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    (folder / "ablations.md").write_text(page, encoding="utf-8")
    say(f"wrote {folder / 'ablations.json'} and {folder / 'ablations.md'}")


def register(app: typer.Typer) -> None:
    app.command()(ablate)
