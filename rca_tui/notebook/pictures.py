"""The pictures of the notebooks: functions from incidents, rankings and tables to a `Picture`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from cluster import Incident
from cluster.text.plain import plain
from cluster.text.quantities import number
from methods import ComponentScore, SeriesPointer, Step, Verdict
from rca_tui.notebook.picture import BLUE, DASHES, FAINT, GREEN, INK, LINES, ORANGE, PURPLE, VERMILION, Picture, sheet

Key = tuple[str, str]
_UNITS = {"1": "", "s": "seconds", "1/s": "per second", "bytes": "MiB", "bytes/s": "KiB per second"}
_SCALE = {"bytes": 2.0**20, "bytes/s": 2.0**10}


def signals(incident: Incident, keys: Sequence[Key], columns: int = 1) -> Picture:
    """One chart for each (component, signal): values over seconds since the window began, with the onset."""
    rows = -(-len(keys) // columns)
    with sheet(9.5, 1.0 + 1.9 * rows, rows, columns, sharex=True) as (figure, axes):
        for axis, key in zip(axes, keys, strict=False):
            _line(axis, incident, key, BLUE)
            axis.set_title(plain(" ".join(key)))
            _onset(axis, incident)
        for axis in axes[len(keys) :]:
            axis.set_visible(False)
        for axis in axes[-columns:]:
            axis.set_xlabel("seconds since the window began")
        return Picture(figure, f"{', '.join(plain(' '.join(k)) for k in keys)} over time")


def compared(incident: Incident, signal: str, components: Sequence[str] | None = None) -> Picture:
    """One signal of every component that has it, in one chart."""
    carriers = [c for c in components or incident.topology.ids if signal in incident.telemetry.signals_of(c)]
    with sheet(9.5, 3.4) as (figure, (axis,)):
        for i, component in enumerate(carriers):
            _line(axis, incident, (component, signal), LINES[i % len(LINES)], DASHES[i % len(DASHES)], plain(component))
        axis.set_title(plain(signal))
        axis.set_xlabel("seconds since the window began")
        _onset(axis, incident)
        axis.legend(loc="upper left", ncols=3)
        return Picture(figure, f"{plain(signal)} of {', '.join(map(plain, carriers))} over time")


def topology(incident: Incident) -> Picture:
    """Calls between components (arrows), and the machine that each runs on (dotted)."""
    shape = incident.topology
    level = dict.fromkeys(shape.ids, 1)
    level |= {c: 0 for c in shape.ids if shape.callees(c) and not shape.callers(c)}
    level |= {host: 2 for c in shape.ids for host in shape.hosts(c)}
    places: dict[str, tuple[float, float]] = {}
    for depth in sorted(set(level.values())):
        row = [c for c in shape.ids if level[c] == depth]
        places |= {c: ((i + 0.5) / len(row), -depth) for i, c in enumerate(row)}
    with sheet(9.5, 3.6) as (figure, (axis,)):
        for edge in shape.edges:
            calls = edge.relation.value == "calls"
            axis.annotate(
                "",
                places[edge.target],
                places[edge.source],
                arrowprops={
                    "arrowstyle": "-|>" if calls else "-",
                    "linestyle": "-" if calls else ":",
                    "color": BLUE if calls else FAINT,
                    "shrinkA": 30,
                    "shrinkB": 30,
                },
            )
        for component, (x, y) in places.items():
            kind = shape.component(component).kind.value
            label = plain(component) if kind == component else f"{plain(component)}\n{kind}"
            box = {"boxstyle": "round,pad=0.5", "facecolor": "#FFFFFF", "edgecolor": INK}
            axis.text(x, y, label, ha="center", va="center", bbox=box)
        axis.set_xlim(0, 1)
        axis.set_ylim(-max(level.values()) - 0.4, 0.4)
        axis.set_axis_off()
        return Picture(figure, f"topology of {len(places)} components")


def footprint(table: Sequence[tuple[Key, float, float]], most: int = 14) -> Picture:
    """How far signals are from their baseline during and after the trouble, in its interquartile ranges.

    Args:
        table: (component, signal), distance during, distance after.
        most: rows to show, the largest distance during the trouble first.
    """
    chosen = sorted(table, key=lambda row: -abs(row[1]))[:most][::-1]
    with sheet(9.5, 0.9 + 0.32 * len(chosen)) as (figure, (axis,)):
        during, after = [row[1] for row in chosen], [row[2] for row in chosen]
        for distances, colour, marker, name in (
            (after, GREEN, "o", "after"),
            (during, VERMILION, "D", "during the trouble"),
        ):
            values = [max(1e-2, abs(distance)) for distance in distances]
            axis.plot(values, range(len(chosen)), marker, color=colour, label=name)
        axis.set_yticks(range(len(chosen)), [plain(" ".join(row[0])) for row in chosen])
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_xlabel(
            "distance of the median from the baseline's, in interquartile ranges of the baseline (log scale)"
        )
        axis.axvline(1.0, color=INK, linewidth=0.8, linestyle=":")
        axis.legend(loc="lower right")
        return Picture(figure, f"the {len(chosen)} signals that moved furthest")


def rankings(shown: Sequence[tuple[str, Sequence[ComponentScore]]]) -> Picture:
    """Rankings side by side, each with its title."""
    with sheet(9.5, 3.2, 1, len(shown)) as (figure, axes):
        for axis, (title, components) in zip(axes, shown, strict=True):
            _bars(axis, components[:8][::-1])
            axis.set_title(plain(title))
        return Picture(figure, "; ".join(f"{plain(t)}: {plain(c[0].component)} first" for t, c in shown))


def verdict(incident: Incident, components: Sequence[ComponentScore], key: Key, title: str) -> Picture:
    """A ranking, and beside it one signal with the onset that the ranking used."""
    with sheet(9.5, 3.2, 1, 2, width_ratios=(2, 3)) as (figure, (left, right)):
        _bars(left, components[:8][::-1])
        left.set_title(plain(title))
        _line(right, incident, key, BLUE)
        right.set_title(plain(" ".join(key)))
        right.set_xlabel("seconds since the window began")
        _onset(right, incident)
        return Picture(figure, f"{plain(title)}: {plain(components[0].component)} first; {plain(' '.join(key))}")


def supporting(incident: Incident, shown: Verdict, most: int = 3) -> Picture | None:
    """The first signals that speak for a verdict, one chart each; None if it points at no series."""
    pointers = [e.pointer for e in shown.supporting if isinstance(e.pointer, SeriesPointer)]
    keys = list(dict.fromkeys((p.component, p.signal) for p in pointers))[:most]
    return signals(incident, keys) if keys else None


def step(incident: Incident, shown: Step) -> Picture | None:
    """The first series that a step points at, with its levels; None if it points at no series."""
    pointer = next((p for p in shown.pointers if isinstance(p, SeriesPointer)), None)
    if pointer is None:
        return None
    scale = _scale(incident, pointer.signal)
    with sheet(9.5, 3.0) as (figure, (axis,)):
        _line(axis, incident, (pointer.component, pointer.signal), BLUE)
        for (name, level), dash in zip(shown.levels.items(), DASHES[1:] * 3, strict=False):
            axis.axhline(level / scale, color=PURPLE, linestyle=dash, linewidth=1.0, label=plain(name))
        start = incident.window.start
        axis.axvspan(pointer.start - start, pointer.end - start, color=ORANGE, alpha=0.12, label="this step")
        axis.set_title(plain(f"{shown.title}: {pointer.component} {pointer.signal}"))
        axis.set_xlabel("seconds since the window began")
        axis.legend(loc="upper left")
        return Picture(figure, f"{plain(shown.title)}: {plain(pointer.component)} {plain(pointer.signal)} over time")


def trace(incident: Incident, trace_id: str) -> Picture:
    """The spans of one request, in order of their start."""
    spans = incident.telemetry.spans
    request = spans[spans["trace_id"] == trace_id].sort_values("start")
    begin = float(request["start"].min())
    owners = list(dict.fromkeys(request["component"]))
    with sheet(9.5, 0.9 + 0.34 * len(request)) as (figure, (axis,)):
        left, length = (request["start"] - begin).to_numpy(), request["duration"].to_numpy()
        colours = [LINES[owners.index(owner) % len(LINES)] for owner in request["component"]]
        places = -np.arange(len(request))
        axis.barh(places, length, left=left, color=colours, height=0.6)
        named = zip(request["component"], request["operation"], strict=True)
        axis.set_yticks(places, [plain(f"{owner}: {operation}") for owner, operation in named])
        axis.set_xlabel("seconds since the request began")
        return Picture(figure, f"a request of {len(request)} spans through {', '.join(map(plain, owners))}")


def accuracy(rows: Sequence[Mapping[str, Any]], guessing: float) -> Picture:
    """AC@1 with its interval for each row of `methods.evaluation.report.summary`, beside guessing."""
    ordered = sorted(rows, key=lambda row: (row["ac@1"], row["avg@5"]))
    with sheet(9.5, 1.0 + 0.27 * len(ordered)) as (figure, (axis,)):
        for place, row in enumerate(ordered):
            low, high = row["ci"]["ac@1"]
            axis.plot((low, high), (place, place), color=FAINT, linewidth=3)
            axis.plot(row["ac@1"], place, "o", color=BLUE)
        axis.axvline(guessing, color=VERMILION, linestyle="--", label=f"guessing, {number(guessing)}")
        axis.set_yticks(range(len(ordered)), [row["method"] for row in ordered])
        axis.set_xlim(-0.02, 1.02)
        axis.set_xlabel("AC@1: share of incidents with the faulty component first (bar: 95 % bootstrap interval)")
        axis.legend(loc="lower right")
        values = ", ".join(f"{row['method']} {number(row['ac@1'])}" for row in reversed(ordered))
        return Picture(figure, f"AC@1 beside guessing: {values}")


def processed(runs: Sequence[Mapping[str, Any]]) -> Picture:
    """Processed requests over time, a chart for each rate and a line for each number of replicas.

    Args:
        runs: of `rca-tui smoke --json`.
    """
    rates = sorted({run["rate"] for run in runs})
    with sheet(9.5, 1.0 + 2.2 * len(rates), len(rates), 1) as (figure, axes):
        for axis, rate in zip(axes, rates, strict=True):
            some = [run for run in runs if run["rate"] == rate]
            longest = max(run["seconds"] for run in some)
            axis.plot((0, longest), (0, rate * longest), color=FAINT, linestyle=":", label="sent")
            for i, run in enumerate(sorted(some, key=lambda run: run["replicas"])):
                color, dashes = LINES[i % len(LINES)], DASHES[i % len(DASHES)]
                axis.plot(run["processed"], label=f"{run['replicas']} replicas", color=color, linestyle=dashes)
            axis.set_title(f"{rate:g} requests/s")
            axis.legend(loc="upper left", ncols=3)
        axes[-1].set_xlabel("seconds")
        told = "; ".join(f"{r['replicas']} at {r['rate']:g}/s: {number(r['throughput'])}/s" for r in runs)
        return Picture(figure, f"processed requests over time by replicas and rate: {told}")


def matrix(
    values: Sequence[Sequence[float]], names: Sequence[str], label: str, columns: Sequence[str] | None = None
) -> Picture:
    """A heat map of numbers from 0 to 1, dark for 1.

    Args:
        names: one for each row, and for each column without `columns`.
        label: of the colour scale. One hue, so that no two colours have to be distinguished.
    """
    columns = names if columns is None else columns
    wide, high = (max(4.0, 0.36 * len(side) + 2.0) for side in (columns, names))
    with sheet(wide + 1.0, high) as (figure, (axis,)):
        # Not square cells: the layout would cut off long names, since it could not stretch the cells.
        image = axis.imshow(np.asarray(values), cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
        axis.grid(False)
        axis.set_xticks(range(len(columns)), columns, rotation=90)
        axis.set_yticks(range(len(names)), names)
        figure.colorbar(image, ax=axis, label=label)
        return Picture(figure, label)


def _bars(axis: Axes, listed: Sequence[ComponentScore]) -> None:
    colours = [BLUE if c.rank == 1 else FAINT for c in listed]
    axis.barh(range(len(listed)), [c.score for c in listed], color=colours)
    axis.set_yticks(range(len(listed)), [f"{c.rank}  {plain(c.component)}" for c in listed])
    axis.set_xlabel("score, on the method's own scale")
    axis.grid(axis="y", visible=False)


def _line(axis: Axes, incident: Incident, key: Key, colour: str, dash: Any = "-", label: str = "") -> None:
    series = incident.telemetry.series(*key)
    unit = incident.telemetry.units.get(key[1], "")
    times = series.index.to_numpy() - incident.window.start
    axis.plot(times, series.to_numpy() / _scale(incident, key[1]), color=colour, linestyle=dash, label=label or None)
    axis.set_ylabel(_UNITS.get(unit, unit) or "share or count")


def _scale(incident: Incident, signal: str) -> float:
    return _SCALE.get(incident.telemetry.units.get(signal, ""), 1.0)


def _onset(axis: Axes, incident: Incident) -> None:
    if incident.onset is None:
        return
    at = incident.onset.time - incident.window.start
    axis.axvline(at, color=ORANGE, linewidth=1.5)
    axis.annotate(
        f" onset ({incident.onset.source})", (at, 1.0), xycoords=("data", "axes fraction"), va="top", fontsize="small"
    )
