"""Health in words, and as plain data.

>>> from methods.telemetry.health_types import Change, Health, Sort, State
>>> stall = Change(Sort.STALL, "request_rate", 0.0, 1.0, since=100.0, score=9.0)
>>> sentence(Health("replica-0", State.TROUBLE, 12.0, 100.0, (stall,)), 142.0)
'stalled 42 s: no request ended, was 1 /s'
"""

from __future__ import annotations

import math
from typing import Any

from cluster.signals import UNITS
from cluster.text.plain import plain
from cluster.text.quantities import number, percent, quantity
from cluster.text.times import clock_time, span
from methods.telemetry.health_types import SHARE, Change, Health, Sort, State, Why

_NAMES = {
    "latency_p50": "latency p50",
    "latency_p90": "latency p90",
    "ttft_p50": "TTFT p50",
    "ttft_p90": "TTFT p90",
    "tpot_p50": "TPOT p50",
    "tpot_p90": "TPOT p90",
    "queue_time_p90": "time in queue p90",
    "queue_length": "queued",
    "running_requests": "in work",
    "connections": "connections",
    "kv_usage": "KV cache",
    "preemption_rate": "preemptions",
    "error_ratio": "errors",
    "error_rate": "errors",
    "timeout_rate": "timeouts",
    "abort_rate": "aborted",
    "request_rate": "load",
    "token_rate": "tokens",
    "cpu_usage": "CPU",
    "cpu_throttled": "CPU throttled",
    "memory_working_set": "memory",
    "memory_limit_ratio": "memory of its limit",
    "memory_used": "memory",
    "gcs_memory": "memory of the GCS",
    "connect_time_p90": "connecting p90",
}
_WHY = {
    Why.CALLEES: ", as its callees",
    Why.CALLER: ", as its caller",
    Why.ROUTING: ", as more is sent to it",
    Why.LOAD: ", as load grew",
    Why.ITSELF: ", as it says itself",
}
_SHORT = {
    "latency_p50": "p50",
    "latency_p90": "p90",
    "queue_time_p90": "wait p90",
    "queue_length": "queue",
    "kv_usage": "KV",
    "cpu_throttled": "throttled",
    "memory_limit_ratio": "memory",
    "gcs_memory": "GCS memory",
    "connect_time_p90": "connecting",
}
_SHORT_WHY = {
    Why.CALLEES: "as its callees",
    Why.CALLER: "as its caller",
    Why.ROUTING: "more is sent to it",
    Why.LOAD: "as load grew",
    Why.ITSELF: "as it says itself",
}
_SHARES = frozenset({"error_ratio", "cpu_throttled", "kv_usage", "memory_limit_ratio", "gpu_throttle_power", SHARE})


def sentence(health: Health, moment: float, most: int = 3) -> str:
    """What is the matter with a component, its strongest change first; at most `most` changes."""
    told = "; ".join(describe(c, moment) for c in to_tell(health)[:most])
    match health.state:
        case State.NORMAL:
            return "as before"
        case State.UNKNOWN:
            if health.wait is None:
                return "not known: nothing is measured"
            soon = f"normal is known in {span(health.wait)}"
            return f"as its peers; its own {soon}" if health.as_peers else f"not known yet: its {soon}"
        case State.SILENT:
            return f"telemetry gone {span(moment - (health.since or moment))}" + (f"; {told}" if told else "")
    return told


def shortest(health: Health, moment: float, width: int) -> str:
    """What is the matter, in at most `width` characters where that can be said: as a sentence, else in brief.

    >>> slow = Change(Sort.LATENCY, "latency_p90", 23.8, 0.57, since=100.0, score=9.0)
    >>> health = Health("head", State.TROUBLE, 4.0, 100.0, (slow,))
    >>> shortest(health, 142.0, 40), shortest(health, 142.0, 16)
    ('latency p90 23.8 s, was 570 ms', 'p90 0.57→24 s')
    """
    told = to_tell(health)
    if not told or health.state is State.SILENT:
        return sentence(health, moment)
    sentences = (sentence(health, moment, most) for most in (3, 2, 1))
    briefs = ("; ".join(dict.fromkeys(brief(c, moment) for c in told[:most])) for most in (3, 2))
    last = brief(told[0], moment)
    return next((said for said in (*sentences, *briefs) if len(said) <= width), last)


def to_tell(health: Health) -> tuple[Change, ...]:
    """The changes to tell of: those of the component itself and its load, else those that its callees explain."""
    own = tuple(c for c in health.changes if c.severity > 0 or c.sort is Sort.LOAD)
    return own if health.severity > 0 else health.changes


def describe(change: Change, moment: float) -> str:
    """One change: what it is now and what it was."""
    if change.sort is Sort.STALL:
        return f"stalled {span(moment - change.since)}: no request ended, was {_value(change.signal, change.usual)}"
    if change.sort is Sort.DOWN:
        return "down: it does not answer"
    now, usual = _value(change.signal, change.now), _value(change.signal, change.usual)
    if change.sort is Sort.ROUTING:
        return f"sends {now} of its requests to {plain(change.callee)}, was {usual}"
    name = plain(_NAMES.get(change.signal, change.signal.replace("_", " ")))
    if change.sort is Sort.OWN_CALLS:
        name = f"all its calls: {name}"
    elif change.caller:
        name = f"calls to it: {name}"
    before = f", {'its peers' if change.peers else 'was'} {usual}"
    if change.peers and change.sort is Sort.ERRORS:
        before = ""
    why = ""
    if change.severity == 0 and change.explained:
        why = _WHY[change.why]
    return f"{name} {now}{before}{why}"


def brief(change: Change, moment: float) -> str:
    """One change in a few words: "queue 0→5", "p90 0.57→24 s"; of one that something else explains, what does."""
    if change.sort is Sort.STALL:
        return f"stalled {span(moment - change.since)}"
    if change.sort is Sort.DOWN:
        return "down"
    if change.severity == 0 and change.explained:
        return _SHORT_WHY[change.why]
    two = [float(f"{value:.2g}") for value in (change.usual, change.now)]
    was, now = (_value(change.signal, value).removesuffix(" cores") for value in two)
    if UNITS.get(change.signal) == "s" and max(two) >= 1:
        was, now = number(two[0]), f"{number(two[1])} s"
    elif was.partition(" ")[2] == now.partition(" ")[2]:
        was = was.partition(" ")[0]
    if change.sort is Sort.ROUTING:
        return f"{was}→{now} to {plain(change.callee)}"
    name = plain(_SHORT.get(change.signal) or _NAMES.get(change.signal, change.signal.replace("_", " ")))
    if change.sort is Sort.OWN_CALLS:
        name = "its calls"
    elif change.sort is Sort.CALLS:
        name = "calls"
    return f"{name} {now}" if change.peers else f"{name} {was}→{now}"


def marks(health: Health) -> tuple[str, ...]:
    """Restarts and replacements with their times."""
    return tuple(f"{event.what} {clock_time(event.time)}" for event in health.events)


def as_json(health: Health, moment: float) -> dict[str, Any]:
    """Plain data; times in unix seconds, values in the units of `cluster.signals`."""
    return {
        "state": health.state.value,
        "severity": round(health.severity, 3),
        "since": health.since,
        "sentence": sentence(health, moment),
        "changes": [
            {
                "signal": c.signal,
                "kind": c.sort.value,
                "callee": c.callee,
                "caller": c.caller,
                "now": c.now,
                "before": c.usual,
                "since": c.since,
                "explained": round(c.explained, 3),
                "explained_by": c.why.value if c.explained else "",
                "explained_by_callees": round(c.explained, 3) if c.why is Why.CALLEES else 0.0,
                "explained_by_routing": c.why is Why.ROUTING,
            }
            for c in health.changes
        ],
        "events": [{"event": e.what, "time": e.time} for e in health.events],
    }


def _value(signal: str, value: float) -> str:
    if signal in _SHARES:
        return percent(value)
    if signal in ("queue_length", "running_requests", "connections") and math.isfinite(value):
        return f"{value:.0f}"
    return quantity(value, UNITS.get(signal, ""))
