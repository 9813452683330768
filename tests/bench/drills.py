"""What the shipped drills did: `python -m tests.bench.drills` writes docs/measured/drills.md anew.

One row for each fault and target, from the sealed truths and the recorded telemetry: whether the effects that the fault
should show are there, and the medians of what users feel. No row says which drill it is of.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from cluster.incident import library
from cluster.incident.model import Incident
from cluster.incident.truth import NO_FAULT, Truth
from cluster.window import Window
from faults import catalog, effects
from faults.effects import Landing, Measured, Periods
from faults.types import Effect, Role
from tests.bench.tables import REPOSITORY, markdown

DOCUMENT = REPOSITORY / "docs" / "measured" / "drills.md"
_COLUMNS = (
    "fault",
    "target → to blame",
    "drills",
    "landed",
    "gateway p90, s: before → during → after",
    "requests that fail: before → during → after",
    "expected at its place: before → during → after",
)
_INTRODUCTION = """# The shipped drills

Written by `python -m tests.bench.drills`: {count} drills with a fault, {kinds}, {least:.0f} to {most:.0f} s long,
recorded on two cores with `python -m faults.record`, one after the other. Medians over each period of a drill, the
first quarter of the fault left out of "during", then the median over drills. Landed: every effect that the fault
should show is there. Weak: beyond what was seen before, but less than asked for, or not all of them. A request that
has not ended has no latency: where requests hang, the gateway's p90 is that of the others. Units are those of
`cluster/signals.py`.
"""


@dataclass(frozen=True, slots=True)
class Drill:
    """One recorded drill, measured."""

    truth: Truth
    landing: Landing
    sli: tuple[Measured, ...]
    expected: tuple[Measured, ...]


def main() -> None:
    listed = [listing for listing in library.listings() if listing.shipped]
    groups: dict[tuple[str, str], list[Drill]] = defaultdict(list)
    seconds = []
    for listing in listed:
        incident, truth = library.load_with_truth(listing.name)
        if truth.fault == NO_FAULT:
            continue
        groups[truth.fault, truth.target or truth.components[0]].append(_measured(incident, truth))
        seconds.append(incident.window.seconds)
    rows = [_row(fault, target, drills) for (fault, target), drills in sorted(groups.items())]
    number = len({fault for fault, _ in groups})
    kinds = f"{number} kinds of fault" if number > 1 else "one kind of fault"
    head = _INTRODUCTION.format(count=len(seconds), kinds=kinds, least=min(seconds), most=max(seconds))
    DOCUMENT.write_text("\n".join([head, *markdown(_COLUMNS, rows)]) + "\n")


def _measured(incident: Incident, truth: Truth) -> Drill:
    window = incident.window
    end = window.end if truth.reverted_at is None else truth.reverted_at
    periods = Periods(Window(window.start, truth.injected_at), Window(truth.injected_at, end), Window(end, window.end))
    target = truth.target or truth.components[0]

    def look(pairs: Iterable[tuple[str, Effect]]) -> tuple[Measured, ...]:
        return effects.look_in(incident.telemetry, incident.topology, pairs, periods)

    expected = look(catalog.load(truth.fault).expected(target, truth.parameters))
    return Drill(truth, effects.overall(expected), look((target, effect) for effect in effects.SLI), expected)


def _row(fault: str, target: str, drills: Sequence[Drill]) -> list[str]:
    blamed = ", ".join(drills[0].truth.components) or "nobody"
    landings = Counter(drill.landing for drill in drills)
    latency, errors = (_medians(drill.sli[i] for drill in drills) for i in range(len(effects.SLI)))
    return [
        f"`{fault}`",
        f"{target} → {blamed}",
        str(len(drills)),
        ", ".join(f"{landing} {count}" for landing, count in sorted(landings.items())),
        _arrows(latency),
        _arrows(errors, percent=True),
        "; ".join(_at_its_place(drills)),
    ]


def _at_its_place(drills: Sequence[Drill]) -> Iterator[str]:
    for each in zip(*(drill.expected for drill in drills), strict=True):
        first = each[0]
        if first.role is not Role.FRONT_DOOR:
            where = f"{first.source} → {first.component}" if first.source else first.component
            yield f"{where} {first.signal} {_arrows(_medians(each))}"


def _medians(measured: Iterable[Measured]) -> tuple[float | None, ...]:
    rows = [(one.before, one.during, one.after) for one in measured]
    return tuple(
        median(known) if (known := [value for value in column if value is not None]) else None
        for column in zip(*rows, strict=True)
    )


def _arrows(values: Iterable[float | None], *, percent: bool = False) -> str:
    return " → ".join("–" if v is None else f"{v:.0%}" if percent else f"{v:.3g}" for v in values)


if __name__ == "__main__":
    main()
