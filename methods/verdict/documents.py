"""The verdict as a document, for notebooks and terminals alike."""

from __future__ import annotations

from collections.abc import Iterable

from cluster.display import Bar, Block, Code, Document, Grid, Line, Title, Tone, document
from cluster.text.plain import plain
from cluster.text.quantities import percent
from cluster.text.times import clock_time
from methods.verdict.types import Answer, Verdict

SUSPECTS = 5
LINES = 6


@document.register
def verdict(shown: Verdict) -> Document:
    """The headline, how sure, who else, the way it spread, evidence for and against, what to look at and to do."""
    blocks: list[Block] = [Line(shown.headline)]
    if shown.answer is not Answer.UNKNOWN:
        blocks.append(
            Line(f"{shown.strength}, {percent(shown.probability)}; kind of trouble: {shown.kind}", Tone.QUIET)
        )
    if shown.suspects:
        rows: list[tuple[str, str, Bar]] = [
            (s.component, percent(s.probability), Bar(s.probability)) for s in shown.suspects[:SUSPECTS]
        ]
        rows.append(("nobody", percent(shown.nobody), Bar(shown.nobody)))
        blocks.append(Grid.of(("at fault", "probability", ""), rows, right="probability", whole="at fault"))
    hops = [f"{h.source} → {h.target}" + (f" at {clock_time(h.at)}" if h.at is not None else "") for h in shown.path]
    for title, lines in (
        ("The way it spread", hops),
        ("For", [evidence.sentence for evidence in shown.supporting]),
        ("Against", [evidence.sentence for evidence in shown.opposing]),
        ("Not known", shown.unknown),
        ("Look at next", shown.next),
    ):
        blocks += _section(title, lines)
    if shown.actions:
        blocks.append(Title("What to do (copy it; nothing is run for you)"))
        for action in shown.actions:
            blocks += [Line(action.title), Code(action.command)]
    return tuple(blocks)


def _section(title: str, lines: Iterable[str]) -> list[Block]:
    all_lines = [plain(line, 600) for line in lines]
    more = [Line(f"and {len(all_lines) - LINES} more", Tone.QUIET)] if len(all_lines) > LINES else []
    return [Title(title), *map(Line, all_lines[:LINES]), *more] if all_lines else []
