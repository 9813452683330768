"""The steps that explain a ranking by peers, in the units of the signals."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from cluster.incident.model import Incident
from cluster.text.quantities import TIME, percent, quantity
from cluster.text.times import clock_time, duration
from methods.answer.types import Cell, EdgePointer, Explanation, Pointer, SeriesPointer, Step, Table
from methods.peers.account import SMALL, Account, Measured, account_of, unit
from methods.peers.evidence import Evidence
from methods.peers.families import BEYOND, LINK, OF_CALLS, OF_REQUESTS, family_of, measurable
from methods.peers.hypotheses import NOBODY, Hypothesis, Posterior

NAMED = 3
LISTED = 12
CALLS = "what its callers measure of their calls to it"
CONNECTION = "the time to open a connection to it"
HYPOTHESES = 6


def explain(incident: Incident, evidence: Evidence, posterior: Posterior, order: Sequence[str]) -> Explanation:
    """`order` holds the ranked components, the most probable first."""
    first = order[0]
    at = posterior.stretch[frozenset({first})]
    account = account_of(incident, evidence, first, at)
    missing = missing_of(incident, evidence, account)
    steps = (
        _verdict(posterior, order),
        _stretch(account),
        _contrast(incident, account),
        _beyond(evidence, account, at),
        _flow(evidence, account, at),
        _not_measured(first, missing),
    )
    caveats = []
    if posterior.best == NOBODY:
        caveats.append(
            f"Nobody is most probably at fault ({percent(posterior.nobody)}): the order below is of suspects "
            "that the telemetry hardly supports."
        )
        if unknown := unmeasured(evidence, order):
            caveats.append(f"Not measured, and it might tell: {', '.join(unknown)}.")
    return Explanation(tuple(step for step in steps if step), tuple(caveats))


def name(hypothesis: Hypothesis) -> str:
    return " and ".join(sorted(hypothesis)) or "nobody"


def _verdict(posterior: Posterior, order: Sequence[str]) -> Step:
    likely = posterior.likely[:HYPOTHESES]
    best = likely[0]
    share = percent(posterior.probability[best])
    if best == NOBODY:
        first = percent(posterior.of(order[0]))
        claim = f"Nobody is at fault with {share}: no component changes beyond its control. {order[0]} has {first}."
    else:
        verb = "are" if len(best) > 1 else "is"
        rest = f"{name(likely[1])} with {percent(posterior.probability[likely[1]])}"
        claim = f"{name(best)} {verb} at fault with a probability of {share}, {rest}."
    rows: list[tuple[Cell, ...]] = [(name(h), float(f"{posterior.probability[h]:.6g}")) for h in likely]
    several = sum(p for h, p in posterior.probability.items() if len(h) > 1)
    numbers = {"nobody": posterior.nobody, "several": several, "first": posterior.of(order[0])}
    return Step("Who is at fault", claim, numbers, table=Table(("at fault", "probability"), tuple(rows)))


def _stretch(account: Account) -> Step:
    component, peers = account.component, account.peers
    control = "its own past, less what the load does" if not peers else _listed(peers)
    lasts = duration(account.end - account.start)
    if account.older:
        compared = f"It differs most in the first {lasts}: nothing lies before, so what its peers have is the baseline."
    else:
        compared = f"It differs most from {clock_time(account.start)} on, over {lasts}; all before is the baseline."
    claim = f"{component} is compared with {control}. {compared}"
    return Step(
        "Control group and stretch",
        claim,
        {"start": account.start, "end": account.end, "peers": float(len(peers))},
        units={"start": TIME, "end": TIME},
        pointers=tuple(row.pointer for row in account.rows[:1]),
    )


def _contrast(incident: Incident, account: Account) -> Step:
    rows = account.rows[:LISTED]
    telling = [row for row in rows if row.evidence > 0 and row.harmful and abs(row.change) > SMALL][:NAMED]
    told = telling or list(rows[:1])
    said = ", ".join(_phrase(incident, row) for row in told) or "nothing was measured of it"
    others = "" if account.older else _peers_phrase(incident, account, told)
    since = "from the first sample on" if account.older else f"since {clock_time(account.start)}"
    claim = f"{account.component}: {said} {since}{others}."
    cells: list[tuple[Cell, ...]] = [
        (
            row.signal,
            row.caller or "itself",
            None if row.older else row.before,
            row.inside,
            row.peers[0] if row.peers and not row.older else None,
            row.peers[1] if row.peers else None,
            float(f"{row.evidence:.6g}"),
        )
        for row in rows
    ]
    units = tuple(unit(incident, row.signal) for row in rows)
    levels = {"before": rows[0].before, "in the stretch": rows[0].inside} if rows else {}
    columns = ("signal", "measured by", "before", "in the stretch", "peers before", "peers in it", "log evidence")
    return Step(
        f"Contrast of {account.component}",
        claim,
        {"signals": float(len(account.rows))},
        levels,
        Table(columns, tuple(cells), dict.fromkeys(columns[2:6], units)),
        pointers=tuple(row.pointer for row in (*told, *(row for row in rows if row not in told))[:NAMED]),
        units=dict.fromkeys(levels, units[0] if units else ""),
    )


def _phrase(incident: Incident, row: Measured) -> str:
    measure = unit(incident, row.signal)
    of = f" measured by {row.caller}" if row.caller else ""
    before, inside = quantity(row.before, measure), quantity(row.inside, measure)
    return (
        f"{row.signal}{of} {inside} against {before} of its peers"
        if row.older
        else f"{row.signal}{of} {before} → {inside}"
    )


def _peers_phrase(incident: Incident, account: Account, told: Sequence[Measured]) -> str:
    compared = [row for row in told if row.peers]
    if not compared:
        return ""
    moved = [
        row for row in compared if row.peers and abs(row.peers[1] - row.peers[0]) > SMALL * max(map(abs, row.peers))
    ]
    who = account.peers[0] if len(account.peers) == 1 else "peers"
    if not moved:
        return f"; {who} unchanged"
    parts = []
    for row in moved:
        before, inside = row.peers or (0.0, 0.0)
        measure = unit(incident, row.signal)
        parts.append(f"{row.signal} {quantity(before, measure)} → {quantity(inside, measure)}")
    return f"; {who}: {', '.join(parts)}"


def _flow(evidence: Evidence, account: Account, at: int) -> Step | None:
    """Requests of the group that the first component sends requests to, or else stands in."""
    first, means = account.component, account.means
    sent_to = next((g for g in evidence.groups if first in g.callers and len(g.members) > 1), None)
    group = sent_to or evidence.group(first)
    rows: list[tuple[str, float, float, Pointer]] = []
    for member in group.members:
        keys = [(caller, member, "request_rate") for caller in sorted(group.callers)] + [(member, "request_rate")]
        known = next((key for key in keys if all(map(math.isfinite, means.of(*key)))), None)
        if known is not None:
            span = account.start, account.end
            pointer: Pointer = EdgePointer(*known, *span) if len(known) == 3 else SeriesPointer(*known, *span)
            rows.append((member, *means.of(*known), pointer))
    if len(rows) < 2:
        return None
    rows.sort(key=lambda row: (-abs(row[2] - row[1]), row[0]))
    before, inside = sum(row[1] for row in rows), sum(row[2] for row in rows)
    most, had, got, where = rows[0]
    if account.older:
        beside = f"{most} {quantity(got, '1/s')}, where its peers had {quantity(had, '1/s')}"
        claim = f"{len(rows)} components together got {quantity(inside, '1/s')} requests, of which {beside}."
    else:
        claim = (
            f"{len(rows)} components together got {quantity(before, '1/s')} → {quantity(inside, '1/s')} requests, of "
            f"which {most} {quantity(had, '1/s')} → {quantity(got, '1/s')}."
        )
    own = sum(float(factor[at]) for factor in evidence.families[first].values())
    if sent_to and first in evidence.routed and evidence.routed[first][at] > max(own, 0.0):
        claim += f" One of them suffers and got more than the others: {first} decides that."
    cells: list[tuple[Cell, ...]] = [row[:3] for row in rows[:LISTED]]
    columns = ("component", "before", "in the stretch")
    return Step(
        "Flow of requests",
        claim,
        {"before": before, "in the stretch": inside},
        table=Table(columns, tuple(cells), dict.fromkeys(columns[1:], "1/s")),
        pointers=(where,),
        units={"before": "1/s", "in the stretch": "1/s"},
    )


def _beyond(evidence: Evidence, account: Account, at: int) -> Step | None:
    """The calls of the first component, less what its callees say of themselves; None where that is no evidence."""
    first, means = account.component, account.means
    if not any(family.startswith(BEYOND) and f[at] > 0 for family, f in evidence.families[first].items()):
        return None
    rows: list[tuple[Cell, ...]] = []
    beyond: list[tuple[float, float]] = []
    for member in (member for group in evidence.groups if group.caller == first for member in group.members):
        call, own = means.of(first, member, "latency_p90"), means.of(member, "latency_p90")
        connect = means.of(first, member, "connect_time_p90")
        longer = 0.0 if account.older else call[0] - own[0], call[1] - own[1]
        shown = longer if all(map(math.isfinite, longer)) else connect
        if all(map(math.isfinite, shown)):
            beyond.append(shown)
            rows.append((member, *(value if math.isfinite(value) else None for value in (*longer, *connect))))
    if not rows:
        return None
    before, inside = (statistics.median(pair[side] for pair in beyond) for side in (0, 1))
    columns = ("callee", "beyond before", "beyond in the stretch", "connect before", "connect in the stretch")
    return Step(
        "Calls beyond the callees",
        f"The calls of {first} take longer than its {len(rows)} callees say themselves, by {quantity(before, 's')} → "
        f"{quantity(inside, 's')} in the median (90th percentiles).",
        {"before": before, "in the stretch": inside},
        table=Table(columns, tuple(rows[:LISTED]), dict.fromkeys(columns[1:], "s")),
        units={"before": "s", "in the stretch": "s"},
    )


def missing_of(incident: Incident, evidence: Evidence, account: Account) -> tuple[str, ...]:
    """What was not measured of the component and would count."""
    has = {family_of(key[-1], len(key) == 3) for key in account.means.keys if key[-2] == account.component}
    missing = sorted(measurable(incident.topology.component(account.component).kind) - has)
    if evidence.group(account.component).callers:
        if not any(family.startswith(OF_CALLS) for family in has):
            missing.append(CALLS)
        if LINK not in has:
            missing.append(CONNECTION)
    return tuple(missing)


def unmeasured(evidence: Evidence, order: Sequence[str]) -> tuple[str, ...]:
    """What was measured of no component that is called; trouble that only shows there looks like nobody's."""
    called = {component for component in order if evidence.group(component).callers}
    has = {family for component in called for family in evidence.families[component]}
    unknown = [] if any(family.startswith(OF_CALLS) for family in has) else ["what callers measure of their calls"]
    if LINK not in has:
        unknown.append("the time to open a connection")
    if has.isdisjoint(OF_REQUESTS):
        unknown.append("what callees say of their own requests")
    return tuple(unknown) if called else ()


def _not_measured(first: str, missing: Sequence[str]) -> Step:
    if missing:
        claim = f"Of {first} this was not measured, and would have told: {', '.join(missing)}."
    else:
        claim = f"Of {first} all that the method can use was measured."
    return Step("What is not measured", claim, {"missing": float(len(missing))})


def _listed(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most} more"
