"""The verdict as lines of text: one for the header, many for the card."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from cluster.text.plain import plain
from cluster.text.quantities import percent
from cluster.text.times import clock_time
from rca_tui.draw.braille import drawable, sparkline
from rca_tui.draw.text import fit, fit_name
from rca_tui.glyphs import BAD, GOOD, UNKNOWN, WARN
from rca_tui.session import Diagnosis

if TYPE_CHECKING:
    from methods.verdict.types import Evidence, Verdict

SENTENCE = 1000
"""Characters of a sentence of the verdict."""
SUSPECTS = 4
"""Suspects that are listed; nobody is listed always."""
LISTED = 6
"""Sentences of evidence that are listed; `y` copies all."""
_MEASURED_BY = re.compile(r" as .+? measures it")
LIKELY = 0.005
"""Probability from which a suspect is listed."""


def sign(verdict: Verdict) -> tuple[str, str]:
    """Glyph and theme colour: somebody surely, somebody perhaps, nobody, cannot tell."""
    from methods.verdict.types import Answer, Strength

    match verdict.answer:
        case Answer.NOBODY:
            return GOOD, "success"
        case Answer.UNKNOWN:
            return UNKNOWN, "secondary"
    return (BAD, "error") if verdict.strength is Strength.STRONG else (WARN, "warning")


def sure(verdict: Verdict) -> str:
    """How sure, in a word and in percent; empty where it cannot tell."""
    from methods.verdict.types import Answer

    return "" if verdict.answer is Answer.UNKNOWN else f"{verdict.strength}, {percent(verdict.probability)}"


def one_line(verdict: Verdict, width: int) -> tuple[str, str]:
    """(who, what) in at most `width` characters together.

    What comes last in importance goes first: the next step, the peers, who measured it, all signals but the first, when
    it began.
    """
    from methods.verdict.types import Answer

    who, what = _halves(verdict)
    what = f": {what.rstrip('.')}" if what else ""
    if verdict.answer is not Answer.UNKNOWN:
        who += f", {verdict.strength}"
    for shorter in _shorter(what, verdict.next):
        if len(who) + len(shorter) <= width:
            return who, shorter
    return fit(who, width), fit(shorter, max(0, width - len(who))) if width > len(who) + 8 else ""


def _halves(verdict: Verdict) -> tuple[str, str]:
    """Who, and what the signals say, of the headline; without the strength, which is shown in its own way."""
    who, _, what = plain(verdict.headline, SENTENCE).partition(": ")
    return who.removesuffix(f", {verdict.strength}").rstrip("."), what


def _shorter(what: str, following: tuple[str, ...]) -> Iterator[str]:
    """`what` with the next step, and then with less and less of itself."""
    if following:
        yield f"{what}; next: {plain(following[0], SENTENCE)}"
    yield what
    signals, since, rest = what.partition(" since ")
    began = since + rest.split(", ")[0]
    yield signals + began
    clauses = _MEASURED_BY.sub("", signals).split(", ")
    for count in range(len(clauses), 0, -1):
        yield ", ".join(clauses[:count]) + began
    yield clauses[0]


def head(diagnosis: Diagnosis, verdict: Verdict, colour: dict[str, str], width: int) -> Text:
    """A bar with the headline, how sure, the kind of trouble, and from how many methods; below it what changed."""
    from methods.verdict.types import Trouble

    glyph, tint = sign(verdict)
    who, what = _halves(verdict)
    kind = "" if verdict.kind in (Trouble.NONE, Trouble.UNKNOWN) else verdict.kind
    said = "  ".join(part for part in (f" {glyph} {who}", sure(verdict), kind) if part)
    done = f"{progress(diagnosis)} "
    loud = f"{colour['background']} on {colour[tint]}"
    beside = len(said) + len(done) + 2 <= width
    text = Text.assemble((fit(said, width).ljust(width - len(done) if beside else width), f"bold {loud}"))
    text.append(done, style=loud) if beside else text.append(f"\n{done}", style="dim")
    return text.append("\n" + what) if what else text


def progress(diagnosis: Diagnosis) -> str:
    """From how many methods the verdict is, and whether more will come."""
    all_ = len(diagnosis.methods)
    if diagnosis.running:
        return f"refining: {diagnosis.answered} of {all_} methods"
    if diagnosis.note:
        return f"{plain(diagnosis.note)}: {diagnosis.answered} of {all_} methods"
    return f"by {diagnosis.answered} methods" + ("; R runs all" if diagnosis.quick else "")


def chances(verdict: Verdict, colour: dict[str, str], width: int) -> Text:
    """A bar for each likely suspect and for nobody, in percent and in length."""
    from methods.verdict.types import Answer

    if verdict.answer is Answer.UNKNOWN and not verdict.suspects:
        return Text("no probabilities: the telemetry does not allow an answer", style="dim")
    listed = [s for i, s in enumerate(verdict.suspects[:SUSPECTS]) if i == 0 or s.probability >= LIKELY]
    rows = [(s.component, s.probability, s.component in verdict.named) for s in listed]
    nobody = ("nobody", verdict.nobody, verdict.answer is Answer.NOBODY)
    rows = [nobody, *rows] if nobody[2] else [*rows, nobody]
    name_width = min(24, max(len(plain(name)) for name, _, _ in rows))
    bar = max(4, min(40, width - name_width - 10))
    text = Text(no_wrap=True, overflow="ellipsis")
    for i, (name, probability, answer) in enumerate(rows):
        filled = round(min(1.0, max(0.0, probability)) * bar)
        tint = colour[sign(verdict)[1] if answer else "chart-peer"]
        named = f"{fit_name(name, name_width):<{name_width}} "
        text.append("\n" if i else "").append(named, style="bold" if answer else "")
        text.append("━" * filled, style=tint).append("┄" * (bar - filled), style=colour["chart-axis"])
        text.append(f" {percent(probability):>8}", style="bold" if answer else "dim")
    return text


def evidence(diagnosis: Diagnosis, verdict: Verdict, colour: dict[str, str], trail: int) -> Table:
    """The way it spread, and what speaks for the answer, beside its signal over the incident in `trail` cells."""
    grid = _grid()
    if trail:
        grid.add_column(width=trail)
    if verdict.path:
        _title(grid, "The way it spread", colour)
        for hop in verdict.path:
            at = "" if hop.at is None else f"  {clock_time(hop.at)}"
            grid.add_row(Text("→", colour["accent"]), Text(f"{plain(hop.source)} → {plain(hop.target)}{at}"))
    if verdict.supporting:
        _title(grid, "For", colour)
    for one in verdict.supporting[:LISTED]:
        cells = [Text("+", colour["success"]), Text(plain(one.sentence, SENTENCE))]
        if trail:
            cells.append(Text(_trail(diagnosis, one, trail), colour["chart-line"]))
        grid.add_row(*cells)
    _more(grid, len(verdict.supporting))
    return grid


def _trail(diagnosis: Diagnosis, one: Evidence, width: int) -> str:
    """The signal that a piece of evidence points at, on a scale of its own; empty where it points at none."""
    from methods.answer.types import EdgePointer, SeriesPointer

    line, at = None, one.pointer
    if isinstance(at, SeriesPointer):
        line = diagnosis.frames.line(at.component, at.signal)
    elif isinstance(at, EdgePointer):
        line = diagnosis.frames.edge_line(at.source, at.target, at.signal)
    if line is None:
        return ""
    return sparkline(line.values, width, max((v for v in line.values if drawable(v)), default=1.0))


def following(verdict: Verdict, colour: dict[str, str]) -> Table:
    """What to look at next."""
    grid = _grid()
    _section(grid, "Look at next", "›", colour["primary"], verdict.next, colour)
    return grid


def doubts(verdict: Verdict, colour: dict[str, str]) -> Table:
    """What speaks against the answer, and what is not known."""
    from methods.verdict.types import Answer

    grid = _grid()
    against = [one.sentence for one in verdict.opposing]
    _section(grid, "Against", "−", colour["warning"], against, colour)
    if not against and verdict.answer is not Answer.UNKNOWN:
        _title(grid, "Against", colour)
        grid.add_row("", Text("nothing so far", style="dim"))
    _section(grid, "Not known", "?", colour["secondary"], verdict.unknown, colour)
    return grid


def _grid() -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=1)
    grid.add_column(overflow="fold")
    return grid


def _title(grid: Table, title: str, colour: dict[str, str]) -> None:
    if grid.row_count:
        grid.add_row("", "")
    # A title is as wide as the grid: the bullet's column stays narrow.
    grid.add_row("", Text(title, style=f"bold {colour['secondary']}"))


def _section(grid: Table, title: str, bullet: str, tint: str, sentences: Sequence[str], colour: dict[str, str]) -> None:
    if not sentences:
        return
    _title(grid, title, colour)
    for sentence in sentences[:LISTED]:
        grid.add_row(Text(bullet, tint), Text(plain(sentence, SENTENCE)))
    _more(grid, len(sentences))


def _more(grid: Table, count: int) -> None:
    if count > LISTED:
        grid.add_row("", Text(f"and {count - LISTED} more", style="dim"))
