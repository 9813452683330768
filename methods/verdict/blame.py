"""One component that is named: when its trouble began, which signals tell of it, and of what kind it is."""

from __future__ import annotations

import dataclasses
import math
import statistics
from dataclasses import dataclass

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import quantity
from cluster.text.times import clock_time
from methods.answer.caveats import silent_since
from methods.answer.types import EdgePointer
from methods.peers.account import SMALL, Account, Means, Measured, account_of, means_around, unit
from methods.peers.evidence import Evidence as Evidences
from methods.peers.families import family_of
from methods.peers.judgement import Judgement
from methods.verdict.normal import began, departures
from methods.verdict.phrases import change, moved, of_peers, words
from methods.verdict.trouble import SHOWS_IN, Footprint, footprint, kind_of
from methods.verdict.types import Evidence, Trouble

SHOWN = 3
"""Signals in a headline."""
PEAK = 0.5
"""Share of the strongest evidence from which on another peak of it tells of the same trouble."""
OLD = 3.0
"""Log evidence from which on the start of the recording shows trouble."""
SPARED = 0.1
"""Share of what the slowest call waits longer, up to which another one is not slower."""
LONGEST, SHORTEST = 40.0, 10.0
"""Seconds from the onset on that a footprint is taken from: later the trouble changes what it shows."""


@dataclass(frozen=True, eq=False)
class Blame:
    """Attributes:
    account: its signals, and its peers', before and in the stretch that shows its trouble best.
    onset: unix seconds at which its trouble begins; of trouble that is older, the first sample.
    print: what its signals did in the first seconds.
    overfull: the callee that it sends more than its share, where that is what it is blamed for.
    """

    account: Account
    onset: float
    print: Footprint
    kind: Trouble
    overfull: str | None

    @property
    def component(self) -> str:
        return self.account.component

    @property
    def older(self) -> bool:
        """Whether its trouble was there before the recording began."""
        return self.account.older

    @property
    def since(self) -> str:
        """When its trouble began, as the end of a phrase."""
        return "from the first sample on" if self.older else f"since {clock_time(self.onset)}"

    @property
    def telling(self) -> tuple[Measured, ...]:
        """The signals that tell of trouble: first the strongest of each family, then the rest."""
        told = [r for r in self.account.rows if r.evidence > 0 and r.harmful and abs(r.change) > SMALL]
        first: dict[str, Measured] = {}
        for row in told:
            first.setdefault(family_of(row.signal, bool(row.caller)), row)
        return (*first.values(), *(row for row in told if row not in first.values()))


def blame(incident: Incident, judged: Judgement, component: str) -> Blame:
    at = first_sight(judged.evidence, component, judged.posterior.stretch[frozenset({component})])
    account = account_of(incident, judged.evidence, component, at)
    onset = account.start if account.older else _onset(incident, judged.evidence, account, at)
    end = max(onset + SHORTEST, min(account.end, onset + LONGEST))
    means = means_around(incident, judged.evidence, component, onset, end, account.older)
    ending = means_around(incident, judged.evidence, component, (onset + end) / 2, end, account.older)
    print_ = footprint(incident.topology, component, means, account.peers, ending)
    own = sum(float(factor[at]) for factor in judged.evidence.families[component].values())
    routed = judged.evidence.routed.get(component)
    overfull = _overfull(print_) if routed is not None and routed[at] > max(own, 0.0) else None
    account = dataclasses.replace(account, rows=tuple(_since(row, account, print_.means) for row in account.rows))
    return Blame(account, onset, print_, kind_of(print_, routed=overfull is not None), overfull)


def first_sight(evidence: Evidences, component: str, at: int) -> int:
    """The stretch at the start of the recording, where that shows the trouble already; else `at`, which shows it best.

    The end of old trouble can be a larger change than the trouble was.
    """
    among, total = evidence.among, evidence.total[component]
    start = int(np.flatnonzero(among.older)[0])
    later = among.first[at] >= among.length[start]
    return start if later and total[start] >= max(PEAK * total[at], OLD) else at


def _onset(incident: Incident, evidence: Evidences, account: Account, at: int) -> float:
    name = account.component
    keys = [(row.caller, name, row.signal) if row.caller else (name, row.signal) for row in account.rows]
    start = first_peak(evidence, name, at)
    left = began(departures(incident, keys, start, account.end))
    return start if left is None else left


def first_peak(evidence: Evidences, component: str, at: int) -> float:
    """Unix seconds at which the earliest stretch begins that tells of the same trouble; that at `at` tells most of it.

    Trouble can show twice: what stands still is silent first, and its requests are late when they end. Between two such
    peaks of the evidence it is less. A stretch belongs to the same trouble where it reaches into the one after it.
    """
    among, total = evidence.among, evidence.total[component]
    length = int(among.length[at])
    alike = np.flatnonzero((among.length == length) & (among.first > 0))
    starts, weights = among.first[alike], total[alike]
    first = int(among.first[at])
    for i in np.flatnonzero(starts < first)[::-1]:
        near = np.abs(starts - starts[i]) <= max(1, length // 4)
        peak = weights[i] >= max(weights[near].max(), PEAK * total[at])
        if peak and starts[i] + length > first:
            first = int(starts[i])
    return float(evidence.blocks.edges[first])


def _since(row: Measured, account: Account, means: Means) -> Measured:
    """The row with the levels before the onset: those before the stretch may hold some of the trouble."""

    def before(component: str) -> tuple[str, ...]:
        return (row.caller, component, row.signal) if row.caller else (component, row.signal)

    own = means.of(*before(account.component))[0]
    shared = means.median([before(peer) for peer in account.peers])
    peers = (shared[0], row.peers[1]) if row.peers and shared else row.peers
    return dataclasses.replace(row, before=own if math.isfinite(own) else row.before, peers=peers)


def supporting(incident: Incident, blamed: Blame) -> tuple[Evidence, ...]:
    """A sentence for each signal that tells of the trouble; of a caller, what it does to those that it calls."""
    name, account = blamed.component, blamed.account
    if blamed.overfull is not None:
        return _routing(incident, blamed, blamed.overfull)
    told = []
    for row in blamed.telling:
        peers = of_peers(incident, account, (row,))
        told.append(Evidence(f"{name}: {moved(incident, row)}{'; ' if peers else ''}{peers}.", row.pointer))
    if gone := _gone(incident, blamed):
        told.append(Evidence(f"{name}: {gone}. It is down, or only unobserved."))
    return (*_calls(blamed), *told)


def phrase(incident: Incident, blamed: Blame, most: int = SHOWN) -> str:
    """What the component's signals did, since when, and its peers: the middle of a headline."""
    if blamed.overfull is not None:
        return f"{_share(incident, blamed, blamed.overfull)} {blamed.since}"
    rows = _shown(blamed, most)
    said = ", ".join(moved(incident, row) for row in rows)
    if calls := _longer(blamed):
        said = f"its calls take {calls} longer than the callees say{', ' if said else ''}{said}"
    if not said and (gone := _gone(incident, blamed)):
        return gone
    peers = of_peers(incident, blamed.account, rows)
    return f"{said or 'no signal of its own tells of it'} {blamed.since}{', ' if peers else ''}{peers}"


def _gone(incident: Incident, blamed: Blame) -> str:
    """That nothing is measured of the component any more, and since when; empty where something is."""
    if blamed.component in incident.provenance.unreached - set(incident.telemetry.metrics.columns.get_level_values(0)):
        return "it answers no scrape in the whole window" + ("; its peers do" if blamed.account.peers else "")
    if (since := silent_since(incident).get(blamed.component)) is not None:
        return f"none of its signals has a value since {clock_time(since)}" + (
            "; its peers still have" if blamed.account.peers else ""
        )
    return ""


def _shown(blamed: Blame, most: int) -> tuple[Measured, ...]:
    """The strongest signals, of which one shows the kind of trouble where any does."""
    told, shows = blamed.telling, SHOWS_IN.get(blamed.kind, ())
    mark = next((row for row in told if row.signal in shows), None)
    rows = told[:most]
    return rows if mark is None or mark in rows else (*rows[: most - 1], mark)


def _overfull(print_: Footprint) -> str | None:
    """The callee whose requests grew most, as the component counts them or as the callee does."""

    def growth(callee: str) -> float:
        for key in ((print_.component, callee, "request_rate"), (callee, "request_rate")):
            before, inside = print_.means.of(*key)
            if math.isfinite(before) and math.isfinite(inside):
                return inside - before
        return -math.inf

    return max(print_.callees, key=lambda callee: (growth(callee), callee), default=None)


def _share(incident: Incident, blamed: Blame, callee: str) -> str:
    name, means = blamed.component, blamed.print.means
    others = [c for c in blamed.print.callees if c != callee]
    own = means.of(name, callee, "request_rate")
    edges = all(map(math.isfinite, own))
    own = own if edges else means.of(callee, "request_rate")
    rest = means.median([(name, c, "request_rate") if edges else (c, "request_rate") for c in others])
    told = f"requests to {callee} {change(*own, '1/s', blamed.older)}"
    if rest is not None and not blamed.older:
        told += f", to the others {change(*rest, '1/s')}"
    late = means.of(name, callee, "latency_p90")
    if all(map(math.isfinite, late)):
        told += f", {words('latency_p90')} there {change(*late, unit(incident, 'latency_p90'), blamed.older)}"
    return told


def _routing(incident: Incident, blamed: Blame, callee: str) -> tuple[Evidence, ...]:
    name, account = blamed.component, blamed.account
    pointer = EdgePointer(name, callee, "request_rate", blamed.onset, max(account.end, blamed.onset))
    found = [Evidence(f"{name}: {_share(incident, blamed, callee)}.", pointer)]
    for signal in ("queue_length", "latency_p90"):
        pair = blamed.print.means.of(callee, signal)
        if all(map(math.isfinite, pair)) and pair[1] > pair[0] * (1 + SMALL):
            measure = unit(incident, signal)
            found.append(Evidence(f"{callee} suffers from it: {words(signal)} {change(*pair, measure, blamed.older)}."))
    return tuple(found)


def _longer(blamed: Blame) -> str:
    """How much longer the calls of a component take than its callees say, before and after; empty where no more."""
    pairs = _gaps(blamed).values()
    if not blamed.print.relays or not pairs:
        return ""
    before, inside = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    if inside <= max(before, 0.0) * (1 + SMALL):
        return ""
    return quantity(inside, "s") if blamed.older else change(max(before, 0.0), inside, "s")


def _gaps(blamed: Blame) -> dict[str, tuple[float, float]]:
    """By how many seconds the calls to each callee take longer than the callee says, before and after."""
    means, found = blamed.print.means, {}
    for callee in blamed.print.callees:
        call, own = means.of(blamed.component, callee, "latency_p90"), means.of(callee, "latency_p90")
        if all(map(math.isfinite, (*call, *own))):
            found[callee] = (0.0 if blamed.older else call[0] - own[0], call[1] - own[1])
    return found


def spared(blamed: Blame) -> tuple[list[str], list[str]]:
    """Callees to which the calls of a slow caller take no longer, and those to which they do; empty without both."""
    grown = {callee: inside - before for callee, (before, inside) in _gaps(blamed).items()}
    most = max(grown.values(), default=0.0)
    if blamed.overfull is not None or not _longer(blamed) or most <= 0:
        return [], []
    left = [callee for callee, seconds in grown.items() if seconds <= SPARED * most]
    return (left, [callee for callee in grown if callee not in left]) if left else ([], [])


def _calls(blamed: Blame) -> tuple[Evidence, ...]:
    longer, name = _longer(blamed), blamed.component
    if not longer:
        return ()
    first = next(c for c in blamed.print.callees)
    pointer = EdgePointer(name, first, "latency_p90", blamed.onset, max(blamed.account.end, blamed.onset))
    sentence = f"{name}: its calls take {longer} longer than the callees say, in the median of them (latency p90)."
    return (Evidence(sentence, pointer),)
