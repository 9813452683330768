"""From a canonical signal to PromQL, for each way in which sources spell their metrics.

    resolve(signals, source, names) -> (queries, signals that nothing measures)

A `Spelling` is a fixed table of `Rule`s, a `Source` says which spellings to try in which order and under which labels
its series stand. Every query aggregates on the server and answers with one series a component (or edge), for all
components at once. What all rules keep to:

- counters go through `rate`, gauges never do;
- a quantile is taken from buckets summed by `le`, and no request in the window is a gap (NaN), not 0;
- a ratio whose divisor is zero is a gap;
- a gauge is read by `last_over_time` over two scrapes: the plain selector would repeat a dead target's last value for
  the server's look-back, five minutes by default;
- of a renamed metric, old and new name are joined by `or`, so that pods of both releases answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from string import Template

from cluster import signals as vocabulary
from cluster.signals import PODS, SERVING
from cluster.topology import Kind

_METRIC = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{")
_GATEWAY = frozenset({Kind.GATEWAY})
_NODE = frozenset({Kind.NODE})


@dataclass(frozen=True, slots=True)
class Rule:
    """How one spelling measures one signal.

    Attributes:
        signal: the canonical name.
        expr: PromQL in the source's own unit. Placeholders: `$by` the labels to group by, `$m` more label matchers,
            `$rate`, `$quantile`, `$fresh` the windows, `$component` and `$front_door` for series without a component;
            in a cluster `$everywhere` the matchers of series outside the namespace `$namespace`, and `$workload`.
        kinds: the components it speaks of.
        scale: factor from the source's unit to the canonical one.
        edge: measured by a caller of its calls to a callee.
        labels: what it groups by in place of the source's labels.
    """

    signal: str
    expr: str
    kinds: frozenset[Kind]
    scale: float = 1.0
    edge: bool = False
    labels: tuple[str, ...] = ()

    @property
    def metrics(self) -> frozenset[str]:
        """The metric names that it reads."""
        return frozenset(_METRIC.findall(self.expr))


@dataclass(frozen=True, slots=True)
class Spelling:
    """One exporter's names; at most one rule for a signal, kind and edge."""

    name: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Where series come from and how they are labelled.

    Attributes:
        spellings: the first that measures a signal of a kind wins.
        component, source, target: labels that hold the component's id; of an edge, the caller's and the callee's.
        front_door: the component that series measured by the clients are told of.
        matchers: more label matchers for every selector, as in `namespace="llm"`.
        scrape: seconds between two scrapes.
        rate_window, quantile_window: seconds that a rate or a quantile looks back; at least two and a half scrapes.
        scrapes: the same as `scrape` of spellings whose exporters are scraped at another pace, by name.
        kinds: the components that are asked for; None for all.
        namespace, everywhere, workload: see `Rule.expr`; `everywhere` ends in a comma unless it is empty.
    """

    spellings: tuple[Spelling, ...]
    component: str = "component"
    source: str = "component"
    target: str = "upstream"
    front_door: str = "gateway"
    matchers: str = ""
    # A rate needs two samples to exist and a few more to survive a late scrape. 5 s of scrapes at 1 s keep it sharp
    # enough for faults of tens of seconds.
    scrape: float = 1.0
    rate_window: float = 5.0
    # At one request a second and pod, 10 s put about ten requests behind a pod's p90 and forty behind the gateway's.
    # Longer windows are smoother but move every onset back; shorter ones make the p90 the slowest of a handful.
    quantile_window: float = 10.0
    scrapes: Mapping[str, float] = field(default_factory=dict, hash=False)
    kinds: frozenset[Kind] | None = None
    namespace: str = ""
    everywhere: str = ""
    workload: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL that answers with one series for each combination of `labels`, in the canonical unit."""

    signal: str
    expr: str
    labels: tuple[str, ...]
    kinds: frozenset[Kind] = field(default=frozenset())
    edge: bool = False


def resolve(
    signals: Sequence[str] | None, source: Source, names: Collection[str] | None = None
) -> tuple[list[Query], list[str]]:
    """Queries for the signals (all that the source's tables know, for None), and the signals that no rule measures.

    With `names`, the metric names that the server has, rules that would find nothing give way to later spellings.
    Raises KeyError for a name outside the vocabulary.
    """
    wanted = list(dict.fromkeys(signals)) if signals is not None else _known(source)
    queries, missing = [], []
    for name in wanted:
        vocabulary.signal(name)
        found = list(_first_rules(name, source, names))
        queries += [_query(rule, kinds, source, spelling) for rule, kinds, spelling in found]
        if not any(rule.edge is not bool(vocabulary.SIGNALS[name].kinds) for rule, _, _ in found):
            missing.append(name)
    return queries, missing


def _known(source: Source) -> list[str]:
    measured = {rule.signal for spelling in source.spellings for rule in spelling.rules}
    return [name for name in vocabulary.SIGNALS if name in measured]


def _first_rules(
    name: str, source: Source, names: Collection[str] | None
) -> Iterable[tuple[Rule, frozenset[Kind], Spelling]]:
    """Rules of a signal, each with the kinds that no earlier rule speaks of, and its spelling."""
    taken: dict[bool, frozenset[Kind]] = {True: frozenset(), False: frozenset()}
    for spelling in source.spellings:
        for rule in spelling.rules:
            if rule.signal != name or (names is not None and rule.metrics.isdisjoint(names)):
                continue
            new = rule.kinds - taken[rule.edge]
            if source.kinds is not None:
                new &= source.kinds
            if new:
                taken[rule.edge] |= new
                yield rule, new, spelling


def _query(rule: Rule, kinds: frozenset[Kind], source: Source, spelling: Spelling) -> Query:
    labels = rule.labels or ((source.source, source.target) if rule.edge else (source.component,))
    # Two scrapes and a little: one may be lost, the next may be late.
    fresh = 2.5 * source.scrapes.get(spelling.name, source.scrape)
    expr = Template(rule.expr).substitute(
        by=", ".join(labels),
        m=source.matchers,
        component=source.component,
        front_door=source.front_door,
        rate=_seconds(max(source.rate_window, fresh)),
        quantile=_seconds(max(source.quantile_window, fresh)),
        fresh=_seconds(fresh),
        namespace=source.namespace,
        everywhere=source.everywhere,
        workload=source.workload,
    )
    scaled = expr if rule.scale == 1.0 else f"({expr}) * {rule.scale!r}"
    return Query(rule.signal, scaled, labels, kinds, rule.edge)


def _seconds(value: float) -> str:
    return f"{round(value * 1000)}ms"


# What rules are made of. A matcher ends in a comma; PromQL allows one at the end.


def gauge(metric: str, match: str = "", how: str = "sum") -> str:
    return f"{how} by ($by) (last_over_time({metric}{{{match}$m}}[$fresh]))"


def rate(metric: str, match: str = "") -> str:
    return f"sum by ($by) (rate({metric}{{{match}$m}}[$rate]))"


def part_rate(metric: str, match: str) -> str:
    """Rate of some of a counter's series: 0, not a gap, while the counter is there and they are not."""
    return f"{rate(metric, match)} or 0 * {rate(metric)}"


def ratio(above: str, below: str) -> str:
    return f"({above}) / (({below}) > 0)"


def quantile(q: float, histogram: str, match: str = "") -> str:
    return f"histogram_quantile({q}, sum by ($by, le) (rate({histogram}_bucket{{{match}$m}}[$quantile])))"


def either(*exprs: str) -> str:
    return " or ".join(f"({expr})" for expr in exprs)


def quantiles(stem: str, histograms: Sequence[str], kinds: frozenset[Kind], scale: float = 1.0) -> tuple[Rule, ...]:
    return tuple(
        Rule(f"{stem}_p{round(100 * q)}", either(*(quantile(q, h) for h in histograms)), kinds, scale)
        for q in (0.5, 0.9)
    )


def _clients(q: float, histogram: str) -> str:
    """A quantile that the load generator measured from outside: it belongs to the front door."""
    merged = f"histogram_quantile({q}, sum by (le) (rate({histogram}_bucket{{$m}}[$quantile])))"
    return f'label_replace({merged}, "$component", "$front_door", "", "")'


def _local() -> tuple[Rule, ...]:
    """What `cluster.local` exports of pods, machine, gateway and clients, and its replicas through Ray."""
    duration, upstream = "gateway_request_duration_seconds", "gateway_upstream_requests_total"
    errors, to_pod, link = "gateway_upstream_errors_total", 'upstream!="",', 'link="eth0",'
    # Of the outcomes `refused` is the client's mistake, `cancelled` its impatience, `error` the replica's own failure.
    requests, throttled = "ray_llm_requests_total", "pod_cpu_throttled"
    return (
        Rule("request_rate", rate(upstream), _GATEWAY),
        Rule("error_rate", rate(errors), _GATEWAY),
        Rule("error_ratio", ratio(rate(errors), rate(upstream)), _GATEWAY),
        Rule("timeout_rate", part_rate(upstream, 'status=~"499|504",'), _GATEWAY),
        *quantiles("latency", [duration], _GATEWAY),
        *(
            Rule(f"{stem}_p{round(100 * q)}", _clients(q, histogram), _GATEWAY)
            for stem, histogram in (
                ("ttft", "client_time_to_first_token_seconds"),
                ("tpot", "client_time_per_output_token_seconds"),
            )
            for q in (0.5, 0.9)
        ),
        Rule("connections", gauge("gateway_connections", 'state="active",'), _GATEWAY),
        Rule("request_rate", rate(upstream, to_pod), SERVING, edge=True),
        Rule("error_rate", rate(errors, to_pod), SERVING, edge=True),
        Rule("latency_p50", quantile(0.5, duration, to_pod), SERVING, edge=True),
        Rule("latency_p90", quantile(0.9, duration, to_pod), SERVING, edge=True),
        Rule("connect_time_p90", quantile(0.9, "gateway_upstream_connect_seconds", to_pod), SERVING, edge=True),
        Rule("request_rate", rate(requests), SERVING),
        Rule("error_rate", part_rate(requests, 'outcome="error",'), SERVING),
        Rule("abort_rate", part_rate(requests, 'outcome="cancelled",'), SERVING),
        *quantiles("latency", ["ray_llm_request_duration_seconds"], SERVING),
        *quantiles("ttft", ["ray_llm_time_to_first_token_seconds"], SERVING),
        *quantiles("tpot", ["ray_llm_time_per_output_token_seconds"], SERVING),
        Rule("token_rate", rate("ray_llm_generated_tokens_total"), SERVING),
        Rule("queue_length", gauge("ray_llm_requests_waiting"), SERVING),
        Rule("running_requests", gauge("ray_llm_requests_in_flight"), SERVING),
        Rule("slots_busy", ratio(gauge("ray_llm_requests_running"), gauge("ray_llm_slots")), SERVING),
        Rule("kv_usage", gauge("ray_llm_kv_cache_usage_ratio", how="max"), SERVING),
        Rule("queue_time_p90", quantile(0.9, "ray_llm_request_queue_seconds"), SERVING),
        Rule("cpu_usage", rate("pod_cpu_usage_seconds_total"), PODS),
        Rule("cpu_usage", rate("node_cpu_seconds_total", 'mode!~"idle|iowait|steal",'), _NODE),
        # The gateway has no CPU limit that could throttle it.
        Rule("cpu_throttled", ratio(rate(f"{throttled}_periods_total"), rate("pod_cpu_periods_total")), SERVING),
        Rule("memory_working_set", gauge("pod_memory_working_set_bytes"), PODS),
        Rule(
            "memory_used",
            f"{gauge('node_memory_MemTotal_bytes')} - {gauge('node_memory_MemAvailable_bytes')}",
            _NODE,
        ),
        Rule("network_receive", rate("pod_network_receive_bytes_total", link), PODS),
        Rule("network_transmit", rate("pod_network_transmit_bytes_total", link), PODS),
    )


def _vllm(prefix: str) -> tuple[Rule, ...]:
    """vLLM's own metrics under one of its prefixes; of a renamed one the newest name stands first."""

    def names(*stems: str) -> list[str]:
        return [prefix + stem for stem in stems]

    success = f"{prefix}request_success_total"
    token_time = names(
        "request_time_per_output_token_seconds", "inter_token_latency_seconds", "time_per_output_token_seconds"
    )
    cache = names("kv_cache_usage_perc", "gpu_cache_usage_perc")  # shares from 0 to 1, whatever the name says
    phases = (
        ("queue_time_p90", "request_queue_time_seconds"),
        ("prefill_time_p90", "request_prefill_time_seconds"),
        ("decode_time_p90", "request_decode_time_seconds"),
        ("prompt_tokens_p90", "request_prompt_tokens"),
        ("batch_tokens_p90", "iteration_tokens_total"),
    )
    return (
        Rule("request_rate", rate(success), SERVING),
        Rule("error_rate", part_rate(success, 'finished_reason="error",'), SERVING),
        Rule("abort_rate", part_rate(success, 'finished_reason="abort",'), SERVING),
        *quantiles("latency", names("e2e_request_latency_seconds"), SERVING),
        *quantiles("ttft", names("time_to_first_token_seconds"), SERVING),
        *quantiles("tpot", token_time, SERVING),
        Rule("token_rate", rate(f"{prefix}generation_tokens_total"), SERVING),
        Rule("queue_length", gauge(f"{prefix}num_requests_waiting"), SERVING),
        Rule("running_requests", gauge(f"{prefix}num_requests_running"), SERVING),
        Rule("kv_usage", either(*(gauge(name, how="max") for name in cache)), SERVING),
        Rule("preemption_rate", rate(f"{prefix}num_preemptions_total"), SERVING),
        *(Rule(name, quantile(0.9, prefix + stem), SERVING) for name, stem in phases),
    )


def _llamacpp() -> tuple[Rule, ...]:
    """llama.cpp's server. Its `*_seconds` gauges are averages over its whole life and of no use here."""
    return (
        Rule("token_rate", rate("llamacpp:tokens_predicted_total"), SERVING),
        Rule("queue_length", gauge("llamacpp:requests_deferred"), SERVING),
        Rule("running_requests", gauge("llamacpp:requests_processing"), SERVING),
        Rule("kv_usage", gauge("llamacpp:kv_cache_usage_ratio", how="max"), SERVING),  # gone from newer releases
    )


def _ray_serve() -> tuple[Rule, ...]:
    """Ray Serve's replicas; its latencies are in milliseconds.

    Failed health checks are left out: the controller counts them, and the head would bear the failures of all replicas.
    """
    requests = "ray_serve_deployment_request_counter_total"
    errors = "ray_serve_deployment_error_counter_total"
    return (
        Rule("request_rate", rate(requests), SERVING),
        Rule("error_rate", f"{rate(errors)} or 0 * {rate(requests)}", SERVING),
        *quantiles("latency", ["ray_serve_deployment_processing_latency_ms"], SERVING, scale=1e-3),
        Rule("running_requests", gauge("ray_serve_replica_processing_queries"), SERVING),
    )


LOCAL = Spelling("local", _local())
VLLM = Spelling("vllm:", _vllm("vllm:"))
RAY_VLLM_COLON = Spelling("ray_vllm:", _vllm("ray_vllm:"))
RAY_VLLM = Spelling("ray_vllm_", _vllm("ray_vllm_"))
LLAMACPP = Spelling("llamacpp:", _llamacpp())
RAY_SERVE = Spelling("ray_serve", _ray_serve())
SPELLINGS = (LOCAL, VLLM, RAY_VLLM_COLON, RAY_VLLM, LLAMACPP, RAY_SERVE)
