"""Families of signals: those of one family measure the same thing, so together they count once."""

from __future__ import annotations

from typing import Final

from cluster.signals import SIGNALS
from cluster.topology import Kind
from methods.peers.blocks import WAIT

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
UNKNOWN: Final = "unknown"
"""Of signals that no vocabulary has: they may all measure the same thing."""
LINK: Final = "link"
SILENCE: Final = "silence"
OF_CALLS: Final = "calls: "
"""Before a family that callers measure."""

BEYOND: Final = "beyond the callees: "
"""Before a family of a caller: all of its calls are slower than the callees say."""

_OF_SIGNAL = {signal: family for family, signals in FAMILIES.items() for signal in signals}
_OWN = frozenset({"cpu", "memory"})


def family_of(signal: str, called: bool) -> str:
    """The family of a signal; a known one that is in no list is a family of its own.

    Args:
        called: the signal is measured by the callers of the component.
    """
    family = _OF_SIGNAL.get(signal, signal if signal in SIGNALS else UNKNOWN)
    if not called:
        return family
    return LINK if signal == "connect_time_p90" else OF_CALLS + family


def measurable(kind: Kind) -> frozenset[str]:
    """Families that a component of this kind can measure of itself; of a service, those of a gateway."""
    known = Kind.GATEWAY if kind is Kind.SERVICE else kind
    return frozenset(_OF_SIGNAL[s.name] for s in SIGNALS.values() if known in s.kinds and s.name in _OF_SIGNAL)


def passed_on(signal: str) -> bool:
    """Whether trouble of a callee shows in this signal of its caller; taken for true where the signal is not known."""
    return _OF_SIGNAL.get(signal) not in _OWN
