"""Methods scored on incidents whose cause is known."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.text.quantities import percent
from cluster.text.times import span
from rca_tui.commands import completion
from rca_tui.commands.analysis import Seed
from rca_tui.commands.errors import interruptible, say
from rca_tui.commands.output import AsJson, print_json, print_line, print_table
from rca_tui.places import check_file

if TYPE_CHECKING:
    from methods.evaluation.evaluate import Engine

_FAULTS_A_TABLE = 4  # as many as fit beside the methods in 80 columns
_REPORT_EVERY = 5.0  # s between lines of progress where there is no terminal


class EngineName(StrEnum):
    POOL = "pool"
    RAY = "ray"


def evaluate(
    incident: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INCIDENT",
            help="Paths or names, or folders of them; by default the shipped incidents.",
            autocompletion=completion.incidents,
        ),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(help="Score this method only; can be repeated.", autocompletion=completion.methods),
    ] = None,
    seed: Seed = 0,
    deadline: Annotated[
        float,
        typer.Option(metavar="S", help="CPU seconds for each method on each incident; later is a miss.", min=0.1),
    ] = 60.0,
    engine: Annotated[EngineName, typer.Option(help="pool: processes here. ray: a Ray cluster.")] = EngineName.POOL,
    cache: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where answers are kept; by default a file in the cache folder.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ignore answers that were kept, and run everything.")] = False,
    as_json: AsJson = False,
) -> None:
    """Score the methods on incidents with a known cause.

    Prints AC@k, Avg@5 and MRR of each method and of their consensus, beside guessing, with the onset estimated and
    given. No ranking is a miss; a tie scores the mean over its orders. An interrupted run continues where it stopped.

    Example: rca-tui evaluate --method baro --method nsigma drill-01 drill-02
    """
    from methods import catalog
    from methods.evaluation import evaluate as evaluation
    from methods.evaluation import report
    from methods.evaluation.cases import load_cases

    for name in method or ():
        catalog.entry(name)
    names = list(dict.fromkeys(method)) if method else None
    if cache is not None and not fresh:
        check_file(cache)
    with interruptible("interrupted; run it again to go on with what is missing"):
        cases = load_cases(incident or [])
        kept = None if fresh else cache or evaluation.answers_path()
        with _engine(engine) as chosen:
            answers = evaluation.run(cases, names, seed=seed, deadline=deadline, engine=chosen, cache_path=kept)
            records = list(with_progress(answers, evaluation.total(cases, names)))
    summary = report.summary(cases, records)
    if as_json:
        print_json(summary)
    else:
        _print_summary(summary)


@contextmanager
def _engine(name: EngineName) -> Iterator[Engine | None]:
    if name is EngineName.POOL:
        yield None
        return
    from methods.running.ray_engine import RayEngine

    with RayEngine() as engine:
        yield engine


def with_progress(records: Iterator[Any], total: int) -> Iterator[Any]:
    """The same records, with their count on stderr: updated in place at a terminal, else a line every few seconds."""
    began = reported = time.monotonic()
    for count, record in enumerate(records, start=1):
        yield record
        now = time.monotonic()
        if sys.stderr.isatty():
            end = "\n" if count == total else ""
            sys.stderr.write(f"\r{count} of {total} answers, {span(now - began)}\x1b[K{end}")
            sys.stderr.flush()
        elif now - reported >= _REPORT_EVERY:
            reported = now
            say(f"{count} of {total} answers after {span(now - began)}")


def _print_summary(summary: dict[str, Any]) -> None:
    print_line(f"{summary['cases']} incidents with a cause, {summary['candidates']} candidates each on average")
    onset = summary["onset"]
    if onset["estimated"]:
        print_line(
            f"onset estimated in {onset['estimated']}, not found in {onset['not_found']}; median error "
            f"{onset['median_error_s']:.0f} s, absolute {onset['median_absolute_error_s']:.0f} s"
        )
    print_line()
    print_line(
        "Onset estimated, as in operation; AC@1 with its 95 % interval, and in the last column with the true onset."
    )
    measures = ("ac@1", "ac@3", "ac@5", "avg@5", "mrr")
    guess = summary["guessing"]
    rows = [["guessing", f"{guess['ac@1']:.2f}", "", *(f"{guess[m]:.2f}" for m in measures[1:]), "", "", ""]]
    joint = summary["consensus"]
    for row in _with(joint, summary["methods"]):
        low, high = row["ci"]["ac@1"]
        rows.append(
            [
                row["method"],
                f"{row['ac@1']:.2f}",
                f"{low:.2f}-{high:.2f}",
                *(f"{row[m]:.2f}" for m in measures[1:]),
                f"{percent(row['no_ranking'])}",
                "" if row is joint else f"{row['seconds']:.2f}",
                f"{row['given']['ac@1']:.2f}",
            ]
        )
    columns = ("method", "AC@1", "95%", "AC@3", "AC@5", "Avg@5", "MRR", "none", "s", "given")
    print_table(columns, rows, right=" ".join(columns[1:]), whole="method")
    print_line()
    _print_blamed(summary["methods"])
    _print_faults(summary["by_fault"])
    _print_no_cause(summary["no_cause"])


def _with(joint: dict[str, Any] | None, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The consensus, where there is one, before the methods."""
    return [joint, *rows] if joint else list(rows)


def _print_blamed(rows: Sequence[dict[str, Any]]) -> None:
    print_line("Components blamed first in error, in cases:")
    print_line()
    who = list(dict.fromkeys(name for row in rows for name in row["blamed"]))
    print_table(
        ("method", *who),
        ((row["method"], *(f"{row['blamed'].get(name, 0):g}" for name in who)) for row in rows),
        right=" ".join(who),
        whole="method",
    )
    print_line()


def _print_faults(faults: Sequence[dict[str, Any]]) -> None:
    print_line("AC@1 by fault:")
    print_line()
    for i in range(0, len(faults), _FAULTS_A_TABLE):
        some = faults[i : i + _FAULTS_A_TABLE]
        rows: dict[str, list[str]] = {"cases": [str(fault["cases"]) for fault in some]}
        rows["guessing"] = [f"{fault['guessing']['ac@1']:.2f}" for fault in some]
        for fault in some:
            for row in _with(fault["consensus"], fault["methods"]):
                rows.setdefault(row["method"], []).append(f"{row['ac@1']:.2f}")
        columns = ("method", *(fault["fault"] for fault in some))
        print_table(columns, ([name, *cells] for name, cells in rows.items()), whole="method")
        print_line()


def _print_no_cause(summary: dict[str, Any]) -> None:
    if not summary["cases"]:
        return
    print_line(f"In {summary['cases']} more incidents no component is at fault, and none should be blamed:")
    print_line()
    rows = (
        (row["method"], str(row["blamed_somebody"]), str(row["named_nobody"] + row["no_ranking"]))
        for row in summary["methods"]
    )
    columns = ("method", "blamed", "none")
    print_table(columns, rows, right="blamed none", whole="method")
    print_line()


def register(app: typer.Typer) -> None:
    app.command()(evaluate)
