"""Evidence for each component in each candidate stretch: log Bayes factors, summed over families of signals.

A signal of a component that is not at fault deviates from its control group as a Student t does; of one that is, it may
deviate much more. The Bayes factor of a contrast compares the two. Signals of one family (`families`) tell the same
twice, so a family has one factor: the mean over its signals, mixed with 1, since a fault need not touch every family.
A family that stays as it was so counts against the component.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cluster.signals import Hurts
from cluster.topology import Topology
from methods.peers import contrasts
from methods.peers.blocks import NEAR_ZERO, Blocks, Rows, stacked
from methods.peers.contrasts import Moves, Stretches
from methods.peers.families import (
    BEYOND,
    LINK,
    SILENCE,
    WAIT,
    counts_requests,
    family_of,
    hurts,
    passed_on,
    stands_alike,
)
from methods.peers.groups import Group, groups_of, hosts_of
from methods.telemetry.matrix import Floats

UNTESTED = -4.0
"""Log evidence for what has no control: a host, whose signals are its guests', or a component that is not measured in a
stretch, or did nothing before."""
_TIME_OF_CALLS = "latency_p50"
_SAID_AS = {"error_rate": ("error_rate", "abort_rate")}
"""What callees say of a call that failed: one that its caller gave up is no error of theirs, but aborted."""
LARGEST = 60.0
"""Of one signal's log factor."""

ByFamily: TypeAlias = Mapping[str, Floats]


class Part(StrEnum):
    """Parts of the method that an ablation takes away."""

    EDGES = "what callers measure"
    SILENCE = "silence"
    GAPS = "what callers measure beyond what callees say"
    ROUTING = "requests are conserved"
    COUNTING = "chance in counts"
    HARM = "only harm counts"
    LITTLE = "Little's law"


@dataclass(frozen=True)
class Weights:
    """Parameters of the model; `methods.serving.Serving` says what each means."""

    share: float = 0.4
    slab: float = 15.0
    tails: float = 7.0
    floor: float = 0.1
    follow: float = 0.5
    nobody: float = 3.25
    several: float = 5.5
    without: frozenset[Part] = frozenset()


@dataclass(frozen=True, eq=False)
class Evidence:
    """Of an incident.

    Attributes:
        total: component -> (A,) log evidence that it alone is at fault in that stretch.
        families: component -> family -> (A,) its part of it; empty for a component that nothing was measured of.
        routed: caller -> (A,) the largest evidence of a component that got more requests from it than its peers.
        controlled: there are peers; otherwise each component is compared with its own past alone.
    """

    blocks: Blocks
    among: Stretches
    groups: tuple[Group, ...]
    total: Mapping[str, Floats]
    families: Mapping[str, ByFamily]
    routed: Mapping[str, Floats]
    controlled: bool

    def group(self, component: str) -> Group:
        return next(group for group in self.groups if component in group.members)


def evidence_of(blocks: Blocks, topology: Topology, weights: Weights) -> Evidence:
    among = contrasts.stretches(blocks.measured)
    groups = groups_of(topology)
    gather = _Gathering(blocks, among, groups, weights)
    families: dict[str, dict[str, Floats]] = {component: {} for component in topology.ids}
    routed: dict[str, Floats] = {}
    hosts, count = hosts_of(topology), len(among.first)
    for group in groups:
        if hosts.issuperset(group.members):
            continue
        found = gather.families(group)
        for family, factors in found.items():
            for i, member in enumerate(group.members):
                families[member][family] = factors[:, i]
        if group.caller and found:
            if Part.GAPS not in weights.without:
                families[group.caller] |= gather.gaps(group, found.get(LINK))
            fresh = np.stack([_idle_before(blocks, member, among) for member in group.members], axis=1)
            fresh |= _unasked_before(blocks, group, among)
            moved = gather.routing(group, np.where(fresh, -np.inf, sum(found.values(), np.zeros(1))))
            if moved is not None:
                routed[group.caller] = np.maximum(moved, routed.get(group.caller, -np.inf))
    alike = [group for group in groups if group.replicas]
    levelled = {component for group in alike for component in (*group.members, group.caller)}
    total = {}
    for component, found in families.items():
        tested = found and component not in hosts
        total[component] = np.sum([*found.values()], axis=0) if tested else np.full(count, UNTESTED)
        if tested:
            told = _seen(blocks, component, among) | (found.get(SILENCE, np.zeros(count)) > 0)
            told &= ~among.older | (component in levelled)
            untested = _idle_before(blocks, component, among) | ~told
            total[component] = np.where(untested, UNTESTED, total[component])
        if component in routed:
            total[component] = np.logaddexp(total[component] if tested else 0.0, routed[component]) - math.log(2)
    known = {c: {} if c in hosts else found for c, found in families.items()}
    return Evidence(blocks, among, groups, total, known, routed, gather.controlled)


def _idle_before(blocks: Blocks, component: str, among: Stretches) -> NDArray[np.bool_]:
    """(A,) whether a component did nothing in half of the time before each stretch: it left no normal.

    Where nothing lies before, whether it did nothing in half of the stretch.
    """
    if component not in blocks.idle:
        return np.zeros(len(among.first), dtype=np.bool_)
    time = np.where(among.older, among.length, among.first)
    idle = np.concatenate([[0], np.cumsum(blocks.idle[component])])[time]
    mostly: NDArray[np.bool_] = idle >= time / 2
    return mostly


def _unasked_before(blocks: Blocks, group: Group, among: Stretches) -> NDArray[np.bool_]:
    """(A, C) whether a member got next to no requests in half of the time before each stretch, while its peers did.

    It had no share that it could exceed: what it gets now may be what had waited.
    """
    found = np.zeros((len(among.first), len(group.members)), dtype=np.bool_)
    for rows in (blocks.own, blocks.called):
        events = stacked(rows.events, group.members, "request_rate")
        if events is not None:
            none = events < NEAR_ZERO * np.nan_to_num(contrasts.median(events.T))
            before = np.concatenate([np.zeros((len(events), 1)), np.cumsum(none, axis=1)], axis=1)[:, among.first].T
            found |= (2 * before >= among.first[:, None]) & ~among.older[:, None]
    return found


def _seen(blocks: Blocks, component: str, among: Stretches) -> NDArray[np.bool_]:
    """(A,) whether anything of a component has a value in each stretch."""
    if component not in blocks.seen:
        return np.zeros(len(among.first), dtype=np.bool_)
    seen = np.concatenate([[0], np.cumsum(blocks.seen[component])])
    there: NDArray[np.bool_] = seen[among.first + among.length] > seen[among.first]
    return there


def log_factor(z: Floats, weights: Weights) -> Floats:
    """Log Bayes factor of a contrast: Student t with `tails` degrees of freedom, `slab` times wider against plain."""
    wide, nu = math.hypot(1, weights.slab), weights.tails
    narrow, broad = np.log1p(z**2 / nu), np.log1p((z / wide) ** 2 / nu)
    return np.clip((nu + 1) / 2 * (narrow - broad) - math.log(wide), -LARGEST, LARGEST)


def family_factor(zs: list[Floats], weights: Weights, chance: Floats | float = 0.0) -> Floats:
    """Log Bayes factor of a family: its signals' mean factor, of which a fault touches the family with `share`.

    Args:
        chance: probability that a signal moves as a fault would move it, without one.
    """
    z = np.stack(zs)
    there = np.isfinite(z)
    factors = np.exp(log_factor(np.nan_to_num(z), weights))
    factors = factors / (1 - chance + chance * factors)
    count = there.sum(axis=0)
    average = np.where(count > 0, np.where(there, factors, 0.0).sum(axis=0) / np.maximum(count, 1), 1.0)
    return np.log(1 - weights.share + weights.share * average)


class _Gathering:
    """The contrasts of one incident, group by group."""

    def __init__(self, blocks: Blocks, among: Stretches, groups: tuple[Group, ...], weights: Weights) -> None:
        self._blocks, self._among, self._weights = blocks, among, weights
        self._peers = tuple(member for group in groups if len(group.members) > 1 for member in group.members)
        self._load = self._shared_load()
        self.controlled = bool(self._peers)

    def families(self, group: Group) -> dict[str, Floats]:
        """Family -> (A, C) log factors."""
        zs: dict[str, list[Floats]] = {}
        for called, signal, z in self._contrasts(group):
            zs.setdefault(family_of(signal, called), []).append(z)
        if Part.SILENCE not in self._weights.without:
            there = [self._blocks.present.get(member) for member in group.members]
            if any(row is not None for row in there):
                series = np.stack([np.full(self._blocks.count, np.nan) if row is None else row for row in there])
                moved = contrasts.moves(series, self._among)
                shared = contrasts.median_of_others(moved.own) if len(there) > 1 else self._others_silence(group)
                z = moved.contrast(shared, floor=self._weights.floor, follow=self._weights.follow)
                zs[SILENCE] = [np.minimum(z, 0.0)]
        # Without any control, history is the only measure: what was never seen may still happen once in so long.
        alone = len(group.members) == 1 and self._load is None
        chance = 1 / (1 + self._among.first)[:, None] if alone else 0.0
        return {
            family: family_factor(found, self._weights, 0.0 if family == SILENCE else chance)
            for family, found in zs.items()
        }

    def gaps(self, group: Group, links: Floats | None) -> dict[str, Floats]:
        """Family -> (A,) log factors for the caller: most of its calls got slower than the callees themselves say.

        Args:
            links: (A, C) log factors of the time that it takes to connect to each callee. What is slow to open
                connections may be late with any of them, one by one.
        """
        called, own = self._blocks.called.scaled, self._blocks.own.scaled
        zs: dict[str, list[Floats]] = {}
        for signal, family in (("latency_p50", "latency"), ("latency_p90", "latency"), ("connect_time_p90", LINK)):
            series, said = stacked(called, group.members, signal), stacked(own, group.members, signal)
            if series is not None and family != LINK:
                series = None if said is None else series - said
            if series is not None:
                # Calls take no longer than callees say where all is well; how long it takes to connect is not known.
                level = contrasts.no_level(self._among) if group.replicas and family != LINK else None
                moved = contrasts.moves(series, self._among, level)
                common = contrasts.of_most(moved.own)[:, None]
                chance = moved.noise**2 * 2 / self._among.length[:, None]
                error = np.sqrt(chance + self._weights.floor**2 + np.square(moved.rest))
                zs.setdefault(BEYOND + family, []).append(np.maximum(common / error, 0.0))
        found = {family: family_factor(found, self._weights)[:, 0] for family, found in zs.items()}
        if links is not None and BEYOND + LINK in found:
            share, each = self._weights.share, links.sum(axis=1)
            # Who is slow to connect for want of time is slow in most of its calls.
            if late := zs.get(BEYOND + "latency"):
                factors = np.exp(log_factor(np.nan_to_num(np.stack(late)), self._weights))
                each = each + np.minimum(np.log(factors.mean(axis=0)[:, 0]), 0.0)
            each = np.minimum(each, LARGEST)
            some = np.log(1 - share + share * np.exp(each))
            found[BEYOND + LINK] = np.logaddexp(found[BEYOND + LINK], some) - math.log(2)
        return found

    def routing(self, group: Group, total: Floats) -> Floats | None:
        """(A,) evidence that moves to the caller: of the member that suffers and gets more requests than its peers."""
        if len(group.members) == 1 or Part.ROUTING in self._weights.without:
            return None
        gains = [
            moved.contrast(contrasts.median_of_others(moved.own), floor=self._weights.floor, counting=chance)
            for called, rows in self._sources()
            for moved, chance in self._moved(rows, group, "request_rate")
        ]
        if not gains:
            return None
        # What only one of the two measures counts: NaN where nobody does.
        gain = np.maximum(np.nan_to_num(np.fmin.reduce(gains)), 0.0)
        moved_on: Floats = (total + log_factor(gain, self._weights)).max(axis=1)
        return moved_on

    def _sources(self) -> tuple[tuple[bool, Rows], ...]:
        own = (False, self._blocks.own)
        return (own,) if Part.EDGES in self._weights.without else (own, (True, self._blocks.called))

    def _moved(self, rows: Rows, group: Group, signal: str) -> Iterator[tuple[Moves, Floats | float]]:
        """The moves of one signal and its variance by chance; nothing where the group lacks the signal."""
        series = stacked(rows.scaled, group.members, signal)
        if series is None:
            return
        events = None if Part.COUNTING in self._weights.without else stacked(rows.events, group.members, signal)
        chance = 0.0 if events is None else contrasts.counting_variance(events, self._among)
        level = contrasts.level_of_peers(series, self._among) if group.replicas and stands_alike(signal) else None
        yield contrasts.moves(series, self._among, level), chance

    def _contrasts(self, group: Group) -> Iterator[tuple[bool, str, Floats]]:
        """(measured by callers, signal, (A, C) contrast) of every signal that the group can be judged by."""
        for called, rows in self._sources():
            for signal in rows.signals:
                if signal == WAIT and Part.LITTLE in self._weights.without:
                    continue
                if not called and self._seldom_measured(group, signal):
                    continue
                for moved, chance in self._moved(rows, group, signal):
                    shared = self._shared(group, signal, called, moved.own)
                    if shared is not None:
                        # Of one other, half counts as shared, and it may be all or nothing.
                        follow = self._weights.follow * np.where(contrasts.one_other(moved.own), 2.0, 1.0)
                        z = moved.contrast(shared, floor=self._weights.floor, follow=follow, counting=chance)
                        yield called, signal, self._hurting(signal, z)

    def _seldom_measured(self, group: Group, signal: str) -> bool:
        """Whether half of the members lack the signal or more: callers that time all of them are the better control."""
        have = sum((member, signal) in self._blocks.own.scaled for member in group.members)
        if len(group.members) <= 2 or 2 * have > len(group.members) or Part.EDGES in self._weights.without:
            return False
        called = self._blocks.called
        timed = [name for name in called.signals if family_of(name, False) == "latency"]
        return any(all((member, name) in called.scaled for member in group.members) for name in timed)

    def _hurting(self, signal: str, z: Floats) -> Floats:
        if counts_requests(signal):  # more requests than the peers get are their sender's doing
            return np.minimum(z, 0.0)
        return z if Part.HARM in self._weights.without else contrasts.harmful(signal, z)

    def _shared(self, group: Group, signal: str, called: bool, own: Floats) -> Floats | None:
        """What the change of a signal is compared with; None for a caller's symptom that no callee can be held to."""
        if len(group.members) > 1:
            return contrasts.median_of_others(own)
        if group.callees and not called and passed_on(signal):
            return self._explained_below(group, signal, own)
        if self._load is not None:
            return self._load[:, None]
        # It has no peers that would tell the load: its own is the control of what follows the load.
        return self._own_load(group.members[0]) if hurts(signal) is Hurts.EITHER else np.zeros_like(own)

    def _explained_below(self, group: Group, signal: str, own: Floats) -> Floats | None:
        """(A, 1) of the change of a caller's symptom, what lies within the changes of what it calls."""
        said = self._changes(self._blocks.own, group.callees, *_SAID_AS.get(signal, (signal,)))
        below = [] if said is None else [said]
        if Part.EDGES not in self._weights.without:
            of_calls = _TIME_OF_CALLS if signal == WAIT else signal
            measured = self._changes(self._blocks.called, group.callees, of_calls)
            if measured is not None:
                below.append(measured - self._beyond(group.callees, of_calls, measured))
        if not below:
            return None
        changes = np.nan_to_num(np.concatenate(below, axis=1))
        low, high = np.minimum(changes.min(axis=1), 0.0), np.maximum(changes.max(axis=1), 0.0)
        return np.clip(np.nan_to_num(own), low[:, None], high[:, None])

    def _beyond(self, callees: Sequence[str], signal: str, measured: Floats) -> Floats | float:
        """(A, 1) by how much all calls changed more than their callees say: that explains no symptom of the caller."""
        said = self._changes(self._blocks.own, callees, *_SAID_AS.get(signal, (signal,)))
        if said is None or Part.GAPS in self._weights.without:
            return 0.0
        return np.maximum(contrasts.of_most(measured - said), 0.0)[:, None]

    def _changes(self, rows: Rows, members: Sequence[str], *signals: str) -> Floats | None:
        """(A, C) the largest change of these signals; None where no member has any of them."""
        found = [
            contrasts.changes(series, self._among)
            for signal in signals
            if (series := stacked(rows.scaled, members, signal)) is not None
        ]
        return np.fmax.reduce(found) if found else None

    def _own_load(self, component: str) -> Floats:
        """(A, 1) median change of the rates of requests that were measured of a component; 0 without one."""
        measured = [
            row
            for _, rows in self._sources()
            for (owner, signal), row in sorted(rows.scaled.items())
            if owner == component and counts_requests(signal)
        ]
        if not measured:
            return np.zeros((len(self._among.first), 1))
        return np.nan_to_num(contrasts.median(contrasts.changes(np.stack(measured), self._among)))[:, None]

    def _others_silence(self, group: Group) -> Floats:
        """(A, 1) median change of the share of samples that all other components have: what the collector did."""
        others = [row for component, row in self._blocks.present.items() if component not in group.members]
        if not others:
            return np.zeros((len(self._among.first), 1))
        return np.nan_to_num(contrasts.median(contrasts.changes(np.stack(others), self._among)))[:, None]

    def _shared_load(self) -> Floats | None:
        """(A,) median change of the request rate of components with peers: what users did."""
        for _, rows in self._sources():
            series = stacked(rows.scaled, self._peers, "request_rate") if self._peers else None
            if series is not None:
                return np.nan_to_num(contrasts.median(contrasts.changes(series, self._among)))
        return None
