"""Rows of the lists of logs, traces, spans and events: one line each, in cells. Their text is hostile."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from rich.text import Text

from cluster.text.plain import NOTHING, plain
from cluster.text.quantities import number
from cluster.text.times import bare_clock_time, duration
from methods.telemetry.happenings import Happening, What
from methods.telemetry.log_book import LEVELS, LogBook, TemplateChange
from methods.telemetry.trace_book import Phase, TraceBook
from rca_tui.draw.text import fit, fit_name
from rca_tui.glyphs import BAD, WARN

Colours = Mapping[str, str]

NAME = 12
"""Cells of a component."""
LONG = 3.0
"""A span that takes so many times what its operation usually takes is marked."""
DEEPEST = 8
"""Levels of a tree that are indented: deeper ones stand below each other."""
_ERROR, _WARNING = LEVELS.index("error"), LEVELS.index("warning")

TEMPLATES = f"  {'before':>7} {'after':>7} {'change':>7}  template"


def clock(time: float) -> str:
    """The time of day with tenths of a second."""
    whole = math.floor(time * 10 + 1e-6) / 10
    return f"{bare_clock_time(whole)}.{round(whole % 1 * 10) % 10}"


def template_row(book: LogBook, change: TemplateChange, width: int, colour: Colours) -> Text:
    glyph, tint = _level(change.level, change.trouble)
    text = Text.assemble((f"{glyph} ", colour[tint] if tint else ""))
    text.append(f"{change.before:>7} {change.after:>7} ", style="dim" if change.factor is None else "")
    loud = change.factor is not None and not 0.5 < change.factor < 2
    text.append(f"{_factor(change.factor):>7}  ", style=f"bold {colour['accent']}" if loud else "dim")
    return text.append(fit(book.templates[change.template], max(0, width - text.cell_len)))


def all_row(lines: int, templates: int, width: int) -> Text:
    """The row above the templates: all of them."""
    return Text(
        fit(f"  {lines:>7}  all lines, of {templates} template{'' if templates == 1 else 's'}", width), style="bold"
    )


def log_row(book: LogBook, row: int, width: int, colour: Colours, named: bool) -> Text:
    """A line with its time and severity, and whose it is where that is not said above."""
    level = int(book.level[row])
    glyph, tint = _level(level, bool(book.trouble[row]))
    text = Text.assemble((f"{clock(float(book.time[row]))} ", "dim"), (f"{glyph} ", colour[tint] if tint else ""))
    if named:
        text.append(f"{fit_name(book.components[int(book.component[row])], NAME):<{NAME}} ")
    message = plain(" ".join(str(book.messages[row]).splitlines()), max(2, width - text.cell_len))
    return text.append(message, style=colour[tint] if tint and level >= _ERROR else "")


TRACES = f"  {'time':<10} {'took':>8}  {'most of it in':<{NAME}}"


def trace_row(book: TraceBook, trace: int, width: int, colour: Colours) -> Text:
    row = int(book.longest[trace])
    component, operation = book.operation(row)
    failed, factor = bool(book.failed[trace]), book.times_usual(row)
    glyph, tint = (BAD, "error") if failed else (WARN, "warning") if (factor or 0) >= LONG else (" ", "")
    style = colour[tint] if tint else ""
    text = Text.assemble((f"{glyph} ", style), (f"{clock(float(book.start[trace]))} ", "dim"))
    text.append(f"{duration(float(book.duration[trace])):>8}  ", style=f"bold {style}" if style else "")
    own = duration(float(book.own[row]))
    text.append(f"{fit_name(component, NAME):<{NAME}} ", style=colour["secondary"])
    share = f"{own:>8}" + (f" {_factor(factor):>6}" if factor is not None else " " * 7)
    rest = width - text.cell_len - len(share) - 1
    text.append(f"{fit(operation, max(0, rest)):<{max(0, rest)}} ")
    return text.append(share, style=style or "dim")


@dataclass(frozen=True, slots=True)
class Extent:
    """Start and end of a trace, unix seconds: what its waterfall spans."""

    start: float
    end: float


def extent(book: TraceBook, trace: int) -> Extent:
    rows = book.rows(trace)
    start = float(book.spans.start[rows].min())
    return Extent(start, max(start + 1e-6, float((book.spans.start[rows] + book.spans.duration[rows]).max())))


def span_row(book: TraceBook, row: int, depth: int, whole: Extent, width: int, colour: Colours) -> Text:
    """A span of a waterfall: component, operation, bar, duration, and that over what is usual."""
    component, operation = book.operation(row)
    start, seconds = float(book.spans.start[row]), float(book.spans.duration[row])
    factor, failed = book.times_usual(row), bool(book.spans.failed[row])
    tint = "error" if failed else "warning" if (factor or 0) >= LONG else ""
    label = max(16, min(44, (width - NAME - 18) // 2))
    bar = max(4, width - NAME - label - 19)
    text = Text().append(f"{fit_name(component, NAME):<{NAME}} ", style=colour["secondary"])
    text.append(f"{fit('  ' * min(depth, DEEPEST) + plain(operation), label):<{label}} ")
    first = min(bar - 1, max(0, int((start - whole.start) / (whole.end - whole.start) * bar)))
    last = min(bar, max(first + 1, math.ceil((start + seconds - whole.start) / (whole.end - whole.start) * bar)))
    text.append(" " * first).append("━" * (last - first), style=colour[tint or "chart-line"])
    text.append(" " * (bar - last))
    text.append(f"{duration(seconds):>8} ", style=f"bold {colour[tint]}" if tint else "")
    return text.append(f"{BAD if failed else _factor(factor):>7}", style=colour[tint] if tint else "dim")


def phases_text(found: tuple[Phase, ...], width: int, colour: Colours) -> Text:
    """Where the time of a trace went, and how many times what is usual there, as far as there is room."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for phase in found:
        factor = phase.seconds / phase.usual if phase.usual else None
        usual = f" {_factor(factor)}" if factor else ""
        long = factor is not None and factor >= LONG
        part = f"{fit(phase.operation, 24 if width >= 90 else 16)} {duration(phase.seconds)}"
        if text.cell_len + len(part) + len(usual) + 3 > width:
            break
        text.append("   " if text else "").append(part, style=f"bold {colour['warning']}" if long else "bold")
        text.append(usual, style="dim")
    return text


_GLYPHS = {
    What.TELEMETRY: "○",
    What.ONSET: "┃",
    What.SPREAD: "→",
    What.RESTART: "↻",
    What.SILENCE: "…",
    What.FAULT: "↯",
    What.ALERT: "!",
    What.CLUSTER: "◇",
    What.SERVE: "◈",
}


def event_row(event: Happening, onset: float | None, width: int, colour: Colours) -> Text:
    tint = colour["error"] if event.bad else ""
    text = Text().append(f"{clock(event.time)} ", style="dim")
    text.append(f"{_after(event.time, onset):>9} ", style="dim")
    text.append(f"{_GLYPHS[event.what]} {event.what:<9} ", style=tint or colour["secondary"])
    text.append(f"{fit_name(event.component or NOTHING, NAME):<{NAME}} ", style=colour["secondary"])
    return text.append(fit(event.text, max(0, width - text.cell_len)), style=tint)


def _after(time: float, onset: float | None) -> str:
    if onset is None:
        return ""
    return f"{'+' if time >= onset else '−'}{abs(time - onset):.1f} s"


def _level(level: int, trouble: bool) -> tuple[str, str]:
    if level >= _ERROR:
        return BAD, "error"
    return (WARN, "warning") if level == _WARNING or trouble else (" ", "")


def _factor(factor: float | None) -> str:
    if factor is None:
        return ""
    if factor == 0:
        return "gone"
    return "new" if math.isinf(factor) else f"×{factor:.1f}" if factor < 10 else f"×{number(factor)}"
