"""The kind of trouble, by its footprint: which signals of the component moved beyond those of its peers.

The kind is named after the component is: it has no say in whom to blame. Footprints are tried in the order of
`_KINDS`, the most specific first; the first that fits is the kind. They follow from what each kind does to a queueing
system: a starved engine takes longer for each token and makes fewer; one with too many requests makes more tokens and
still queues; a long prompt stretches the tail and not the median; a link changes what callers measure.

What passes requests on, a gateway, has footprints of its own, `_OF_RELAYS`: its link shows in all of its calls alike,
it makes no tokens, and what it receives is mostly its callees' answers. What has no engine has other words, too: its
process stopped, not an engine.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from cluster.topology import Kind, Relation, Topology
from methods.peers.account import Means
from methods.verdict.types import Trouble

GONE = 0.3
"""Share of its former level below which a rate has stopped."""
NEAR_ZERO = 0.01
"""Added to both levels, as a share of the larger: a signal that was nothing has not risen without bound."""
AT_QUOTA = 0.5
"""Share of its periods in which a process was held back, from which on it wants more CPU than it may have."""
NOTHING = 0.02
"""Share of its former level below which nothing arrives: who calls what has stopped still knocks."""


@dataclass(frozen=True)
class Footprint:
    """What a component's signals did, from the onset to the end of the trouble.

    Attributes:
        callers: who measures calls to it.
        uses: GPUs that it computes on.
        relays: it passes requests on to its callees.
        engine: it computes tokens.
        ending: the same means, of the second half of that time; None where it is not looked at alone.
    """

    means: Means
    component: str
    peers: tuple[str, ...]
    callers: tuple[str, ...]
    callees: tuple[str, ...]
    uses: tuple[str, ...] = ()
    relays: bool = False
    engine: bool = True
    ending: Means | None = None

    @property
    def hardly_completes(self) -> bool:
        """Whether its requests and its tokens are nearly gone."""
        rates = [rate for name in _RATES if (rate := self.own(name)) is not None]
        return bool(rates) and max(rates) <= GONE

    @property
    def at_quota(self) -> bool:
        """Whether it is held back in most of its periods, and not less than before."""
        throttled = self.means.of(self.component, "cpu_throttled")
        return throttled[1] >= AT_QUOTA and _factor(*throttled) >= AT_QUOTA

    @property
    def computes(self) -> bool:
        """Whether it runs: at the quota of its CPU, or still completing requests with no less CPU than half of before.

        What its peers do has no say in that: on a full machine they are held back as well.
        """
        if self.at_quota:
            return True
        used = _factor(*self.means.of(self.component, "cpu_usage"))
        pairs = [self.ending.of(self.component, name) for name in _RATES] if self.ending else []
        return used >= AT_QUOTA and any(inside > NOTHING * before for before, inside in pairs)

    def own(self, signal: str) -> float | None:
        """Factor by which a signal of the component changed beyond its peers; None where it was not measured."""
        shared = self.means.median([(peer, signal) for peer in self.peers])
        return _beyond(self.means.of(self.component, signal), shared)

    def called(self, signal: str) -> float | None:
        """The same for what callers measure of their calls to it: the largest over the callers."""
        found = []
        for caller in self.callers:
            shared = self.means.median([(caller, peer, signal) for peer in self.peers])
            found.append(_beyond(self.means.of(caller, self.component, signal), shared))
        return max((factor for factor in found if factor is not None), default=None)

    def calls(self, signal: str) -> float | None:
        """Factor by which a signal of its own calls changed: the median over its callees, as its link has them all."""
        found = (_beyond(self.means.of(self.component, callee, signal), None) for callee in self.callees)
        known = [factor for factor in found if factor is not None]
        return statistics.median(known) if known else None

    def calls_longer(self) -> float | None:
        """Factor by which its calls take longer than the callees themselves say, in the median of them."""
        found = []
        for callee in self.callees:
            call = _beyond(self.means.of(self.component, callee, "latency_p90"), None)
            said = _beyond(self.means.of(callee, "latency_p90"), None)
            if call is not None and said is not None:
                found.append(call / said)
        return statistics.median(found) if found else None

    def beyond_callees(self, signal: str) -> float | None:
        """Factor by which a signal changed beyond that of any callee: users may have to do with the worst alone."""
        own = self.own(signal)
        said = [f for callee in self.callees if (f := _beyond(self.means.of(callee, signal), None)) is not None]
        return None if own is None else own / max(said, default=1.0)

    def grown(self, signal: str) -> float | None:
        """Factor by which a signal grew, measured by what its callees have where that is more than it had."""
        before, inside = self.means.of(self.component, signal)
        others = self.means.median([(callee, signal) for callee in self.callees])
        level = max(before, others[0]) if others else before
        return _beyond((level, level + inside - before), None)

    def inside(self, signal: str) -> float | None:
        value = self.means.of(self.component, signal)[1]
        return value if math.isfinite(value) else None

    def wider(self, signal: str) -> float | None:
        """Factor by which the 90th percentile moved away from the median: `signal` is the name without its suffix."""
        tail, middle = self.own(f"{signal}_p90"), self.own(f"{signal}_p50")
        return tail / middle if tail is not None and middle else None

    def called_wider(self) -> float | None:
        tail, middle = self.called("latency_p90"), self.called("latency_p50")
        return tail / middle if tail is not None and middle else None

    def gpu(self, signal: str) -> float | None:
        """The largest change of a signal among the GPUs that it computes on."""
        found = [f for gpu in self.uses if (f := _beyond(self.means.of(gpu, signal), None)) is not None]
        return max(found, key=lambda factor: abs(math.log(factor)), default=None)


def footprint(
    topology: Topology, component: str, means: Means, peers: tuple[str, ...], ending: Means | None = None
) -> Footprint:
    gpus = tuple(e.target for e in topology.edges if e.source == component and e.relation is Relation.USES)
    kind, callers, callees = (
        topology.component(component).kind,
        topology.callers(component),
        topology.callees(component),
    )
    computes_on = (component,) if kind is Kind.GPU else gpus
    relays = bool(callees) and (kind in (Kind.GATEWAY, Kind.HEAD) or not callers)
    engine = has_engine(topology, component)
    return Footprint(means, component, peers, callers, callees, computes_on, relays, engine, ending)


def has_engine(topology: Topology, component: str) -> bool:
    """Whether it computes tokens: a gateway, a head that passes requests on, and a service of another stack do not."""
    kind = topology.component(component).kind
    return kind not in (Kind.GATEWAY, Kind.SERVICE) and not (kind is Kind.HEAD and topology.callees(component))


def kind_of(print_: Footprint, *, routed: bool) -> Trouble:
    """The kind whose footprint this is; UNKNOWN where none fits.

    Args:
        routed: the component is blamed for where it sends requests.
    """
    if routed:
        return Trouble.ROUTING
    kinds = _OF_RELAYS if print_.relays else _KINDS
    found = next((kind for kind, fits in kinds if fits(print_)), Trouble.UNKNOWN)
    return found if print_.engine else _WITHOUT_ENGINE.get(found, found)


def against(print_: Footprint, kind: Trouble) -> tuple[tuple[str, str], ...]:
    """(signal, what it should have done) of measured signals that do not fit the kind."""
    found = []
    for signal, rises in _EXPECTED.get(kind, {}).items():
        factor = print_.own(signal)
        if factor is not None and (factor < 0.9 if rises else factor > 1.1):
            found.append((signal, "rise" if rises else "fall"))
    return tuple(found)


def _beyond(pair: tuple[float, float], shared: tuple[float, float] | None) -> float | None:
    if not all(map(math.isfinite, pair)):
        # A rate or a quantile that ends has no value; what it was before is still known.
        return None
    return _factor(*pair) / (_factor(*shared) if shared else 1.0)


def _factor(before: float, inside: float) -> float:
    small = NEAR_ZERO * max(abs(before), abs(inside))
    return (inside + small) / (before + small) if small > 0 else 1.0


def _up(value: float | None, factor: float) -> bool:
    return value is not None and value >= factor


def _down(value: float | None, factor: float) -> bool:
    return value is not None and value <= factor


def _stopped(p: Footprint) -> bool:
    # Of its limit a process that does not run uses nothing: one that is throttled still computes.
    return p.hardly_completes and not _up(p.own("cpu_throttled"), 1.2) and not p.computes


def _restarted(p: Footprint) -> bool:
    # A fresh process has less memory, and fetches its code and weights.
    fresh = _down(p.own("memory_working_set"), 0.85) and _down(p.own("request_rate"), 0.7)
    return _up(p.own("restarts"), 1.2) or fresh


def _cut_off(p: Footprint) -> bool:
    return _stopped(p) and _down(p.own("network_receive"), GONE)


def _lossy(p: Footprint) -> bool:
    # What is lost is sent again: more bytes for the same answers, and only some of the calls are late.
    resent = _up(p.own("network_transmit"), 1.1)
    return _link(p) and not _down(p.own("network_transmit"), 0.8) and (resent or _up(p.called_wider(), 1.3))


def _link(p: Footprint) -> bool:
    late, engine = p.called("latency_p90"), p.own("latency_p90")
    beyond = late is not None and engine is not None and late >= 1.3 and late >= 1.5 * engine
    late_itself = engine is not None and _up(p.own("tpot_p50"), 5.0)
    # Who waits for CPU is late to accept calls, too.
    waits = _up(p.own("cpu_throttled"), 2.0)
    return _up(p.called("connect_time_p90"), 2.0) and (beyond or not late_itself) and not waits


def _memory(p: Footprint) -> bool:
    return _up(p.own("memory_working_set"), 1.3) or _up(p.gpu("gpu_memory_used"), 1.1)


def _gpu(p: Footprint) -> bool:
    held = any(_up(p.gpu(name), 1.2) for name in ("gpu_throttle_power", "gpu_throttle_thermal"))
    slower = any(_down(p.gpu(name), 0.9) for name in ("gpu_sm_clock", "gpu_power_limit"))
    return held or slower or (_up(p.gpu("gpu_utilization"), 1.1) and not _up(p.own("token_rate"), 1.1))


def _cache(p: Footprint) -> bool:
    full = p.inside("kv_usage")
    return _up(p.own("preemption_rate"), 1.5) or (_up(p.own("kv_usage"), 1.5) and full is not None and full >= 0.9)


def _queue(p: Footprint) -> bool:
    return _up(p.own("token_rate"), 1.25) and any(_up(p.own(name), 2.0) for name in ("queue_length", "slots_busy"))


def _prefill(p: Footprint) -> bool:
    longer = _up(p.own("prompt_tokens_p90"), 1.5) or _up(p.own("prefill_time_p90"), 3.0)
    return longer or _first_token_alone(p) or any(_up(p.wider(name), 1.9) for name in ("tpot", "ttft"))


def _first_token_alone(p: Footprint) -> bool:
    # Who is short of CPU takes longer for each token; a long prompt computes before the first.
    first, each = p.own("ttft_p50"), p.own("tpot_p50")
    return _busy(p) and first is not None and each is not None and first >= 3.0 * max(each, 1.0)


def _starved(p: Footprint) -> bool:
    return _busy(p) or _up(p.own("tpot_p50"), 1.5) or (p.hardly_completes and p.at_quota)


def _busy(p: Footprint) -> bool:
    return any(_up(p.own(name), 1.3) for name in ("cpu_throttled", "cpu_usage"))


def _waiting(p: Footprint) -> bool:
    return any(_up(p.own(name), 2.0) for name in ("queue_length", "queue_time_p90", "slots_busy", "running_requests"))


def _relay_cut_off(p: Footprint) -> bool:
    return _stopped(p) and _down(p.own("network_receive"), NOTHING)


def _relay_starved(p: Footprint) -> bool:
    # More requests take more CPU, and nobody is late for it.
    more = max(p.own("request_rate") or 1.0, 1.0)
    busy = _up(p.own("cpu_throttled"), 1.3) or _up(p.own("cpu_usage"), 1.3 * more)
    return busy and _late(p)


def _late(p: Footprint) -> bool:
    return _up(p.calls_longer(), 1.2) or _up(p.beyond_callees("latency_p90"), 1.3)


def _relay_lossy(p: Footprint) -> bool:
    tail, middle = p.calls("latency_p90"), p.calls("latency_p50")
    wider = tail is not None and middle is not None and tail >= 1.3 * middle
    return _relay_link(p) and not _down(p.own("network_transmit"), 0.8) and (wider or _resends(p))


def _resends(p: Footprint) -> bool:
    sent, requests = p.own("network_transmit"), p.own("request_rate")
    return sent is not None and _up(sent / max(requests or 1.0, NEAR_ZERO), 1.1)


def _relay_link(p: Footprint) -> bool:
    return _up(p.calls("connect_time_p90"), 2.0) and _late(p)


def _relay_memory(p: Footprint) -> bool:
    full = _up(p.inside("memory_limit_ratio"), 0.9) and _up(p.own("memory_limit_ratio"), 1.1)
    return _up(p.grown("memory_working_set"), 1.3) or full


def _relay_waiting(p: Footprint) -> bool:
    return any(_up(p.own(name), 2.0) for name in ("queue_length", "router_queue", "queue_time_p90"))


_KINDS: Final[tuple[tuple[Trouble, Callable[[Footprint], bool]], ...]] = (
    (Trouble.RESTARTED, _restarted),
    (Trouble.CUT_OFF, _cut_off),
    (Trouble.STOPPED, _stopped),
    (Trouble.LINK_LOSSY, _lossy),
    (Trouble.LINK_SLOW, _link),
    (Trouble.MEMORY, _memory),
    (Trouble.GPU, _gpu),
    (Trouble.KV_CACHE, _cache),
    (Trouble.QUEUE, _queue),
    (Trouble.PREFILL, _prefill),
    (Trouble.CPU, _starved),
    (Trouble.QUEUE, _waiting),
)

_OF_RELAYS: Final[tuple[tuple[Trouble, Callable[[Footprint], bool]], ...]] = (
    (Trouble.RESTARTED, _restarted),
    (Trouble.CUT_OFF, _relay_cut_off),
    (Trouble.STOPPED, _stopped),
    (Trouble.MEMORY, _relay_memory),
    # Who waits for CPU opens connections late, too.
    (Trouble.CPU, _relay_starved),
    (Trouble.LINK_LOSSY, _relay_lossy),
    (Trouble.LINK_SLOW, _relay_link),
    (Trouble.QUEUE, _relay_waiting),
    (Trouble.CALLER, _late),
)

_WITHOUT_ENGINE: Final = {Trouble.STOPPED: Trouble.PROCESS_STOPPED, Trouble.RESTARTED: Trouble.PROCESS_RESTARTED}

_EXPECTED: Final[Mapping[Trouble, Mapping[str, bool]]] = {
    Trouble.CPU: {"cpu_throttled": True, "cpu_usage": True, "token_rate": False},
    Trouble.MEMORY: {"memory_working_set": True},
    Trouble.STOPPED: {"cpu_usage": False, "request_rate": False, "token_rate": False},
    Trouble.PROCESS_STOPPED: {"cpu_usage": False, "request_rate": False},
    Trouble.CUT_OFF: {"network_receive": False, "network_transmit": False},
    Trouble.RESTARTED: {"request_rate": False, "memory_working_set": False},
    Trouble.PROCESS_RESTARTED: {"request_rate": False, "memory_working_set": False},
    Trouble.QUEUE: {"queue_length": True, "running_requests": True},
    Trouble.KV_CACHE: {"kv_usage": True, "queue_length": True},
    Trouble.PREFILL: {"ttft_p90": True, "running_requests": True},
    Trouble.GPU: {"tpot_p50": True, "token_rate": False},
}
"""Kind -> signal -> whether it should rise; True where a fall, and False where a rise, does not fit."""

_RATES: Final = ("request_rate", "token_rate")

SHOWS_IN: Final[Mapping[Trouble, tuple[str, ...]]] = {
    Trouble.CPU: ("cpu_throttled", "cpu_usage"),
    Trouble.MEMORY: ("memory_working_set", "memory_limit_ratio"),
    Trouble.LINK_SLOW: ("connect_time_p90",),
    Trouble.LINK_LOSSY: ("connect_time_p90",),
    Trouble.CUT_OFF: ("network_receive",),
    Trouble.STOPPED: ("token_rate", "cpu_usage"),
    Trouble.PROCESS_STOPPED: ("request_rate", "cpu_usage"),
    Trouble.RESTARTED: ("restarts", "memory_working_set"),
    Trouble.PROCESS_RESTARTED: ("restarts", "memory_working_set"),
    Trouble.QUEUE: ("queue_length", "token_rate"),
    Trouble.PREFILL: ("ttft_p90", "prompt_tokens_p90"),
    Trouble.KV_CACHE: ("kv_usage", "preemption_rate"),
    Trouble.ROUTING: ("request_rate",),
    Trouble.CALLER: ("cpu_usage", "connections"),
    Trouble.GPU: ("gpu_sm_clock", "gpu_throttle_power"),
}
"""The signals that show each kind best, of those that the vocabulary has."""
