"""Which components are in trouble now, compared with what was normal for each and with what its callees explain.

    readings (`methods.telemetry.baseline`) ──▶ changes of each component ──▶ less what its callees explain ──▶ Health

A change is how far a signal is from its normal, in units of the distance that is normal: a score of 1 and above counts.
Signals of one kind (latency, waiting, errors …) measure the same trouble, so the strongest of them counts once, as
log2(1 + score) up to `MOST`. The sum over kinds is the severity. A caller waits for those that it calls: what is as
slow, failing or crowded at a callee is subtracted from the caller. What slows all calls of a caller alike is its own;
what slows one call alone belongs to the callee or the way to it. A caller that sends one callee more than its share
answers for how slow that one becomes (`methods.telemetry.routing`). What a slow caller does to its callees, or a higher
load to all (`methods.telemetry.health_demand`), is no trouble of their own. A component is in trouble when its severity
reaches `TROUBLE` and its users notice: busy CPU or more memory alone is only a change.

A component that ends no requests, while it did all the time before and others still send some, is stalled.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from cluster.topology import Topology
from methods.telemetry.baseline import Readings, last_departure, read
from methods.telemetry.health_demand import overloaded
from methods.telemetry.health_idle import NONE, STEADY, idle
from methods.telemetry.health_state import judged, last_heard, places_of
from methods.telemetry.health_types import (
    BY_LOAD,
    CHANGED,
    FROM_LOAD,
    ON_CALLS,
    RULES,
    SEEN_BY_CALLERS,
    Change,
    Health,
    Rule,
    Sort,
    State,
    Why,
)
from methods.telemetry.matrix import Floats
from methods.telemetry.outages import after_outage, outages, wait, without
from methods.telemetry.routing import Fitness, uneven

IDLE = 3.0
"""Seconds without an ended request that are a stall, at least."""
FAR = 4.0
"""What all calls of a caller share is an effect of the callee that is slower by this many times as much."""
FAILING = 0.05
"""Error ratio that is trouble whatever was normal."""
_TINY = 1e-9
_WHOLE = ("latency_p50", "latency_p90")
_REQUESTS = (*_WHOLE, "ttft_p50", "ttft_p90")
_ENDED, _FAILED, _IN_WORK = "request_rate", "error_rate", ("running_requests", "queue_length")


def look(
    topology: Topology,
    metrics: pd.DataFrame,
    edge_metrics: pd.DataFrame,
    moment: float,
    up: Mapping[str, bool] | None = None,
    replaced: Mapping[str, float] | None = None,
) -> tuple[Health, ...]:
    """The health of every component at a moment, the worst first.

    Args:
        metrics, edge_metrics: as in `cluster.incident.model.Telemetry`; samples after the moment are not read.
        moment: unix seconds.
        up: component -> whether it answers, as far as the deployment knows.
        replaced: component -> unix seconds at which what runs behind it was replaced.
    """
    own, calls = read(metrics, moment), read(edge_metrics, moment)
    failed = outages(own)
    view = _View(topology, without(own, failed), without(calls, outages(calls)), moment)
    stalls = {c: stall for c in topology.ids if (stall := view.stall(c)) is not None}
    routing = uneven(topology, view.calls, moment, lambda c: Fitness.UNFIT if c in stalls else view.fitness(c))
    flooded = frozenset(c.callee for changes in routing.values() for c in changes)
    changes: dict[str, list[Change]] = {}
    places = places_of(view.own)
    for component in topology.ids:
        own_changes = [view.less_callees(c, component, stalls, flooded) for c in view.changes(component)]
        found = [view.less_callers(c, component) for c in own_changes]
        found += [*view.as_callee(component, stalls), *view.as_caller(component)]
        if component in flooded:
            found = [replace(c, why=Why.ROUTING, explained=1.0) if c.sort in FROM_LOAD else c for c in found]
        found += routing.get(component, [])
        if component in stalls:
            found.append(stalls[component])
        if (up or {}).get(component) is False:
            since = last_heard(view.own, places.get(component, []), moment)
            found.append(Change(Sort.DOWN, "", 0.0, 1.0, since, math.inf))
        changes[component] = found

    def judge(component: str, found: Sequence[Change]) -> Health:
        return judged(view.own, component, places.get(component, []), found, (replaced or {}).get(component))

    listed = {c: judge(c, found) for c, found in changes.items()}
    listed |= _less_load(view, listed, changes, judge)
    for component, health in listed.items():
        if health.state is State.NORMAL and after_outage(view.own, failed, component):
            health = replace(health, state=State.UNKNOWN)
        if health.state is State.UNKNOWN:
            health = replace(health, wait=wait(view.own, failed, component, moment), as_peers=view.as_peers(component))
        listed[component] = health
    return tuple(sorted(listed.values(), key=lambda h: h.severity, reverse=True))


def _less_load(
    view: _View,
    listed: Mapping[str, Health],
    changes: Mapping[str, Sequence[Change]],
    judge: Callable[[str, Sequence[Change]], Health],
) -> dict[str, Health]:
    """Components in trouble without what a higher load explains, where that leaves one of them in trouble.

    Where it leaves none, the load is the trouble, and all that it overloads are in it.
    """
    eased = {}
    for component in (c for c, health in listed.items() if health.state is State.TROUBLE):
        found = changes[component]
        told = [c.sort in BY_LOAD and c.severity > 0 for c in found]
        if any(told) and overloaded(view.topology, view.own, component):
            found = [replace(c, why=Why.LOAD, explained=1.0) if t else c for c, t in zip(found, told, strict=True)]
        eased[component] = judge(component, found)
    return eased if any(health.state is State.TROUBLE for health in eased.values()) else {}


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """The deployment at one moment: of components (`own`) and of what they measure of their callees (`calls`)."""

    topology: Topology
    own: Readings
    calls: Readings
    moment: float
    _shared: dict[tuple[str, str], float] = field(default_factory=dict)
    """(caller, signal) -> `_common`: each of the callees asks for it."""
    _slow: dict[str, bool] = field(default_factory=dict)
    """Caller -> whether all its calls are slow: each of the callees asks for it."""
    _alike: dict[tuple[object, str], list[float]] = field(default_factory=dict)
    """(what tells a group of peers, signal) -> the values that the group has now, ascending."""

    def changes(self, component: str) -> Iterator[Change]:
        """Signals of the component that left their normal."""
        for signal, rule in RULES.items():
            if (change := self._change(self.own, (component, signal), rule)) is not None:
                yield change

    def fitness(self, component: str) -> Fitness:
        """Whether the component answers as fast and with as few errors as before, by itself and its callers."""
        callers = self.topology.callers(component)
        if any(c.sort in (Sort.LATENCY, Sort.WAITING, Sort.ERRORS) for c in self.changes(component)):
            return Fitness.UNFIT
        seen = ((caller, component, s) for caller in callers for s in ON_CALLS)
        if any(self._change(self.calls, key, ON_CALLS[key[-1]]) is not None for key in seen):
            return Fitness.UNFIT
        if any(math.isfinite(self.calls.get((c, component, s), self.calls.now)) for c in callers for s in _WHOLE):
            return Fitness.WELL
        return Fitness.IDLE if idle(self.own, self.calls, component, callers) else Fitness.UNFIT

    def less_callees(
        self, change: Change, component: str, stalls: Mapping[str, Change], flooded: frozenset[str]
    ) -> Change:
        """The change with the share of it that the callees explain; not those that the component overloads."""
        callees = [c for c in self.topology.callees(component) if c not in flooded]
        if not callees or change.sort not in (Sort.LATENCY, Sort.WAITING, Sort.ERRORS):
            return change
        if any(callee in stalls for callee in callees):
            return replace(change, explained=1.0)
        distance = change.now - change.usual
        if change.sort is Sort.LATENCY:
            theirs = max(
                max(_away(self.own, (c, change.signal)), *(self._excess(component, c, s) for s in _WHOLE))
                for c in callees
            )
        elif change.sort is Sort.WAITING:
            if any(self._unknown(c) for c in callees):
                return replace(change, explained=1.0)
            theirs = sum(max(_away(self.own, (c, _IN_WORK[0])), self._held(component, c)) for c in callees)
        else:
            rates = [max(_away(self.own, (c, _FAILED)), _away(self.calls, (component, c, _FAILED))) for c in callees]
            theirs, distance = sum(rates), max(_away(self.own, (component, _FAILED)), _TINY)
        return replace(change, explained=min(1.0, max(0.0, theirs / distance)))

    def less_callers(self, change: Change, component: str) -> Change:
        """The change with the share of it that a caller explains which is as much slower in all its calls."""
        if change.signal not in _REQUESTS:
            return change
        slower = [self._common(c, s) for c in self.topology.callers(component) if self._slow_itself(c) for s in _WHOLE]
        share = min(1.0, max(slower, default=0.0) / (change.now - change.usual))
        return replace(change, explained=share, why=Why.CALLER) if share > change.explained else change

    def as_callee(self, component: str, stalls: Mapping[str, Change]) -> Iterator[Change]:
        """What is slower or fails in the calls to this component, less what all calls of the caller share."""
        for caller in self.topology.callers(component):
            if caller in stalls:
                continue
            for signal, rule in ON_CALLS.items():
                change = self._change(self.calls, (caller, component, signal), rule)
                # The caller opens the connections: one that is slow in all its calls may be slow in that, too.
                if change is None or (rule.sort is Sort.CONNECTING and self._slow_itself(caller)):
                    continue
                shared, own = self._common(caller, signal), _away(self.own, (component, signal))
                explained = min(1.0, (shared + own) / (change.now - change.usual))
                why = Why.CALLER if shared > own else Why.ITSELF
                less = replace(change, caller=caller, explained=explained, why=why)
                if less.severity > 0:
                    yield less

    def as_caller(self, component: str) -> Iterator[Change]:
        """What is slower in all calls of this component alike, beyond what the callees themselves measure."""
        callees = self.topology.callees(component)
        if len(callees) < 2:
            return
        for signal, rule in ON_CALLS.items():
            common = self._common(component, signal)
            keys = [(component, c, signal) for c in callees if (component, c, signal) in self.calls.column]
            if rule.sort not in SEEN_BY_CALLERS or common <= 0 or not keys:
                continue
            usual = float(np.nanmedian([self.calls.get(k, self.calls.usual) for k in keys]))
            spread = float(np.nanmedian([self.calls.get(k, self.calls.spread) for k in keys]))
            score = common / max(spread, rule.share * usual, rule.floor)
            if score >= CHANGED:
                began = last_departure(
                    self.calls, np.nanmedian([self.calls.series(k) for k in keys], axis=0), usual + common / 2, up=True
                )
                far = max(max(self._excess(component, c, signal), _away(self.own, (c, signal))) for c in callees)
                explained = 1.0 if far >= FAR * common else 0.0
                yield Change(Sort.OWN_CALLS, signal, usual + common, usual, began, score, explained)

    def _slow_itself(self, caller: str) -> bool:
        if caller not in self._slow:
            self._slow[caller] = any(c.signal in _WHOLE and c.severity > 0 for c in self.as_caller(caller))
        return self._slow[caller]

    def stall(self, component: str) -> Change | None:
        """No request ended well for seconds, though some did all the time before, and there are some to serve.

        By the component's own count where there is one now, else by its callers'.
        """
        if not self._wanted(component):
            return None
        for readings, ended, failed in self._counts(component):
            known = np.flatnonzero(np.isfinite(ended))
            if not len(known) or readings.times[known[-1]] <= readings.fresh:
                continue
            past = ended[known[readings.times[known] <= readings.earlier]]
            usual = float(np.median(past)) if len(past) else 0.0
            if not usual > 0 or (past > 0).mean() < STEADY:
                return None
            served = np.where(np.isfinite(failed), np.maximum(ended - failed, 0.0), ended)
            began = last_departure(readings, served, NONE * usual, up=False)
            if served[known[-1]] <= NONE * usual and self.moment - began >= IDLE:
                return Change(Sort.STALL, _ENDED, 0.0, usual, began, math.inf)
            return None
        return None

    def _counts(self, component: str) -> Iterator[tuple[Readings, Floats, Floats]]:
        """Requests that ended and that failed, by the component itself and then by each caller."""
        own, calls = self.own, self.calls
        yield own, own.series((component, _ENDED)), own.series((component, _FAILED))
        for caller in self.topology.callers(component):
            key = (caller, component)
            yield calls, calls.series((*key, _ENDED)), calls.series((*key, _FAILED))

    def _wanted(self, component: str) -> bool:
        """Whether requests are sent to the component: those in work, else those of a caller that is not idle."""
        in_work = [v for s in _IN_WORK if math.isfinite(v := self.own.latest((component, s)))]
        if in_work:
            return max(in_work) > 0
        callers = self.topology.callers(component)
        return any(self.own.latest((c, s)) > 0 for c in callers for s in (_ENDED, "connections"))

    def _unknown(self, component: str) -> bool:
        """Whether the component's requests in work were measured and no longer are."""
        key = (component, _IN_WORK[0])
        return self.own.get(key, self.own.seen) >= STEADY and not math.isfinite(self.own.get(key, self.own.now))

    def _excess(self, caller: str, callee: str, signal: str) -> float:
        """How much slower the calls to one callee are than before, beyond what all calls of the caller share."""
        return _away(self.calls, (caller, callee, signal)) - self._common(caller, signal)

    def _held(self, caller: str, callee: str) -> float:
        """How many of the caller's requests wait for the callee beyond the usual: their rate by their time (Little)."""
        rate = self.calls.get((caller, callee, _ENDED), self.calls.now)
        return max(0.0, self._excess(caller, callee, "latency_p50")) * rate if rate > 0 else 0.0

    def _common(self, caller: str, signal: str) -> float:
        """How much slower the calls to most callees are than before, less what those measure themselves."""
        if (known := self._shared.get((caller, signal))) is not None:
            return known
        away = []
        for callee in self.topology.callees(caller):
            key = (caller, callee, signal)
            if math.isfinite(self.calls.get(key, self.calls.now) - self.calls.get(key, self.calls.usual)):
                away.append(_away(self.calls, key) - _away(self.own, (callee, signal)))
        common = max(0.0, sorted(away)[(len(away) - 1) // 2]) if len(away) > 1 else 0.0
        self._shared[caller, signal] = common
        return common

    def as_peers(self, component: str) -> bool:
        """Whether a latency of the component can be compared with that of its peers."""
        for signal in (name for name, rule in RULES.items() if rule.sort is Sort.LATENCY):
            now = self.own.get((component, signal), self.own.now)
            if math.isfinite(now) and math.isfinite(self._of_peers(component, signal, now)):
                return True
        return False

    def _of_peers(self, component: str, signal: str, now: float) -> float:
        """The middle of what the peers of a component have now, NaN with fewer than two of them.

        Components of one kind with the same callers are peers of each other: their values are sorted once.
        """
        own = self.topology.component(component)
        group = (own.kind, own.alike, self.topology.callers(component))
        if (ordered := self._alike.get((group, signal))) is None:
            members = [component, *self.topology.peers(component)]
            known = [value for c in members if math.isfinite(value := self.own.get((c, signal), self.own.now))]
            ordered = self._alike[group, signal] = sorted(known)
        others = len(ordered) - 1
        if others < 2:
            return math.nan
        return ordered[others // 2 + (others // 2 >= bisect_left(ordered, now))]

    def _change(self, readings: Readings, key: tuple[str, ...], rule: Rule) -> Change | None:
        now, usual = readings.get(key, readings.now), readings.get(key, readings.usual)
        if not math.isfinite(now):
            return None
        if key[-1] == "error_ratio" and min(now, usual) >= FAILING:
            usual = math.nan  # That requests fail all the time is no normal.
        peers = not math.isfinite(usual)
        if peers and rule.sort is Sort.LATENCY:
            usual = self._of_peers(key[0], key[-1], now)
        elif peers and key[-1] == "error_ratio" and now >= FAILING:
            usual = 0.0
        if not math.isfinite(usual):
            return None
        spread = usual if peers else readings.get(key, readings.spread)
        normal = max(spread, rule.share * abs(usual), rule.floor)
        score = (usual - now if rule.down else now - usual) / normal
        if score < CHANGED:
            return None
        bound = usual - 0.5 * normal if rule.down else usual + 0.5 * normal
        return Change(
            rule.sort,
            key[-1],
            now,
            usual,
            last_departure(readings, readings.series(key), bound, not rule.down),
            score,
            peers=peers,
        )


def _away(readings: Readings, key: tuple[str, ...]) -> float:
    """How far a signal is above its normal, in its unit; 0 where it is not above it or that is not known."""
    distance = readings.get(key, readings.now) - readings.get(key, readings.usual)
    return max(0.0, distance) if math.isfinite(distance) else 0.0
