"""A campaign: many drills recorded after a plan, validated, and the methods scored on them."""

from __future__ import annotations

import dataclasses
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster import own_files
from cluster.text.json_text import json_text
from cluster.text.plain import plain
from cluster.text.times import span
from rca_tui.commands.confirmation import confirm
from rca_tui.commands.connection import InCluster, choose_also, connected
from rca_tui.commands.errors import BadInput, interruptible, say, say_each
from rca_tui.commands.interrupts import as_keyboard_interrupt
from rca_tui.commands.output import AsJson, print_json, print_line, print_table
from rca_tui.commands.scoring import with_progress
from rca_tui.places import check_folder

if TYPE_CHECKING:
    from faults.record import Task
    from faults.recording.plan import Plan

MISSING = 1
BETWEEN = 30.0
"""Seconds until the service is steady again after a drill, about."""
_FAULTS_A_TABLE = 3
_MEASURES = ("ac@1", "ac@3", "avg@5")
_ABOUT, _SUMMARY, _ANSWERS, _TABLE = "campaign.json", "summary.json", "answers.jsonl", "table.md"


def campaign(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="A YAML file, or a shipped plan: short, study.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the drills go; by default one of the plan's name here.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before the first fault.")] = False,
    deadline: Annotated[
        float, typer.Option(metavar="S", help="CPU seconds for each method on each incident.", min=0.1)
    ] = 60.0,
    context: InCluster = None,
    as_json: AsJson = False,
) -> None:
    """Record the drills of a plan, one after the other, and score the methods on them.

    Faults × targets × intensities × loads × times, in random order from the plan's seed. Each drill starts from a
    steady service; only those whose fault landed and is gone again are kept. Then the methods are scored: table 1
    (AC@1, AC@3, Avg@5 by fault) and figure 5 (who was blamed instead), also as files in the folder, which notebook 6
    reads. Run it again to go on after an interruption: drills that are there are not recorded again.

    Example: rca-tui campaign short --yes
    """
    choose_also(context)
    from faults import record
    from faults.recording import plan as plans

    chosen = plans.read(plan)
    _check_methods(chosen)
    folder = out or Path(Path(plan).stem)
    _check_folder(folder, chosen)
    tasks = record.numbered(folder, chosen.drills())
    missing = [task for task in tasks if not task.path.exists()]
    again = f"run it again with --out {folder} to go on"
    if missing:
        _announce(chosen, missing, yes)
        with interruptible(f"interrupted: every fault is undone; {again}"), as_keyboard_interrupt():
            _record(chosen, folder, missing, len(tasks))
    recorded = [task for task in tasks if task.path.exists()]
    if not recorded:
        raise BadInput(f"no drill of the plan could be recorded, so there is nothing to score; {again}")
    with interruptible(f"interrupted; {again}"):
        summary = _evaluate(chosen, folder, deadline)
    result = _result(chosen, folder, tasks, summary)
    _write(folder, result)
    if as_json:
        print_json(result)
    else:
        _print(result)
    if len(recorded) < len(tasks):
        raise typer.Exit(MISSING)


def _check_methods(plan: Plan) -> None:
    from methods import catalog

    for name in plan.methods:
        catalog.entry(name)


def _check_folder(folder: Path, plan: Plan) -> None:
    """Raises BadInput for a folder that holds something else than drills of the plan."""
    about = folder / _ABOUT
    if about.exists():
        try:
            theirs = json.loads(own_files.small_text(about))["digest"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            theirs = ""
        if theirs != plan.digest():
            raise BadInput(f"{folder} holds drills of another plan: take another folder by --out")
        return
    check_folder(folder)
    if folder.exists() and any(folder.iterdir()):
        raise BadInput(f"{folder} is not empty: take another folder by --out")


def _claim(folder: Path, plan: Plan) -> None:
    """Make the folder the plan's."""
    from faults.recording.plan import Plan

    folder.mkdir(parents=True, exist_ok=True)
    known = {name: getattr(plan, name) for name in Plan.model_fields if name in ("title", "about", "seed")}
    (folder / _ABOUT).write_text(json_text({**known, "drills": len(plan.drills()), "digest": plan.digest()}) + "\n")


def _announce(plan: Plan, missing: Sequence[Task], yes: bool) -> None:
    from methods.answer.wording import counted

    each = plan.baseline + plan.seconds + plan.aftermath + BETWEEN
    sentences = [f"{plan.title}: {counted(len(missing), 'drill')}, about {span(each * len(missing))}"]
    sentences += [f"{name} stands for {other} here" for name, other in plan.stand_ins().items()]
    if yes:
        say_each(sentences)
    else:
        confirm("a campaign disturbs the deployment", sentences, "campaign")


def _record(plan: Plan, folder: Path, missing: Sequence[Task], total: int) -> None:
    from faults import record

    times = record.Times(plan.baseline, plan.seconds, plan.aftermath)
    began = time.monotonic()

    def log(line: str) -> None:
        left = [task for task in missing if not task.path.exists()]
        done = len(missing) - len(left)
        pace = f", about {span((time.monotonic() - began) / done * len(left))} left" if done and left else ""
        say(f"{total - len(left)} of {total}{pace} · {line}")

    with connected() as deployment:
        _check_targets(missing, deployment.topology().ids)
        _claim(folder, plan)
        record.record(deployment, missing, times, log=log)


def _check_targets(missing: Sequence[Task], there: Sequence[str]) -> None:
    for target in dict.fromkeys(task.recording.target for task in missing if task.recording.target):
        if target not in there:
            raise BadInput(f"the deployment has no component {target}; there are: {', '.join(there)}")


def _evaluate(plan: Plan, folder: Path, deadline: float) -> dict[str, Any]:
    """Score the methods on the drills of the folder, and keep their answers as notebook 6 reads them."""
    from methods.evaluation import evaluate, report
    from methods.evaluation.cases import load_cases

    cases = load_cases([str(folder)])
    names = list(plan.methods) or None
    answers = evaluate.run(cases, names, deadline=deadline, cache_path=evaluate.answers_path())
    records = list(with_progress(answers, evaluate.total(cases, names)))
    lines = (json.dumps(dataclasses.asdict(record)) for record in records)
    (folder / _ANSWERS).write_text("".join(f"{line}\n" for line in lines))
    return report.summary(cases, records)


def _result(plan: Plan, folder: Path, tasks: Sequence[Task], summary: dict[str, Any]) -> dict[str, Any]:
    planned = Counter(task.recording.fault for task in tasks)
    there = Counter(task.recording.fault for task in tasks if task.path.exists())
    rows = [{"fault": fault, "planned": n, "recorded": there[fault]} for fault, n in sorted(planned.items())]
    about = {"title": plan.title, "folder": str(folder), "stand_ins": plan.stand_ins()}
    return {**about, "drills": rows, "evaluation": summary}


def _write(folder: Path, result: Mapping[str, Any]) -> None:
    (folder / _SUMMARY).write_text(json_text(result) + "\n")
    parts = [f"# {plain(result['title'])}", *_notes(result)]
    for title, columns, rows in _tables(result):
        table = [columns, ["---"] * len(columns), *rows]
        parts += [f"## {title}", "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in table)]
    (folder / _TABLE).write_text("\n\n".join(parts) + "\n")


def _cell(value: object) -> str:
    return plain(value).replace("|", "\\|")


def _notes(result: Mapping[str, Any]) -> list[str]:
    summary = result["evaluation"]
    notes = [f"{name} stands for {other} on this machine." for name, other in result["stand_ins"].items()]
    if summary["cases"]:
        guess = summary["guessing"]
        told = ", ".join(f"{name.upper() if name != 'avg@5' else 'Avg@5'} {guess[name]:.2f}" for name in _MEASURES)
        notes.append(f"{summary['cases']} drills with a faulty component. Guessing has {told}.")
    return notes


def _tables(result: Mapping[str, Any]) -> list[tuple[str, list[str], list[list[str]]]]:
    """(title, columns, rows): what was recorded, table 1, figure 5."""
    summary, stands = result["evaluation"], result["stand_ins"]
    counted = [[row["fault"], str(row["planned"]), str(row["recorded"])] for row in result["drills"]]
    tables = [("Drills", ["fault", "planned", "recorded"], counted)]
    faults = [{"fault": "all faults", **summary}, *summary["by_fault"]] if summary["cases"] else []
    for start in range(0, len(faults), _FAULTS_A_TABLE):
        some = faults[start : start + _FAULTS_A_TABLE]
        rows: dict[str, list[str]] = {}
        for fault in some:
            for row in filter(None, (fault["consensus"], *fault["methods"])):
                rows.setdefault(row["method"], []).append(" ".join(f"{row[name]:.2f}" for name in _MEASURES))
        names = [fault["fault"] + "*" * (fault["fault"] in stands) for fault in some]
        tables.append(
            ("Table 1: AC@1 AC@3 Avg@5", ["method", *names], [[name, *cells] for name, cells in rows.items()])
        )
    if summary["cases"]:
        who = list(summary["methods"][0]["blamed"])
        blamed = [[row["method"], *(f"{row['blamed'][name]:g}" for name in who)] for row in summary["methods"]]
        tables.append(("Figure 5: who was blamed instead, in drills", ["method", *who], blamed))
    return tables


def _print(result: Mapping[str, Any]) -> None:
    print_line(result["title"])
    for note in _notes(result):
        print_line(note)
    for title, columns, rows in _tables(result):
        print_line()
        print_line(title)
        print_table(columns, rows, right=" ".join(columns[1:]), whole=columns[0])
    print_line()
    print_line(f"written to {result['folder']}: {_TABLE}, {_SUMMARY}, and {_ANSWERS} for notebook 6")


def register(app: typer.Typer) -> None:
    app.command()(campaign)
