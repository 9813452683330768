"""Health of components as glyphs and lines: a banner on Overview, one line in the header."""

from __future__ import annotations

from functools import lru_cache

from rich.text import Text

from cluster.text.plain import plain
from cluster.text.times import clock_time
from methods.telemetry.health_types import Health, State
from methods.telemetry.health_wording import describe, marks, sentence, to_tell
from rca_tui.draw.text import fit
from rca_tui.glyphs import BAD, GOOD, SILENT, UNKNOWN, WARN
from rca_tui.session import Session, Snapshot

SIGNS = {
    State.TROUBLE: (BAD, "error"),
    State.SILENT: (SILENT, "primary"),
    State.CHANGED: (WARN, "warning"),
    State.NORMAL: (GOOD, "success"),
    State.UNKNOWN: (UNKNOWN, "secondary"),
}
"""Glyph and theme colour of each state."""
SENTENCE = 400
INTO_FAULT = (30.0, 25.0, 20.0, 15.0, 10.0, 5.0, 40.0, 50.0, 60.0)
"""Seconds after the onset of which the first is shown at which somebody is in trouble: some faults end within ten."""


@lru_cache(maxsize=4)
def health_of(snapshot: Snapshot, moment: float) -> tuple[Health, ...]:
    """The health of all components at a moment, the worst first. Whether they answer is known of the newest alone."""
    from methods.telemetry.health import look

    frames = snapshot.frames
    up = snapshot.up if moment >= snapshot.end else {}
    return look(snapshot.topology, frames.metrics, frames.edge_metrics, moment, up, snapshot.replaced)


def moment_of(session: Session, snapshot: Snapshot) -> float:
    """The moment that is shown: the cursor's, or that of the newest sample."""
    return snapshot.end if session.moment is None else min(session.moment, snapshot.end)


def telling_moment(snapshot: Snapshot, onset: float) -> float:
    """When to show a recording first: half a minute after its onset, or about then while somebody is in trouble."""
    moments = [min(onset + seconds, snapshot.end) for seconds in INTO_FAULT]
    for moment in moments:
        worst = next(iter(health_of(snapshot, moment)), None)
        if worst is not None and worst.state in (State.TROUBLE, State.SILENT):
            return moment
    return moments[0]


def culprit(session: Session, snapshot: Snapshot) -> str:
    """Whom to look at first: whom the verdict names, else the worst in trouble, else the front door; "" without it.

    A player of a drill has to find the component: until a verdict was asked for, theirs is the front door.
    """
    verdict = session.verdict
    if verdict is not None and verdict.named:
        return verdict.named[0]
    worst = None if session.unhelped else next(iter(health_of(snapshot, moment_of(session, snapshot))), None)
    if worst is not None and worst.state in (State.TROUBLE, State.SILENT):
        return worst.component
    return snapshot.topology.front_door or ""


def in_trouble(session: Session, width: int) -> tuple[str, str] | None:
    """The worst component that is in trouble or silent, in one line with its theme colour; None where there is none."""
    snapshot = session.displayed
    if snapshot is None:
        return None
    moment = moment_of(session, snapshot)
    worst = next(iter(health_of(snapshot, moment)), None)
    if worst is None or worst.state not in (State.TROUBLE, State.SILENT):
        return None
    glyph, tint = SIGNS[worst.state]
    return fit(f"{glyph} {worst.component}: {plain(sentence(worst, moment), SENTENCE)}", width), tint


def banner(
    listed: tuple[Health, ...], moment: float, colour: dict[str, str], width: int, height: int, outdated: bool = False
) -> Text:
    """The worst component and what changed, in up to `height` lines of `width` cells; one line when nothing did.

    Args:
        outdated: that nothing is known since the moment: it is not said then that there is no trouble.
    """
    text = Text(no_wrap=True, overflow="ellipsis")
    if not listed:
        return text.append("no component is known", style="dim")
    worst = listed[0]
    others = [h for h in listed[1:] if h.state in (State.TROUBLE, State.SILENT)]
    if worst.state in (State.NORMAL, State.UNKNOWN) or worst.severity == 0:
        return text.append_text(_calm(listed, colour, moment if outdated else None))
    glyph, tint = SIGNS[worst.state]
    lines = [plain(describe(c, moment), SENTENCE) for c in to_tell(worst)]
    if worst.state is State.SILENT:
        lines.insert(0, sentence(worst, moment, 0))
    began = f"  since {clock_time(worst.since)}" if worst.since is not None else ""
    head = f" {glyph} {plain(worst.component)}  {lines[0]}"
    if began and len(head) + len(began) > width:
        lines.insert(1, began.strip())
        began = ""
    loud = f"bold {colour['background']} on {colour[tint]}"
    text.append(fit(head, width - len(began)).ljust(width - len(began)), style=loud).append(began, style=loud)
    rest = [*lines[1:], *marks(worst)]
    room = height - 1 - bool(others)
    if len(rest) > room:
        rest = [*rest[: room - 1], "; ".join(rest[room - 1 :])] if room > 0 else []
    for line in rest:
        text.append("\n   ").append(fit(line, width - 4), style="bold")
    if others and height > 1:
        names = ", ".join(f"{SIGNS[h.state][0]} {plain(h.component)}" for h in others)
        text.append("\n   ").append(
            fit(f"also in trouble: {names}", width - 4), style=colour[SIGNS[others[0].state][1]]
        )
    return text


def _calm(listed: tuple[Health, ...], colour: dict[str, str], until: float | None) -> Text:
    known = sum(h.state is not State.UNKNOWN for h in listed)
    if not known:
        glyph, tint = SIGNS[State.UNKNOWN]
        return Text(f" {glyph} too short a past to say what is normal", style=colour[tint])
    glyph, tint = SIGNS[State.NORMAL]
    if until is not None:
        glyph, tint = SIGNS[State.SILENT]
        said = f" {glyph} no newer telemetry: at {clock_time(until)} there was no trouble"
        return Text(said, style=f"bold {colour[tint]}")
    what = "all components are as before" if known == len(listed) else f"{known} of {len(listed)} are as before"
    return Text(f" {glyph} no trouble: {what}", style=f"bold {colour[tint]}")
