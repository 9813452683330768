"""What speaks against an answer, what is not known, and what to look at next."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice
from statistics import median

from cluster.incident.model import Incident
from cluster.text.plain import plain
from cluster.text.quantities import percent, quantity
from cluster.text.times import clock_time, duration
from cluster.topology import Kind
from methods.answer.types import EdgePointer, SeriesPointer
from methods.answer.wording import counted
from methods.peers.account import unit
from methods.peers.explanation import missing_of
from methods.peers.families import family_of
from methods.peers.judgement import Judgement
from methods.telemetry.happenings import Happening, of_events, of_logs, of_metrics
from methods.verdict.blame import Blame, spared
from methods.verdict.normal import LEAST, keys_of
from methods.verdict.path import Stretch, early
from methods.verdict.phrases import change, listed, words
from methods.verdict.trouble import SHOWS_IN, against
from methods.verdict.types import Evidence, Hop, Trouble

NOTABLE = 0.05
"""Probability from which another component is mentioned."""
SLOWER = 3.0
"""Times the latency of its peers from which an engine that is always slower is told: those of one model differ less."""
FEW_SECONDS = 30.0
"""A baseline before the onset that is shorter says little."""
HAPPENINGS, HAPPENING = 3, 160
"""How many crashes, restarts and silences are told where nobody is named, and characters of each."""
LINE = 120
"""Characters of a log line that are quoted."""
READ = 20_000
"""Characters at the start and at the end of a message that are read for its excerpt."""
_SPEED = "latency_p90"
_TRACEBACK = "Traceback (most recent call last)"
_BRACKETS = " \t()[]',\""
_SEVERE = frozenset({"ERROR", "CRITICAL", "FATAL", "WARNING", "WARN"})


def misfits(incident: Incident, blamed: Blame) -> tuple[Evidence, ...]:
    """Signals of a named component that do not fit the kind of trouble, and calls that a slow caller does not delay."""
    name, found = blamed.component, []
    left, late = spared(blamed)
    if left:
        told = f"The calls of {name} to {listed(left)} take no longer: it may be {listed(late)}, or the way there."
        found.append(Evidence(told))
    if blamed.kind is Trouble.CPU and blamed.print.engine and blamed.print.hardly_completes:
        told = f"{name} hardly completes a request: its engine may have stopped, though it still takes CPU."
        found.append(Evidence(told))
    # How far from its peers a component stands in what a machine takes says little.
    for signal, should in () if blamed.older else against(blamed.print, blamed.kind):
        pair = blamed.print.means.of(name, signal)
        told = f"{name}: {words(signal)} {change(*pair, unit(incident, signal))}"
        found.append(Evidence(f"{told} does not fit {blamed.kind}, in which it would {should}."))
    return tuple(found)


def rivals(judged: Judgement, named: Sequence[str]) -> tuple[Evidence, ...]:
    """Other answers that are not improbable."""
    left = [f"{c} ({percent(p)})" for c in judged.order if c not in named and (p := judged.scores[c]) >= NOTABLE]
    found = [f"It could also be {listed(left)}."] if left else []
    if named and judged.posterior.nobody >= NOTABLE:
        found.append(f"Nobody may be at fault ({percent(judged.posterior.nobody)}).")
    return tuple(map(Evidence, found))


def out_of_order(incident: Incident, causes: Mapping[str, Stretch]) -> tuple[Evidence, ...]:
    """Callers that suffered before the cause did."""
    return tuple(
        Evidence(
            f"{caller} left its normal at {clock_time(at)}, {duration(causes[cause].start - at)} before {cause} did: "
            "the trouble may be older, or come from elsewhere."
        )
        for caller, cause, at in early(incident, causes)
    )


def older(incident: Incident, judged: Judgement, until: float, named: Sequence[str] = ()) -> tuple[Evidence, ...]:
    """A component that is slower than its peers most of the time up to `until`: only a change counts as trouble."""
    if until - incident.window.start < FEW_SECONDS:
        return ()
    found = []
    for group in judged.evidence.groups:
        for caller in (None, *sorted(group.callers)):
            levels = _levels(incident, caller, group.members, until)
            member = max(levels.keys() - set(named), key=lambda one: (levels[one], one), default="")
            usual = median([levels[other] for other in levels if other != member] or [0.0])
            if usual > 0 and member and levels[member] >= SLOWER * usual:
                found.append((levels[member] / usual, member, levels[member], usual, caller))
    if not found:
        return ()
    _, member, level, usual, caller = max(found, key=lambda each: (each[0], each[1]))
    measure = unit(incident, _SPEED)
    told = f"{words(_SPEED)} {quantity(level, measure)}{f' as {caller} measures it' if caller else ''}"
    when = "in most of the recording" if until >= incident.window.end else "already before the onset"
    told = f"{member} is slower than its peers {when}: {told}, theirs {quantity(usual, measure)}"
    start = incident.window.start
    pointer = (
        EdgePointer(caller, member, _SPEED, start, until) if caller else SeriesPointer(member, _SPEED, start, until)
    )
    return (Evidence(f"{told}. That is usual for it, or the trouble is older than the recording.", pointer),)


def _levels(incident: Incident, caller: str | None, members: Sequence[str], until: float) -> dict[str, float]:
    """Median latency of each member up to `until`, as it says itself, or a caller does; only measured ones."""
    frame = incident.telemetry.metrics if caller is None else incident.telemetry.edge_metrics
    keys = {m: (m, _SPEED) if caller is None else (caller, m, _SPEED) for m in members}
    measured = {m: key for m, key in keys.items() if key in frame.columns}
    medians = frame.loc[frame.index < until, list(measured.values())].median()
    return {m: level for m, level in zip(measured, medians.tolist(), strict=True) if math.isfinite(level)}


def not_known(incident: Incident, judged: Judgement, blames: Sequence[Blame], path: Sequence[Hop]) -> tuple[str, ...]:
    """What was not measured and would matter, a sentence each."""
    found = []
    for blamed in blames:
        if missing := missing_of(incident, judged.evidence, blamed.account):
            found.append(f"Of {blamed.component} this was not measured: {', '.join(missing)}.")
        if blamed.kind is Trouble.UNKNOWN:
            found.append(f"The kind of trouble of {blamed.component}: no footprint fits what was measured.")
        if blamed.older:
            found.append(
                f"When it began: {blamed.component} stood apart from its peers at the first sample already. What is "
                "normal for it is not recorded."
            )
        elif blamed.onset - incident.window.start < FEW_SECONDS:
            before = duration(max(0.0, blamed.onset - incident.window.start))
            found.append(f"What is normal: only {before} lie before the onset, and may hold the trouble.")
    found += _unfelt(incident, blames, path)
    found += [f"Of {whom} this was not measured, as it was of peers: {what}." for whom, what in less_measured(judged)]
    if silent := unjudged(incident, judged):
        found.append(f"Whether {listed(silent)} did anything wrong: nothing was measured there that can be compared.")
    return (*dict.fromkeys(found), *incident.notes)


def happened(incident: Incident) -> tuple[Evidence, ...]:
    """What speaks for trouble though no signal does: crashes, restarts, silences; the first of each component."""
    told = incident.telemetry
    every = (*of_metrics(told.metrics), *of_logs(told.logs), *of_events(told.events))
    first: dict[tuple[str, str], Happening] = {}
    for each in sorted((each for each in every if each.bad), key=lambda each: each.time):
        first.setdefault((each.what, each.component), each)
    return tuple(
        Evidence(f"{clock_time(each.time)}: {plain(': '.join(filter(None, (each.component, each.text))), HAPPENING)}")
        for each in islice(first.values(), HAPPENINGS)
    )


def _unfelt(incident: Incident, blames: Sequence[Blame], path: Sequence[Hop]) -> list[str]:
    late = [hop.target for hop in path if hop.at is None]
    if not late or any(blamed.older for blamed in blames):
        return []
    samples = int((incident.telemetry.metrics.index < min(blamed.onset for blamed in blames)).sum())
    why = "none of its signals left its normal"
    if samples < LEAST:
        why = f"{counted(samples, 'sample')} before the onset do not tell what is normal for it"
    return [f"Whether {target} felt it: {why}." for target in late]


def less_measured(judged: Judgement) -> tuple[tuple[str, str], ...]:
    """Components that lack what their peers have, and what; trouble that shows only there looks like nobody's."""
    has: dict[str, set[str]] = defaultdict(set)
    for component, signal in judged.evidence.blocks.own.scaled:
        has[component].add(family_of(signal, False))
    lacking: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for group in judged.evidence.groups:
        common = Counter(family for member in group.members for family in has[member])
        # What half of them or more have; one alone may have been given more than its peers.
        usual = {family for family, count in common.items() if count >= max(2, len(group.members) / 2)}
        for member in group.members:
            if missing := tuple(sorted(usual - has[member])):
                lacking[missing].append(member)
    return tuple((listed(members), ", ".join(missing)) for missing, members in sorted(lacking.items()))


def unjudged(incident: Incident, judged: Judgement) -> tuple[str, ...]:
    """Components that serve requests and of which nothing can be compared."""
    serve = {Kind.GATEWAY, Kind.HEAD, Kind.REPLICA, Kind.SERVICE}
    return tuple(c.id for c in incident.topology.components if c.kind in serve and c.id not in judged.scores)


def look_next(incident: Incident, judged: Judgement, blames: Sequence[Blame]) -> tuple[str, ...]:
    """Concrete things to look at: signals, log lines, the machine, the next suspect."""
    found = []
    for blamed in blames:
        name, since = blamed.component, clock_time(blamed.onset)
        signals = [s for s in SHOWS_IN.get(blamed.kind, ()) if _measured(incident, name, s)]
        if blamed.overfull is not None:
            found.append(f"request_rate of {name} to each of its callees from {since} on: who changed the weights?")
        elif signals:
            found.append(f"{listed(signals)} of {name} from {since} on.")
        if line := _log_line(incident, name, blamed.onset):
            found.append(line)
        for host in incident.topology.hosts(name):
            if guests := [c for c in incident.topology.ids if host in incident.topology.hosts(c) and c != name]:
                found.append(f"{host}, on which {name} runs: {listed(sorted(guests))} share it.")
    named = {blamed.component for blamed in blames}
    if second := next((c for c in judged.order if c not in named), None):
        found.append(f"{second}, the next suspect ({percent(judged.scores[second])}).")
    return tuple(found)


def _measured(incident: Incident, component: str, signal: str) -> bool:
    own = (component, signal) in incident.telemetry.metrics.columns
    return own or any(key[1:] == (component, signal) for key in keys_of(incident.telemetry.edge_metrics))


def _log_line(incident: Incident, component: str, onset: float) -> str:
    lines = incident.telemetry.logs
    severe = lines[
        (lines["component"] == component)
        & (lines["time"] >= onset)
        & lines["severity"].str.upper().isin(_SEVERE).fillna(False)
    ]
    if severe.empty:
        return ""
    count = f"{len(severe)} warnings and errors" if len(severe) > 1 else "one warning or error"
    return f"The log of {component}, {count} since {clock_time(onset)}; the first: {excerpt(severe['message'].iloc[0])}"


def excerpt(message: object) -> str:
    """A log message as one line of at most `LINE` characters; of a traceback, its first line and the exception.

    Tracebacks may come as lines, with line ends that are written out, or as the text of a Python list of such lines.
    """
    # What is beyond this is not read: a message may have megabytes, and a traceback ends with what matters.
    text = str(message)
    text = text if len(text) <= 2 * READ else f"{text[:READ]}\n{text[-READ:]}"
    lines = [line for part in text.replace("\\n", "\n").splitlines() if (line := part.strip(_BRACKETS))]
    if not lines:
        return "(empty)"
    first = plain(lines[0], LINE)
    if len(lines) == 1 or not any(line.startswith(_TRACEBACK) for line in lines):
        return first
    last = plain(lines[-1], LINE)
    return plain(last if first.startswith(_TRACEBACK) else f"{first} {last}", LINE)
