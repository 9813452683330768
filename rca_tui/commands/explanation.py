"""The explanation of one method as text. Imported inside commands only."""

from __future__ import annotations

from methods.runner import Result
from methods.types import EdgePointer, LogsPointer, NoRanking, Pointer, SeriesPointer, SpansPointer, Step
from rca_tui.commands.output import print_line, print_table
from rca_tui.commands.rankings import print_ranking
from rca_tui.text import clock_time, number

_ROWS = 15


def print_explanation(result: Result) -> None:
    """The ranking, then each step: claim, numbers, table, graph, and where to look; then the caveats."""
    outcome = result.outcome
    if isinstance(outcome, NoRanking):
        print_line(f"{result.method} has no ranking, {outcome.reason.replace('_', ' ')}: {outcome.detail}")
        return
    print_line(f"{result.method} ({result.family}), {result.seconds:.2f} s")
    print_line()
    print_ranking(outcome)
    print_line()
    for count, step in enumerate(outcome.explanation.steps, start=1):
        _print_step(count, step)
    for caveat in outcome.explanation.caveats:
        print_line(f"Caveat: {caveat}")


def _print_step(count: int, step: Step) -> None:
    print_line(f"{count}. {step.title}")
    print_line(f"   {step.claim}")
    told = {**step.numbers, **step.levels}
    if told:
        print_line("   " + ", ".join(f"{name} {number(value)}" for name, value in told.items()))
    if step.table is not None:
        rows = step.table.rows
        print_table(step.table.columns, ([_cell(cell) for cell in row] for row in rows[:_ROWS]))
        if len(rows) > _ROWS:
            print_line(f"   and {len(rows) - _ROWS} rows more: --json has them")
    if step.graph is not None:
        edges = sorted(step.graph.edges, key=lambda edge: -abs(edge.weight))
        print_table(
            ("cause", "effect", "weight"), ((e.cause, e.effect, e.mark or number(e.weight)) for e in edges[:_ROWS])
        )
        if len(edges) > _ROWS:
            print_line(f"   and {len(edges) - _ROWS} edges more: --json has them")
    if step.pointers:
        print_line("   see " + "; ".join(_place(pointer) for pointer in step.pointers[:3]))
    print_line()


def _cell(cell: object) -> str:
    return number(cell) if isinstance(cell, float) else "" if cell is None else str(cell)


def _place(pointer: Pointer) -> str:
    when = f"{clock_time(pointer.start)} to {clock_time(pointer.end)}"
    match pointer:
        case SeriesPointer():
            return f"{pointer.component} {pointer.signal}, {when}"
        case EdgePointer():
            return f"{pointer.source} to {pointer.target} {pointer.signal}, {when}"
        case SpansPointer():
            return f"spans of {pointer.component} {pointer.operation}, {when}"
        case LogsPointer():
            return f"log lines of {pointer.component}, {when}"
