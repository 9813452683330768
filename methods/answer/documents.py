"""Rankings, explanations and the consensus as documents, for notebooks and terminals alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from cluster.display import Bar, Block, Document, Grid, Line, Title, Tone, document
from cluster.text.quantities import number, quantity
from cluster.text.times import between
from methods.answer.consensus import Consensus
from methods.answer.types import (
    Cell,
    EdgePointer,
    Explanation,
    GraphEdge,
    LogsPointer,
    NoRanking,
    Pointer,
    Ranking,
    SeriesPointer,
    SpansPointer,
    Step,
    Table,
)

COMPONENTS = 10
ROWS = 15
"""Rows of a step's table, or edges of its graph, that are listed."""
DRIVERS = 8


@document.register
def ranking(shown: Ranking) -> Document:
    """One row a component: rank, score on the method's own scale, and the signals that put it there."""
    best = max(abs(c.score) for c in shown.components) or 1.0
    rows = (
        (
            c.rank,
            c.component,
            c.score,
            Bar(c.score / best),
            ", ".join(f"{s.signal} {number(s.score)}" for s in c.signals[:3]),
        )
        for c in shown.components[:COMPONENTS]
    )
    blocks: list[Block] = [Grid.of(("rank", "component", "score", "", "by"), rows, whole="component")]
    if len(shown.components) > COMPONENTS:
        blocks.append(Line(f"and {len(shown.components) - COMPONENTS} more", Tone.QUIET))
    return tuple(blocks)


@document.register
def no_ranking(shown: NoRanking) -> Document:
    return (Line(f"No ranking, {shown.reason.replace('_', ' ')}: {shown.detail}", Tone.WARNING),)


@document.register
def explanation(shown: Explanation) -> Document:
    """Every step with its claim, numbers, table or graph, and where to look; then the caveats."""
    blocks: list[Block] = []
    for count, step in enumerate(shown.steps, start=1):
        blocks += [Title(f"{count}. {step.title}"), *_step(step)]
    return (*blocks, *(Line(caveat, Tone.WARNING) for caveat in shown.caveats))


@document.register
def consensus(shown: Consensus) -> Document:
    """The claim, the scores, who dissents, and which methods the lead is owed to."""
    blocks: list[Block] = [Line(shown.claim)]
    if not shown.components:
        return tuple(blocks)
    rows = ((c.rank, c.component, c.score, Bar(c.score)) for c in shown.components[:COMPONENTS])
    blocks.append(Grid.of(("rank", "component", "score", ""), rows, whole="component"))
    drivers = shown.drivers()
    if drivers:
        first, second = shown.components[0], shown.components[1]
        blocks.append(
            Line(
                f"{first.component} leads {second.component} by {number(first.score - second.score)}. "
                "Each method's part of that lead, exactly:"
            )
        )
        most = max(abs(part) for _, part in drivers) or 1.0
        kept = [*drivers[:DRIVERS], *(d for d in drivers[DRIVERS:] if d[1] < 0)]
        blocks.append(
            Grid.of(("method", "adds", ""), ((name, part, Bar(part / most)) for name, part in kept), whole="method")
        )
    return tuple(blocks)


def _step(step: Step) -> Iterator[Block]:
    yield Line(step.claim)
    numbers = {**step.numbers, **step.levels}
    if numbers:
        parts = (f"{name} {quantity(value, step.units.get(name))}" for name, value in numbers.items())
        yield Line(", ".join(parts), Tone.QUIET)
    if step.table is not None:
        yield table_grid(step.table, ROWS)
        yield from _more(len(step.table.rows), "rows")
    if step.graph is not None:
        edges = sorted(step.graph.edges, key=lambda edge: -abs(edge.weight))
        yield edge_grid(edges[:ROWS])
        yield from _more(len(edges), "edges")
    if step.pointers:
        yield Line("see " + "; ".join(place(pointer) for pointer in step.pointers[:3]), Tone.QUIET)


def table_grid(table: Table, limit: int) -> Grid:
    """The first rows of a table, its numbers with their units."""
    rows = (
        tuple(_with_unit(cell, table.unit(column, i)) for column, cell in zip(table.columns, row, strict=True))
        for i, row in enumerate(table.rows[:limit])
    )
    grid = Grid.of(table.columns, rows)
    return dataclasses.replace(grid, right=grid.right | table.units.keys())


def _with_unit(cell: Cell, unit: str) -> Cell:
    return quantity(cell, unit) if unit and isinstance(cell, int | float) else cell


def edge_grid(edges: Sequence[GraphEdge]) -> Grid:
    return Grid.of(("cause", "effect", "weight", ""), ((e.cause, e.effect, e.weight, e.mark) for e in edges))


def figures(step: Step, limit: int) -> Grid | None:
    """The step's table, or its graph's edges, or its named numbers; None when it has none."""
    if step.table is not None:
        return table_grid(step.table, limit)
    if step.graph is not None and step.graph.edges:
        return edge_grid(step.graph.edges[:limit])
    if step.numbers:
        rows = ((name, quantity(value, step.units.get(name))) for name, value in step.numbers.items())
        return Grid.of(("number", "value"), rows, right="value")
    return None


def _more(count: int, what: str) -> Iterator[Block]:
    if count > ROWS:
        yield Line(f"and {count - ROWS} {what} more", Tone.QUIET)


def place(pointer: Pointer) -> str:
    """Where in the incident a step points, in words."""
    when = between(pointer.start, pointer.end)
    match pointer:
        case SeriesPointer():
            return f"{pointer.component} {pointer.signal}, {when}"
        case EdgePointer():
            return f"{pointer.source} to {pointer.target} {pointer.signal}, {when}"
        case SpansPointer():
            return f"spans of {pointer.component} {pointer.operation}, {when}"
        case LogsPointer():
            return f"log lines of {pointer.component}, {when}"
