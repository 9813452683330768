"""Builds the PromQL queries for canonical signals from the tables of metric names.

    resolve(signals, source, names) -> (queries, signals that nothing measures)

A `Spelling` is one exporter's table of `Rule`s; a `Source` lists the spellings to try, in order, and how the series are
labelled and scraped. Every query aggregates on the server and returns one series per component (or call edge), for
all components at once. Rules that all tables follow:

- counters go through `rate`, gauges never do;
- a quantile is computed from buckets summed by `le`; no request in the window is a gap (NaN), not 0;
- a ratio with a zero divisor is a gap;
- a gauge is read with `last_over_time` over two scrapes: a plain selector would repeat the last value of a dead target
  for the server's look-back, five minutes by default;
- the old and the new name of a renamed metric are joined by `or`, so that pods of both releases are covered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from string import Template

from cluster import signals as vocabulary
from cluster.topology import Kind

_METRIC = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{")


@dataclass(frozen=True, slots=True)
class Rule:
    """How one exporter measures one signal.

    Attributes:
        signal: the canonical name.
        expr: PromQL in the exporter's unit. Placeholders: `$by` the labels to group by; `$m` the source's matchers;
            `$rate`, `$quantile`, `$fresh` the windows; `$component` and `$front_door` for series without a component.
            For series that lie outside the deployment's namespace: `$everywhere` their matchers, `$namespace` the
            deployment's namespace, `$workload` its gateway's workload.
        kinds: the components that it measures.
        scale: factor from the exporter's unit to the canonical unit.
        edge: measured by a caller, of its calls to a callee.
        labels: labels that identify the owner in place of the source's, in this order: of a node its instance and its
            name; of a GPU its pod and its number; of an edge the caller's address and workload, then the callee's.
            Ignored where series carry component ids.
    """

    signal: str
    expr: str
    kinds: frozenset[Kind]
    scale: float = 1.0
    edge: bool = False
    labels: tuple[str, ...] = ()

    @property
    def metrics(self) -> frozenset[str]:
        """Names of the metrics that it reads."""
        return frozenset(_METRIC.findall(self.expr))


@dataclass(frozen=True, slots=True)
class Spelling:
    """The metric names of one exporter; at most one rule per signal, kind and edge."""

    name: str
    rules: tuple[Rule, ...]

    @property
    def metrics(self) -> frozenset[str]:
        """Names of all metrics that its rules read."""
        return frozenset[str]().union(*(rule.metrics for rule in self.rules))

    def renamed(self, rename: Callable[[str], str]) -> Spelling:
        """The same table with every metric, and the table itself, under another name."""
        rules = (
            replace(rule, expr=_METRIC.sub(lambda found: f"{rename(found[1])}{{", rule.expr)) for rule in self.rules
        )
        return Spelling(rename(self.name), tuple(rules))


@dataclass(frozen=True, slots=True)
class Source:
    """A Prometheus: which spellings its series use, how they are labelled and how often they are scraped.

    Attributes:
        spellings: in order of preference: the first that measures a signal of a kind is used.
        carries_ids: every series carries the component's id in `component`, so the rules' own labels are not needed.
        component, source, target: labels that hold the component's id; of an edge, the caller's and the callee's.
        front_door: the component that owns what the clients measure.
        matchers: label matchers for every selector, as in `namespace="llm",`.
        scrape: seconds between two scrapes.
        rate_window, quantile_window: seconds that a rate or a quantile looks back; at least two and a half scrapes.
        scrapes: seconds between two scrapes by name of the spelling, where they differ from `scrape`.
        kinds: kinds of components to query; None for all.
        namespace, everywhere, workload: see `Rule.expr`; `everywhere` ends in a comma unless it is empty.
    """

    spellings: tuple[Spelling, ...]
    carries_ids: bool = True
    component: str = "component"
    source: str = "component"
    target: str = "upstream"
    front_door: str = "gateway"
    matchers: str = ""
    # A rate needs two samples, and a few more to survive a late scrape. At one scrape a second, 5 s keep it sharp
    # enough for faults of tens of seconds.
    scrape: float = 1.0
    rate_window: float = 5.0
    # At one request a second and pod, 10 s put about ten requests behind a pod's p90 and forty behind the gateway's.
    # Longer windows are smoother but delay every onset; shorter ones make the p90 the slowest of a handful.
    quantile_window: float = 10.0
    scrapes: Mapping[str, float] = field(default_factory=dict, hash=False)
    kinds: frozenset[Kind] | None = None
    namespace: str = ""
    everywhere: str = ""
    workload: str = ""

    def sampled(self, step: float) -> Source:
        """The same with windows of at least `step` seconds: between two samples that far apart nothing is left out."""
        return replace(self, rate_window=max(self.rate_window, step), quantile_window=max(self.quantile_window, step))


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL that returns one series per combination of values of `labels`, in the canonical unit."""

    signal: str
    expr: str
    labels: tuple[str, ...]
    kinds: frozenset[Kind] = field(default=frozenset())
    edge: bool = False


def resolve(
    signals: Sequence[str] | None, source: Source, names: Collection[str] | None = None
) -> tuple[list[Query], list[str]]:
    """Queries for the signals (None: all that the source's tables know), and the signals that no rule measures.

    With `names`, the metric names that the server has, a rule without any of its metrics gives way to later spellings.
    Raises KeyError for a name outside the vocabulary.
    """
    wanted = list(dict.fromkeys(signals)) if signals is not None else _known(source)
    queries, missing = [], []
    for name in wanted:
        vocabulary.signal(name)
        matches = list(_first_rules(name, source, names))
        queries += [_query(rule, kinds, source, spelling) for rule, kinds, spelling in matches]
        if not any(rule.edge is not bool(vocabulary.SIGNALS[name].kinds) for rule, _, _ in matches):
            missing.append(name)
    return queries, missing


def _known(source: Source) -> list[str]:
    measured = {rule.signal for spelling in source.spellings for rule in spelling.rules}
    return [name for name in vocabulary.SIGNALS if name in measured]


def _first_rules(
    name: str, source: Source, names: Collection[str] | None
) -> Iterable[tuple[Rule, frozenset[Kind], Spelling]]:
    """The rules of a signal, each with the kinds that no earlier rule measures, and its spelling."""
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
    labels: tuple[str, ...] = (source.source, source.target) if rule.edge else (source.component,)
    if rule.labels and not source.carries_ids:
        labels = rule.labels
    # Two scrapes and a little: one may be lost, the next may be late.
    fresh = 2.5 * source.scrapes.get(spelling.name, source.scrape)
    expr = Template(rule.expr).substitute(
        by=", ".join(labels),
        m=source.matchers,
        component=source.component,
        front_door=source.front_door,
        rate=_milliseconds(max(source.rate_window, fresh)),
        quantile=_milliseconds(max(source.quantile_window, fresh)),
        fresh=_milliseconds(fresh),
        namespace=source.namespace,
        everywhere=source.everywhere,
        workload=source.workload,
    )
    scaled = expr if rule.scale == 1.0 else f"({expr}) * {rule.scale!r}"
    return Query(rule.signal, scaled, labels, kinds, rule.edge)


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


# Building blocks of rules. `match` holds label matchers, each with a comma behind it: PromQL allows one at the end.

SOURCE, EVERYWHERE = "$m", "$everywhere"  # for `scope`: series of the deployment itself, or of the whole server


def quoted(text: str) -> str:
    """A text between double quotes of PromQL."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def gauge(metric: str, match: str = "", aggregate: str = "sum", by: str = "$by", scope: str = SOURCE) -> str:
    """The latest value."""
    return f"{aggregate} by ({by}) (last_over_time({metric}{{{match}{scope}}}[$fresh]))"


def rate(metric: str, match: str = "", scope: str = SOURCE) -> str:
    """Increase per second of a counter."""
    return f"sum by ($by) (rate({metric}{{{match}{scope}}}[$rate]))"


def part_rate(metric: str, match: str) -> str:
    """Rate of some of a counter's series: 0, not a gap, while the counter exists and they do not."""
    return f"{rate(metric, match)} or 0 * {rate(metric)}"


def ratio(dividend: str, divisor: str) -> str:
    """A gap where the divisor is zero."""
    return f"({dividend}) / (({divisor}) > 0)"


def quantile(q: float, histogram: str, match: str = "") -> str:
    """A quantile of the events in the window."""
    return f"histogram_quantile({q}, sum by ($by, le) (rate({histogram}_bucket{{{match}$m}}[$quantile])))"


def either(*exprs: str) -> str:
    """The first expression that has a value, separately for each series."""
    return " or ".join(f"({expr})" for expr in exprs)


def first_of(*histograms: str) -> Callable[[float], str]:
    """A quantile of the first histogram that has a value: the names of a renamed one, newest first."""
    return lambda q: either(*(quantile(q, histogram) for histogram in histograms))


def quantiles(
    stem: str,
    measure: Callable[[float], str],
    kinds: frozenset[Kind],
    scale: float = 1.0,
    edge: bool = False,
    labels: tuple[str, ...] = (),
) -> tuple[Rule, ...]:
    """Rules for a signal's p50 and p90; `measure` gives the PromQL of a quantile."""
    return tuple(Rule(f"{stem}_p{round(100 * q)}", measure(q), kinds, scale, edge, labels) for q in (0.5, 0.9))
