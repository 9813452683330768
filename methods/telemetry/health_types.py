"""The states of components, what can change about them, and from which distance a change of each signal counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

MOST = 4.0
"""Severity that one kind of change adds at most."""
MOST_OF_CAUSES = 2.0
"""The same for what users do not notice by itself."""
EXPLAINED = 0.67
"""Share from which a change is explained wholly."""
CHANGED = 1.0
"""Score from which a change is told."""
STALLED = 12.0
"""Severity of a component that is down or ends no requests."""
SHARE = "request_share"
"""Name of a computed signal: the part of a caller's requests that one callee serves."""


class State(StrEnum):
    """SILENT: its telemetry was measured before and is gone. UNKNOWN: nothing is known of what is normal."""

    TROUBLE = "trouble"
    SILENT = "silent"
    CHANGED = "changed"
    NORMAL = "normal"
    UNKNOWN = "unknown"


class Sort(StrEnum):
    """What a change is a change of.

    CALLS, CONNECTING: the calls to the component, and opening a connection to it; OWN_CALLS: all calls that it makes;
    ROUTING: how it shares its calls out among its callees.
    """

    STALL = "stall"
    DOWN = "down"
    ROUTING = "routing"
    LATENCY = "latency"
    WAITING = "waiting"
    ERRORS = "errors"
    LOAD = "load"
    OUTPUT = "output"
    CALLS = "calls"
    CONNECTING = "connecting"
    OWN_CALLS = "own calls"
    CPU = "cpu"
    MEMORY = "memory"
    DEVICE = "device"


class Why(StrEnum):
    """What explains a change of a component.

    CALLEES: it waits for them. CALLER: one that is slow in all its calls makes its callees about as slow. ROUTING:
    callers send it more than its usual share. LOAD: it is asked for more than before, and serves no less. ITSELF: of
    what its callers measure, as much is told by its own signal.
    """

    CALLEES = "callees"
    CALLER = "caller"
    ROUTING = "routing"
    LOAD = "load"
    ITSELF = "itself"


@dataclass(frozen=True, slots=True)
class Change:
    """One signal that left its normal.

    Attributes:
        signal: its canonical name, "" for a stall.
        now, usual: in the signal's unit.
        since: unix seconds.
        score: distance from `usual` over the distance that is normal.
        explained: share of the distance that something else explains, from 0 to 1.
        why: what explains it.
        peers: there is no baseline, and `usual` is what the peers have now; of errors, none.
        callee: of `ROUTING`, the callee that gets more; "" for the others.
        caller: who measured it, of the calls to the component; "" for what the component measures.
    """

    sort: Sort
    signal: str
    now: float
    usual: float
    since: float
    score: float
    explained: float = 0.0
    peers: bool = False
    callee: str = ""
    caller: str = ""
    why: Why = Why.CALLEES

    @property
    def severity(self) -> float:
        if self.sort in (Sort.STALL, Sort.DOWN):
            return STALLED
        if self.sort is Sort.LOAD:
            return 0.0
        most = MOST if self.sort in NOTICED else MOST_OF_CAUSES
        own = 0.0 if self.explained >= EXPLAINED else self.score * (1.0 - self.explained)
        return min(most, math.log2(1.0 + own)) if own >= CHANGED else 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """A mark with a time: a component was restarted, replaced, or its telemetry had a gap until then."""

    what: str
    time: float


@dataclass(frozen=True, slots=True)
class Health:
    """State of one component.

    Attributes:
        severity: for sorting, the worst is the greatest.
        changes: the strongest first.
        wait: seconds until its own normal is known; None where it is, or where nothing is measured.
        as_peers: its latency was compared with that of its peers, and is like theirs.
    """

    component: str
    state: State
    severity: float
    since: float | None = None
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()
    wait: float | None = None
    as_peers: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """`share` of the usual value and `floor` in the signal's unit are normal distances whatever the spread was."""

    sort: Sort
    share: float
    floor: float
    down: bool = False


_S = Sort
RULES: Mapping[str, Rule] = {
    "latency_p90": Rule(_S.LATENCY, 0.5, 0.12),
    "latency_p50": Rule(_S.LATENCY, 0.5, 0.08),
    "ttft_p50": Rule(_S.LATENCY, 0.6, 0.08),
    "ttft_p90": Rule(_S.LATENCY, 0.6, 0.12),
    "tpot_p50": Rule(_S.LATENCY, 0.8, 0.02),
    "tpot_p90": Rule(_S.LATENCY, 0.8, 0.03),
    "queue_length": Rule(_S.WAITING, 1.0, 2.0),
    "running_requests": Rule(_S.WAITING, 1.0, 2.0),
    "connections": Rule(_S.WAITING, 1.0, 3.0),
    "queue_time_p90": Rule(_S.WAITING, 1.0, 0.2),
    "kv_usage": Rule(_S.WAITING, 0.5, 0.2),
    "preemption_rate": Rule(_S.WAITING, 1.0, 0.2),
    "error_ratio": Rule(_S.ERRORS, 0.5, 0.02),
    "error_rate": Rule(_S.ERRORS, 0.5, 0.1),
    "timeout_rate": Rule(_S.ERRORS, 0.5, 0.1),
    "abort_rate": Rule(_S.ERRORS, 0.5, 0.1),
    "request_rate": Rule(_S.LOAD, 0.4, 0.5),
    "token_rate": Rule(_S.OUTPUT, 0.4, 1.0, down=True),
    "cpu_usage": Rule(_S.CPU, 0.4, 0.02),
    "cpu_throttled": Rule(_S.CPU, 0.4, 0.2),
    "memory_working_set": Rule(_S.MEMORY, 0.25, 4 * 2**20),
    "memory_limit_ratio": Rule(_S.MEMORY, 0.25, 0.1),
    "memory_used": Rule(_S.MEMORY, 0.25, 2**28),
    "gcs_memory": Rule(_S.MEMORY, 0.5, 2**27),
    "gpu_sm_clock": Rule(_S.DEVICE, 0.2, 1e8, down=True),
    "gpu_power_limit": Rule(_S.DEVICE, 0.1, 10.0, down=True),
    "gpu_throttle_power": Rule(_S.DEVICE, 0.5, 0.2),
    "gpu_throttle_thermal": Rule(_S.DEVICE, 0.5, 0.05),
    "gpu_memory_used": Rule(_S.DEVICE, 0.2, 2**30),
    "gpu_xid_errors": Rule(_S.DEVICE, 0.0, 0.5),
}
ON_CALLS: Mapping[str, Rule] = {
    "latency_p90": Rule(_S.CALLS, 0.5, 0.12),
    "latency_p50": Rule(_S.CALLS, 0.5, 0.08),
    "connect_time_p90": Rule(_S.CONNECTING, 1.0, 0.1),
    "error_rate": Rule(_S.ERRORS, 0.5, 0.1),
}
SEEN_BY_CALLERS = frozenset({_S.CALLS, _S.CONNECTING})
"""What only the callers of a component measure."""
FROM_LOAD = SEEN_BY_CALLERS | {_S.LATENCY, _S.WAITING, _S.ERRORS, _S.CPU}
"""What follows from more requests than a component can serve."""
BY_LOAD = FROM_LOAD - {_S.CONNECTING} | {_S.OWN_CALLS}
"""What a higher load explains: it opens no connection slower, and calls wait where the callee does not measure it."""
BETWEEN = SEEN_BY_CALLERS | {_S.OWN_CALLS, _S.ROUTING}
"""What is measured of calls, and is no signal of the component itself."""
NOTICED = BETWEEN | {_S.STALL, _S.DOWN, _S.LATENCY, _S.WAITING, _S.ERRORS}
"""What users notice, or will as soon as what waits is served."""
