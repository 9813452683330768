"""`rca-tui doctor`: checks this machine, or the way from here to a deployment in a cluster."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.endpoints.watched import Watched
from cluster.text.plain import plain
from cluster.text.quantities import number
from rca_tui.commands.connection import InCluster, choose_also, chosen
from rca_tui.commands.errors import BadInput, interruptible, say
from rca_tui.commands.output import AsJson, print_json, print_line, print_table
from rca_tui.places import check_new

if TYPE_CHECKING:
    from cluster.kubernetes.doctor import Check, Examination

FAILED = 1
_MARKS = {"pass": "✓", "fail": "✗", "unknown": "?"}
_NOT_NEEDED = "–"
"""Of a check that fails, and that only drills need."""


def doctor(
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page without names and addresses, to attach to a ticket."),
    ] = None,
    context: InCluster = None,
    as_json: AsJson = False,
) -> None:
    """Check this machine, or with --context, --targets or --prometheus that a deployment can be observed.

    Step by step, with what to do. Nothing is changed. Exit code 1 when a check fails that replay and diagnosis need, or
    in a cluster telemetry; what only `rca-tui up` or drills need does not count.

    Example: rca-tui doctor --context prod
    """
    choose_also(context)
    named = chosen()
    if named is None:
        _machine(report, as_json)
        return
    if isinstance(named, Watched):
        _endpoints(named, report, as_json)
        return
    from cluster.kubernetes.doctor import Examination, Part, Verdict
    from methods.catalog import blocked_without

    if report is not None:
        check_new(report)
    examination = Examination(named)
    checks: list[Check] = []
    try:
        with interruptible("interrupted; nothing was changed"):
            for check in examination.checks():
                if not as_json:
                    _print_check(check, checks[-1] if checks else None)
                checks.append(check)
        costs = blocked_without(examination.missing)
        if report is not None:
            report.write_text(_page(examination, checks, costs), encoding="utf-8")
    finally:
        examination.close()
    every = [check for check in checks if check.verdict is Verdict.FAIL]
    failed = [check for check in every if check.part is not Part.DRILL]
    if as_json:
        rows = list(map(_row, checks))
        samples = [dataclasses.asdict(sample) for sample in examination.samples]
        print_json({"ok": not failed, "checks": rows, "samples": samples, "costs": costs})
    else:
        _print_samples(examination)
        for missing, methods in costs.items():
            print_line(f"without {missing} these methods have no answer: {', '.join(methods)}")
        if drills := len(every) - len(failed):
            print_line(f"not all faults can be injected: {drills} of {len(checks)} checks fail that only drills need")
        print_line(f"{len(failed)} of {len(checks)} checks fail" if failed else "all checks that telemetry needs pass")
    if report is not None:
        say(f"wrote {report}; read it before you share it")
    if failed:
        raise typer.Exit(FAILED)


def _machine(report: Path | None, as_json: bool) -> None:
    from cluster import machine
    from cluster.kubernetes.doctor import Part, Verdict

    if report is not None:
        raise BadInput("--report writes what was found in a cluster: name one with --context")
    checks = []
    with interruptible("interrupted; nothing was changed"):
        for check in machine.checks():
            checks.append(check)
            if not as_json:
                _print_check(check)
    failed = [check for check in checks if check.verdict is Verdict.FAIL]
    needed = [check for check in failed if check.part is Part.MACHINE]
    if as_json:
        print_json({"ok": not needed, "checks": list(map(_row, checks)), "samples": [], "costs": {}})
    else:
        lacks = f"cannot run here: {', '.join(check.name for check in failed if check not in needed)}"
        print_line(f"replay and diagnosis: {'these checks fail' if needed else 'all they need is here'}")
        print_line(f"rca-tui up: {lacks if len(failed) > len(needed) else 'all it needs is here'}")
        print_line("a cluster: rca-tui doctor --context NAME")
    if needed:
        raise typer.Exit(FAILED)


def _endpoints(watched: Watched, report: Path | None, as_json: bool) -> None:
    from cluster.endpoints.doctor import checks
    from cluster.kubernetes.doctor import Verdict

    if report is not None:
        raise BadInput("--report writes what was found in a cluster: name one with --context")
    found = []
    with interruptible("interrupted; nothing was changed"):
        for check in checks(watched):
            found.append(check)
            if not as_json:
                _print_check(check)
    failed = [check for check in found if check.verdict is Verdict.FAIL]
    if as_json:
        print_json({"ok": not failed, "checks": list(map(_row, found)), "samples": [], "costs": {}})
    else:
        print_line(f"{len(failed)} of {len(found)} checks fail" if failed else "all checks that telemetry needs pass")
    if failed:
        raise typer.Exit(FAILED)


def _row(check: Check) -> dict[str, Any]:
    return {**dataclasses.asdict(check), "status": check.verdict}


def _print_check(check: Check, before: Check | None = None) -> None:
    """With what to do, once where the one before has the same."""
    from cluster.kubernetes.doctor import Part, Verdict

    needless = check.part is Part.DRILL and check.verdict is Verdict.FAIL
    mark = _NOT_NEEDED if needless else _MARKS[check.verdict]
    print_line(f"{mark} {check.name}: {plain(check.found, limit=1000)}")
    if check.fix and (before is None or before.fix != check.fix):
        print_line(f"    → {check.fix}")


def _print_samples(examination: Examination) -> None:
    measured = [sample for sample in examination.samples if sample.value is not None]
    if measured:
        print_line()
        rows = ((s.component, s.signal, number(s.value), s.unit) for s in measured)
        print_table(("component", "signal", "newest", "unit"), rows, right="newest")
        print_line()


def _page(examination: Examination, checks: list[Check], costs: dict[str, list[str]]) -> str:
    import platform
    from importlib.metadata import version

    from cluster.kubernetes.redaction import known_names, redact

    lines = [
        "# rca-tui doctor",
        "",
        f"rca-tui {version('rca-tui')}, Python {platform.python_version()}, kubernetes {version('kubernetes')}",
        "",
        "| check | verdict | found | what to do |",
        "|---|---|---|---|",
        *(f"| {_cell(c.name)} | {c.verdict} | {_cell(c.found)} | {_cell(c.fix)} |" for c in checks),
        "",
        *(f"Without {missing}: no {', '.join(methods)}.\n" for missing, methods in costs.items()),
        "| component | signal | newest | unit |",
        "|---|---|---|---|",
        *(
            f"| {_cell(s.component)} | {s.signal} | {'' if s.value is None else f'{s.value:.6g}'} | {s.unit} |"
            for s in examination.samples
        ),
        "",
    ]
    return redact("\n".join(lines), known_names(examination.api, examination.deployment))


def _cell(text: str) -> str:
    return plain(text, limit=1000).replace("|", "\\|")


def register(app: typer.Typer) -> None:
    app.command()(doctor)
