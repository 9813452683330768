"""Rankings and the state of methods as lines of text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.text import Text

from rca_tui.state import Diagnosis
from rca_tui.text import fit, number, plain, span
from rca_tui.theme import GOOD, UNKNOWN, WARN

if TYPE_CHECKING:
    from methods.types import Ranking

RUNNING = "◌"


def leader(diagnosis: Diagnosis | None) -> str | None:
    """The component that most methods put first on its own, None while fewer than two agree or two are level."""
    from collections.abc import Iterable

    if diagnosis is None:
        return None
    tops: Iterable[tuple[str, ...]] = (getattr(result.outcome, "top", ()) for result in diagnosis.results.values())
    votes = Counter(top[0] for top in tops if len(top) == 1).most_common(2)
    if not votes or votes[0][1] < 2 or (len(votes) > 1 and votes[0][1] == votes[1][1]):
        return None
    return votes[0][0]


def method_row(
    name: str, order: list[str], diagnosis: Diagnosis | None, agreed: str | None, colour: dict[str, str], width: int
) -> Text:
    """Glyph, name, and what became of it: queued, running, whom it blames, or why it has no ranking."""
    glyph, tint, words = UNKNOWN, "secondary", "queued"
    if diagnosis is None:
        words = ""
    elif (result := diagnosis.results.get(name)) is not None:
        top: tuple[str, ...] | None = getattr(result.outcome, "top", None)
        if top is None:
            glyph, tint, words = WARN, "warning", plain(getattr(result.outcome, "reason", "")).replace("_", " ")
        else:
            differs = agreed is not None and agreed not in top
            blamed = top[0] if len(top) == 1 else f"{len(top)} tied"
            glyph, tint, words = ("≠", "accent", blamed) if differs else (GOOD, "success", blamed)
    elif not diagnosis.running:
        words = "cancelled"
    elif name in [n for n in order if n not in diagnosis.results][: diagnosis.workers]:
        glyph, tint, words = RUNNING, "primary", "running"
    room = width - 4 - len(name)
    row = Text.assemble((f"{glyph} ", colour[tint]), name, no_wrap=True)
    return row.append(fit(words, max(0, room)).rjust(room) + " ", style="dim")


def ranking_text(
    method: str, ranking: Ranking, seconds: float, width: int, rows: int, colour: dict[str, str]
) -> Text:
    """Components with rank, bar and score, as many as fit; tied ones share a rank, marked `=`."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(plain(method), style="bold").append(f"  ranked in {span(seconds)}\n", style="dim")
    shared = Counter(component.rank for component in ranking.components)
    best = max(abs(component.score) for component in ranking.components) or 1.0
    name_width = min(20, max(len(plain(c.component)) for c in ranking.components))
    bar = max(4, width - name_width - 16)
    listed = ranking.components[: max(1, rows - 2)]
    for component in listed:
        first = component.rank == 1
        rank = f"{'=' if shared[component.rank] > 1 else ' '}{component.rank}"
        filled = round(max(0.0, component.score) / best * bar)
        text.append(f"{rank:>3} ", style="dim")
        text.append(f"{fit(component.component, name_width):<{name_width}} ", style="bold" if first else "")
        text.append("━" * filled, style=colour["primary" if first else "chart-peer"])
        text.append(" " * (bar - filled)).append(f" {number(component.score):>8}\n", style="" if first else "dim")
    left = len(ranking.components) - len(listed)
    if left:
        text.append(f"    and {left} more\n", style="dim")
    signals = [s for c in ranking.components[:1] for s in c.signals]
    room = rows - 2 - len(listed) - bool(left)
    if signals and room > 1:
        text.append(f"\nsignals of {plain(ranking.components[0].component)}\n", style="dim")
        for signal in signals[: room - 2]:
            text.append(f"    {fit(signal.signal, 24):<24} {number(signal.score):>8}\n")
    return text
