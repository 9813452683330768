"""The canonical vocabulary of metrics: one name, unit and meaning for each signal, whatever the source calls it.

`cluster.prometheus.promql` turns these names into queries. Everything is in base units: seconds, bytes, hertz, watts;
shares are from 0 to 1. `kinds` says which components can carry a signal, not that every deployment measures it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from cluster.topology import Kind

SERVING = frozenset({Kind.HEAD, Kind.REPLICA})
PODS = SERVING | {Kind.GATEWAY, Kind.WORKER}


class Quantity(StrEnum):
    """How a value is computed, which decides what a missing value means.

    `GAUGE`: a level at that moment. `RATE`: events a second over a short window; no event is 0. `QUANTILE`: of the
    requests that ended in a window; no request is a gap. `RATIO`: of two rates; a zero denominator is a gap.
    """

    GAUGE = "gauge"
    RATE = "rate"
    QUANTILE = "quantile"
    RATIO = "ratio"


class Hurts(StrEnum):
    """The direction of change that indicates trouble. `EITHER`: load and what follows it, where both directions do."""

    UP = "up"
    DOWN = "down"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Signal:
    """One entry of the vocabulary. `on_edges`: a caller can measure it of its calls to one callee.

    `kinds` is empty for what can be measured on edges only.
    """

    name: str
    unit: str
    measures: str
    kinds: frozenset[Kind]
    quantity: Quantity
    hurts: Hurts
    on_edges: bool = False


def _table() -> Iterable[Signal]:
    gauge, rate, quantile, ratio = Quantity.GAUGE, Quantity.RATE, Quantity.QUANTILE, Quantity.RATIO
    up, down, either = Hurts.UP, Hurts.DOWN, Hurts.EITHER
    node, gateway, gpu = frozenset({Kind.NODE}), frozenset({Kind.GATEWAY}), frozenset({Kind.GPU})
    engines, everyone = SERVING | {Kind.ENGINE}, SERVING | {Kind.GATEWAY, Kind.ENGINE}
    head, anywhere, nowhere = frozenset({Kind.HEAD}), PODS | {Kind.NODE}, frozenset[Kind]()

    # Load and user-visible latency and errors.
    yield Signal("request_rate", "1/s", "requests that ended", everyone, rate, either, on_edges=True)
    yield Signal("error_rate", "1/s", "requests that failed", everyone, rate, up, on_edges=True)
    yield Signal("error_ratio", "1", "failed share of the requests that ended", gateway, ratio, up)
    yield Signal("timeout_rate", "1/s", "requests that timed out or were given up (504, 499)", gateway, rate, up)
    yield Signal("abort_rate", "1/s", "requests that the engine aborted", engines, rate, up)
    yield Signal("latency_p50", "s", "median time of a whole request", everyone, quantile, up, on_edges=True)
    yield Signal("latency_p90", "s", "90th percentile of a whole request's time", everyone, quantile, up, on_edges=True)
    yield Signal(
        "connect_time_p90",
        "s",
        "90th percentile of the time to open a connection",
        nowhere,
        quantile,
        up,
        on_edges=True,
    )
    yield Signal("ttft_p50", "s", "median time to the first token", everyone, quantile, up)
    yield Signal("ttft_p90", "s", "90th percentile of the time to the first token", everyone, quantile, up)
    # With speculation an event brings several tokens: the next two are not to be compared with each other.
    yield Signal("tpot_p50", "s", "median time per output token after the first", everyone, quantile, up)
    yield Signal(
        "tpot_p90", "s", "90th percentile of the time per output token after the first", everyone, quantile, up
    )
    yield Signal("inter_token_p50", "s", "median time between two output events", engines, quantile, up)
    yield Signal("inter_token_p90", "s", "90th percentile of the time between two output events", engines, quantile, up)
    yield Signal("token_rate", "1/s", "tokens generated", engines, rate, either)
    yield Signal("connections", "1", "open client connections", gateway, gauge, either)

    # The scheduler: queue, batch, cache, phases.
    yield Signal("queue_length", "1", "requests that wait for the engine", engines, gauge, up)
    yield Signal("router_queue", "1", "requests that wait in a router for a replica", SERVING, gauge, up)
    yield Signal("running_requests", "1", "requests in work", engines, gauge, either)
    yield Signal("slots_busy", "1", "share of the engine's slots in use", SERVING, gauge, either)
    yield Signal("kv_usage", "1", "share of the KV cache in use", engines, gauge, up)
    yield Signal("preemption_rate", "1/s", "requests pushed out of the KV cache", engines, rate, up)
    yield Signal("queue_time_p90", "s", "90th percentile of the time in the engine's queue", engines, quantile, up)
    yield Signal("prefill_time_p90", "s", "90th percentile of the prefill phase", engines, quantile, up)
    yield Signal("decode_time_p90", "s", "90th percentile of the decode phase", engines, quantile, up)
    yield Signal("prompt_tokens_p90", "1", "90th percentile of the prompt's length", engines, quantile, either)
    yield Signal("batch_tokens_p90", "1", "90th percentile of tokens per engine step", engines, quantile, either)
    yield Signal("restarts", "1", "starts of the replica or container since the deployment began", PODS, gauge, up)

    # The host.
    yield Signal("cpu_usage", "cores", "CPU in use", anywhere, rate, either)
    yield Signal("cpu_throttled", "1", "share of the CPU scheduler's periods cut short by the limit", PODS, ratio, up)
    yield Signal("memory_working_set", "bytes", "memory that cannot be dropped under pressure", PODS, gauge, up)
    yield Signal("memory_limit_ratio", "1", "working set over the memory limit", PODS, ratio, up)
    yield Signal("memory_used", "bytes", "memory in use on the machine", node, gauge, up)
    yield Signal("gcs_memory", "bytes", "resident memory of Ray's global control service", head, gauge, up)
    yield Signal("network_receive", "bytes/s", "data received", PODS, rate, either)
    yield Signal("network_transmit", "bytes/s", "data sent", PODS, rate, either)

    # GPUs.
    yield Signal("gpu_utilization", "1", "share of time with a kernel running", gpu, gauge, either)
    yield Signal("gpu_tensor_active", "1", "share of time with the tensor pipes active", gpu, gauge, either)
    yield Signal("gpu_dram_active", "1", "share of time with the memory interface active", gpu, gauge, either)
    yield Signal("gpu_sm_clock", "Hz", "clock of the streaming multiprocessors", gpu, gauge, down)
    yield Signal("gpu_power", "W", "power drawn", gpu, gauge, either)
    yield Signal("gpu_power_limit", "W", "power limit in force", gpu, gauge, down)
    yield Signal("gpu_temperature", "°C", "temperature of the chip", gpu, gauge, up)
    yield Signal("gpu_throttle_power", "1", "share of time held back by the power limit", gpu, rate, up)
    yield Signal("gpu_throttle_thermal", "1", "share of time held back by heat", gpu, rate, up)
    yield Signal("gpu_memory_used", "bytes", "framebuffer in use", gpu, gauge, up)
    yield Signal("gpu_memory_free", "bytes", "framebuffer free", gpu, gauge, down)
    yield Signal("gpu_xid_errors", "1", "code of the last XID error, 0 for none", gpu, gauge, up)


SIGNALS: Mapping[str, Signal] = MappingProxyType({signal.name: signal for signal in _table()})
UNITS: Mapping[str, str] = MappingProxyType({signal.name: signal.unit for signal in SIGNALS.values()})


def signal(name: str) -> Signal:
    """The signal of that name. Raises KeyError naming those that exist."""
    try:
        return SIGNALS[name]
    except KeyError:
        raise KeyError(f"no signal {name}; there are: {', '.join(SIGNALS)}") from None


def carried_by(kind: Kind) -> tuple[Signal, ...]:
    """The signals that a component of this kind can carry, in the table's order."""
    return tuple(s for s in SIGNALS.values() if kind in s.kinds)
