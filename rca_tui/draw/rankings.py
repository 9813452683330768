"""Rankings and the state of methods as lines of text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.text import Text

from cluster.text.plain import plain
from cluster.text.quantities import number
from rca_tui.draw.text import fit, fit_name
from rca_tui.glyphs import GOOD, UNKNOWN, WARN
from rca_tui.session import Diagnosis, Mark

if TYPE_CHECKING:
    from methods.answer.consensus import Consensus
    from methods.answer.types import ComponentScore

CONSENSUS = "consensus"
NO_ONSET = (
    "No onset was found, so rankings do not say whether anything is wrong: methods rank the components of a healthy "
    "service, too."
)
"""Precedes the claim of a consensus when no onset was found."""
DRIVERS = 4
"""How many methods that contribute most to the lead are named."""
RUNNING, NEUTRAL = "◌", "·"
NO_OPINION = {"dummy", "contrast"}
"""Listed, but neither agrees nor dissents: one guesses, the other is no method."""


def consensus_row(consensus: Consensus, colour: dict[str, str], width: int) -> Text:
    """The consensus as a row above the methods: the component it blames, and how many of the voters agree."""
    blamed = consensus.top[0] if len(consensus.top) == 1 else f"{len(consensus.top)} tied"
    label = f"{blamed} {len(consensus.agree)}/{len(consensus.voters)}"
    name = CONSENSUS if len(CONSENSUS) + 1 + len(label) <= width - 4 else ""  # the sign says it, too
    room = width - 4 - len(name)
    row = Text.assemble(("Σ ", colour["primary"]), (name, "bold"), no_wrap=True)
    return row.append(fit_name(label, room).rjust(room) + " ", style="bold")


def consensus_sentences(consensus: Consensus, mark: Mark | None) -> list[str]:
    """The claim of the consensus, the methods that decide its lead, and the dissent, one sentence for each answer."""
    sentences = [consensus.claim] if mark else [NO_ONSET, consensus.claim]
    if drivers := consensus.drivers():
        shares = ", ".join(f"{method} {number(part)}" for method, part in drivers[:DRIVERS])
        first, second = consensus.components[:2]
        lead = number(first.score - second.score)
        sentences.append(f"{first.component} leads {second.component} by {lead}, most of it from {shares}.")
    dissent: dict[str, list[str]] = {}
    for method, blamed in consensus.dissent:
        dissent.setdefault(" and ".join(blamed), []).append(method)
    for who, methods in sorted(dissent.items(), key=lambda item: -len(item[1])):
        sentences.append(f"≠ {', '.join(methods)} {'blames' if len(methods) == 1 else 'blame'} {who}")
    return sentences


def method_row(name: str, order: list[str], diagnosis: Diagnosis | None, colour: dict[str, str], width: int) -> Text:
    """Glyph, name, and state: queued, running, the component it blames, or why it has no ranking."""
    glyph, tint, label = UNKNOWN, "secondary", "queued"
    room = max(0, width - 4 - len(name))
    if diagnosis is None or (diagnosis.quick and name not in diagnosis.methods):
        label = ""
    elif (result := diagnosis.results.get(name)) is not None:
        from methods.answer.types import NoRanking

        if isinstance(result.outcome, NoRanking):
            glyph, tint, label = WARN, "warning", result.outcome.reason.value.replace("_", " ")
        else:
            top = result.outcome.top
            differs = diagnosis.consensus is not None and name in dict(diagnosis.consensus.dissent)
            blamed = fit_name(top[0], room) if len(top) == 1 else f"{len(top)} tied"
            glyph, tint, label = ("≠", "accent", blamed) if differs else (GOOD, "success", blamed)
            if name in NO_OPINION:
                glyph, tint = NEUTRAL, "secondary"
    elif not diagnosis.running:
        label = "cancelled"
    elif name in [n for n in order if n not in diagnosis.results][: diagnosis.workers]:
        glyph, tint, label = RUNNING, "primary", "running"
    row = Text.assemble((f"{glyph} ", colour[tint]), name, no_wrap=True)
    return row.append(fit(label, room).rjust(room) + " ", style="dim")


def ranking_text(
    head: str, note: str, components: tuple[ComponentScore, ...], width: int, rows: int, colour: dict[str, str]
) -> Text:
    """Components with rank, bar and score, as many as fit; tied components share a rank, marked `=`."""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(plain(head), style="bold").append(f"  {note}\n", style="dim")
    shared = Counter(component.rank for component in components)
    best = max(abs(component.score) for component in components) or 1.0
    name_width = min(20, max(len(plain(c.component)) for c in components), max(6, width - 15))
    bar = width - name_width - 15
    bar = bar if bar >= 3 else 0
    listed = components if len(components) < rows else components[: max(1, rows - 2)]
    for component in listed:
        first = component.rank == 1
        rank = f"{'=' if shared[component.rank] > 1 else ' '}{component.rank}"
        filled = round(max(0.0, component.score) / best * bar)
        text.append(f"{rank:>3} ", style="dim")
        text.append(f"{fit_name(component.component, name_width):<{name_width}} ", style="bold" if first else "")
        text.append("━" * filled, style=colour["primary" if first else "chart-peer"])
        text.append(" " * (bar - filled)).append(f" {number(component.score):>8}\n", style="" if first else "dim")
    left = len(components) - len(listed)
    if left:
        text.append(f"    and {left} more\n", style="dim")
    signals = [s for c in components[:1] for s in c.signals]
    room = rows - 2 - len(listed) - bool(left)
    if signals and room > 1:
        text.append(f"\nsignals of {plain(components[0].component)}\n", style="dim")
        for signal in signals[: room - 2]:
            text.append(f"    {fit(signal.signal, 24):<24} {number(signal.score):>8}\n")
    return text
