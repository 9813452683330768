"""Families of signals: those of one family measure the same thing, so together they count once."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from cluster.signals import SIGNALS, Hurts
from cluster.topology import Kind

WAIT = "wait"
"""Seconds that a request spends at a component by Little's law, requests in flight over their rate: unlike a measured
latency it includes those that have not ended."""
FAMILIES: Final = {
    "latency": (
        "latency_p50",
        "latency_p90",
        "ttft_p50",
        "ttft_p90",
        "tpot_p50",
        "tpot_p90",
        "inter_token_p50",
        "inter_token_p90",
        "prefill_time_p90",
        "decode_time_p90",
        WAIT,
    ),
    "work": ("request_rate", "token_rate", "connections"),
    "queue": (
        "queue_length",
        "router_queue",
        "running_requests",
        "slots_busy",
        "queue_time_p90",
        "kv_usage",
        "preemption_rate",
        "batch_tokens_p90",
    ),
    "errors": ("error_rate", "error_ratio", "timeout_rate", "abort_rate"),
    "cpu": ("cpu_usage", "cpu_throttled"),
    "memory": ("memory_working_set", "memory_limit_ratio", "memory_used", "gcs_memory"),
    "network": ("network_receive", "network_transmit"),
}
SPELLINGS: Final = (
    (re.compile(r"avail|success"), "errors", Hurts.DOWN),
    (re.compile(r"errors?(?![a-z])|fail|timeout"), "errors", Hurts.UP),
    (re.compile(r"latency|lat(avg)?(?![a-z])|duration|response.?time"), "latency", Hurts.UP),
    (re.compile(r"workload|requests?(?![a-z])|[rq]ps(?![a-z])|throughput"), "work", Hurts.EITHER),
    (re.compile(r"cpu"), "cpu", Hurts.EITHER),
    (re.compile(r"mem(ory)?(?![a-z])"), "memory", Hurts.EITHER),
    (re.compile(r"net(work)?|[rt]x(?![a-z])|socket"), "network", Hurts.EITHER),
    (re.compile(r"disk|sys_?(read|write)|fs_?(read|write)"), "disk", Hurts.EITHER),
)
"""What the names of signals outside of the vocabulary mostly mean: (part of the name, family, what hurts)."""
UNKNOWN: Final = "unknown"
"""Of signals whose name says nothing: they may all measure the same thing."""
OF_REQUESTS: Final = frozenset({"latency", "work", "queue", "errors"})
"""Families that a component measures of the requests that it processes."""
LINK: Final = "link"
SILENCE: Final = "silence"
OF_CALLS: Final = "calls: "
"""Before a family that callers measure."""

BEYOND: Final = "beyond the callees: "
"""Before a family of a caller: all of its calls are slower than the callees say."""

_OF_SIGNAL = {signal: family for family, signals in FAMILIES.items() for signal in signals}
_OWN = frozenset({"cpu", "memory"})


@lru_cache(maxsize=1024)
def _spelled(signal: str) -> tuple[str, Hurts]:
    """(family, what hurts) of a signal outside of the vocabulary, by its name."""
    name = signal.lower()
    return next(((family, hurts) for part, family, hurts in SPELLINGS if part.search(name)), (UNKNOWN, Hurts.EITHER))


def hurts(signal: str) -> Hurts:
    """The direction of change that indicates trouble."""
    known = SIGNALS.get(signal)
    return known.hurts if known else _spelled(signal)[1]


def counts_requests(signal: str) -> bool:
    """Whether a signal is the rate of requests: more of them are their sender's doing."""
    return signal == "request_rate" or (signal not in SIGNALS and _spelled(signal)[0] == "work")


def is_availability(signal: str) -> bool:
    """Whether a signal is the share of requests that did not fail."""
    return signal not in SIGNALS and _spelled(signal) == ("errors", Hurts.DOWN)


def family_of(signal: str, called: bool) -> str:
    """The family of a signal; a known one that is in no list is a family of its own.

    Args:
        called: the signal is measured by the callers of the component.
    """
    family = _OF_SIGNAL.get(signal, signal if signal in SIGNALS else _spelled(signal)[0])
    if not called:
        return family
    return LINK if signal == "connect_time_p90" else OF_CALLS + family


def measurable(kind: Kind) -> frozenset[str]:
    """Families that a component of this kind can measure of itself; of a service, those of a gateway."""
    known = Kind.GATEWAY if kind is Kind.SERVICE else kind
    return frozenset(_OF_SIGNAL[s.name] for s in SIGNALS.values() if known in s.kinds and s.name in _OF_SIGNAL)


def passed_on(signal: str) -> bool:
    """Whether trouble of a callee shows in this signal of its caller; taken for true where the signal is not known."""
    return family_of(signal, False) not in _OWN


def stands_alike(signal: str) -> bool:
    """Whether replicas have the same of it when all is well: what a machine or a role takes differs from the start."""
    return family_of(signal, False) in OF_REQUESTS or family_of(signal, True) == LINK
