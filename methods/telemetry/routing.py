"""How a caller shares its requests out among its callees, and whether it sends more to one than it did.

A caller that avoids a callee in trouble does well, and one that answers a backlog at once ends many requests. So what
counts is the share that a callee gained, and no more of it than what others, that are well, no longer get. Of others
that get nothing any more nobody knows how they would answer: what they lost counts as far as the callee serves more
than before. So calls that got lost on their way to them, or wait for them, do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, auto

import numpy as np

from cluster.topology import Topology
from methods.telemetry.baseline import Readings, last_departure, readings_of
from methods.telemetry.health_types import CHANGED, SHARE, Change, Rule, Sort
from methods.telemetry.matrix import Floats

RULE = Rule(Sort.ROUTING, 0.6, 0.1)
ENOUGH = 0.25
"""Share of the usual load below which shares are chance."""


class Fitness(Enum):
    """WELL: answers as before. IDLE: is asked nothing, and nothing speaks against it. UNFIT: in trouble, or unknown."""

    WELL = auto()
    IDLE = auto()
    UNFIT = auto()


def uneven(
    topology: Topology, calls: Readings, moment: float, fitness: Callable[[str], Fitness]
) -> dict[str, list[Change]]:
    """Caller -> the callees to which it sends more than their usual share, the most first.

    Args:
        calls: readings of `Telemetry.edge_metrics`.
        fitness: of a component, whether it could serve.
    """
    found = {}
    for caller in topology.ids:
        callees = [c for c in topology.callees(caller) if (caller, c, "request_rate") in calls.column]
        if len(callees) > 1:
            changes = sorted(_of(caller, callees, calls, moment, fitness), key=lambda c: c.score, reverse=True)
            if changes:
                found[caller] = changes
    return found


def _of(
    caller: str, callees: list[str], calls: Readings, moment: float, fitness: Callable[[str], Fitness]
) -> Iterator[Change]:
    served = _served(caller, callees, calls)
    total = np.nansum(served, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(total[:, None] > 0, served / total[:, None], np.nan)
    share = readings_of(calls.times, shares, {(c,): i for i, c in enumerate(callees)}, moment)
    gained = share.now - share.usual
    normal = np.fmax(np.fmax(share.spread, RULE.share * share.usual), RULE.floor)
    suspects = np.flatnonzero(gained >= CHANGED * normal)
    if not len(suspects):
        return
    rate = readings_of(calls.times, served, share.column, moment)
    usual_load, load = np.nansum(rate.usual), np.nansum(rate.now)
    if not usual_load > 0.0 or not load >= ENOUGH * usual_load:
        return  # who was asked nothing had no usual share
    lost = np.fmax(rate.usual - rate.now, 0.0)
    fit = {c: fitness(c) for i, c in enumerate(callees) if lost[i] > 0}
    diverted, spared = (
        sum(float(lost[i]) for i, c in enumerate(callees) if fit.get(c) is kind)
        for kind in (Fitness.WELL, Fitness.IDLE)
    )
    for i in suspects:
        more = max(0.0, float(rate.now[i] - rate.usual[i]))
        score = min(float(gained[i]), (diverted + min(spared, more)) / float(usual_load)) / float(normal[i])
        if score >= CHANGED:
            now, usual = float(share.now[i]), float(share.usual[i])
            began = last_departure(share, shares[:, i], usual + 0.5 * float(normal[i]), up=True)
            yield Change(Sort.ROUTING, SHARE, now, usual, began, score, callee=callees[i])


def _served(caller: str, callees: list[str], calls: Readings) -> Floats:
    """(N, M) requests a second that ended well: failed ones are sent again, and count where they are answered."""
    columns = []
    for callee in callees:
        ended, failed = (calls.series((caller, callee, s)) for s in ("request_rate", "error_rate"))
        columns.append(np.fmax(ended - np.where(np.isfinite(failed), failed, 0.0), 0.0 * ended))
    return np.column_stack(columns)
