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

Prefixes, `_` for `:`, a missing `_total` and native histograms are no entries of tables: `cluster.prometheus.variants`
finds them in the names that a server has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from string import Template

from cluster import signals as vocabulary
from cluster.prometheus import variants
from cluster.prometheus.rules import Rule, Spelling
from cluster.signals import SERVING
from cluster.topology import Kind

_SELECTED = re.compile(
    r"(?:rate|last_over_time)\((?:[a-zA-Z_:][a-zA-Z0-9_:]*)?\{(?:[^{}\"]|\"(?:[^\"\\]|\\.)*\")*\}\[\w+\]\)"
)
"""A metric's series over a window: what a rule adds up."""

__all__ = [
    "EVERYWHERE",
    "SOURCE",
    "Query",
    "Rule",
    "Source",
    "Spelling",
    "either",
    "first_of",
    "gauge",
    "part_rate",
    "quantile",
    "quantiles",
    "quoted",
    "rate",
    "ratio",
    "resolve",
]


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
        ranks: ask for each engine of a pod as well, where a label tells them apart.
        duplicates: label in which the copies of a series differ, in a store of several Prometheus that does not merge
            them; "" where there is one of each.
        slowest: `component` stands for all components as one: of a quantile that several spellings measure, the largest
            is read. Histograms of several kinds of engines have other bounds and cannot be added; the quantile of all
            requests is at most the largest of theirs.
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
    ranks: bool = False
    duplicates: str = ""
    slowest: bool = False

    def sampled(self, step: float) -> Source:
        """The same with windows of at least `step` seconds: between two samples that far apart nothing is left out."""
        return replace(self, rate_window=max(self.rate_window, step), quantile_window=max(self.quantile_window, step))


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL that returns one series per combination of values of `labels`, in the canonical unit.

    Attributes:
        layer: 0 for the layer that is preferred; the next is asked where no component has a series of the one before.
        metrics: the metric names that it reads, of those that the server has.
        scrape: seconds between two scrapes of them.
        owner: the component that all of its series belong to; "" where their labels tell.
    """

    signal: str
    expr: str
    labels: tuple[str, ...]
    kinds: frozenset[Kind] = field(default=frozenset())
    edge: bool = False
    layer: int = 0
    metrics: tuple[str, ...] = ()
    scrape: float = 0.0
    owner: str = ""


def resolve(
    signals: Sequence[str] | None, source: Source, names: Collection[str] | None = None
) -> tuple[list[Query], list[str]]:
    """Queries for the signals (None: all that the source's tables know), and the signals that no rule measures.

    With `names`, the metric names that the server has, a rule without any of its metrics gives way to later spellings,
    and each way in which the server spells a table's names has a query of its own.
    Raises KeyError for a name outside the vocabulary.
    """
    wanted = list(dict.fromkeys(signals)) if signals is not None else _known(source)
    spellings = source.spellings if names is None else variants.spelled(source.spellings, frozenset(names))
    rules: dict[str, list[tuple[Rule, Spelling]]] = {}
    for spelling in spellings:
        for rule in spelling.rules:
            rules.setdefault(rule.signal, []).append((rule, spelling))
            if source.ranks and spelling.rank and rule.kinds == SERVING and not rule.edge:
                of_engine = replace(rule, kinds=frozenset({Kind.ENGINE}), labels=(source.component, spelling.rank))
                rules[rule.signal].append((of_engine, spelling))
    queries, missing = [], []
    for name in wanted:
        vocabulary.signal(name)
        groups: dict[tuple[bool, int, frozenset[Kind], tuple[str, ...]], list[Query]] = {}
        for rule, kinds, layer, spelling in _layered(rules.get(name, ()), source.kinds):
            if names is None and (layer or (rule.edge, layer, kinds, rule.labels) in groups):
                continue
            query = _query(rule, kinds, layer, source, spelling, names)
            groups.setdefault((rule.edge, layer, kinds, rule.labels), []).append(query)
        queries += [_joined(group, source.slowest) for group in groups.values()]
        if not any(edge is not bool(vocabulary.SIGNALS[name].kinds) for edge, _, _, _ in groups):
            missing.append(name)
    return queries, missing


def _joined(queries: Sequence[Query], slowest: bool) -> Query:
    """One query for the same signal under several spellings: of each component, the first or the largest value."""
    first = queries[0]
    if len(queries) == 1:
        return first
    metrics = tuple(dict.fromkeys(metric for query in queries for metric in query.metrics))
    scrape = max(query.scrape for query in queries)
    expr = either(*(query.expr for query in queries))
    if slowest:
        each = (f'label_replace({query.expr}, "kind", "{n}", "", "")' for n, query in enumerate(queries))
        expr = f"max by ({', '.join(first.labels)}) ({' or '.join(each)})"
    return replace(first, expr=expr, metrics=metrics, scrape=scrape)


def _known(source: Source) -> list[str]:
    measured = {rule.signal for spelling in source.spellings for rule in spelling.rules}
    return [name for name in vocabulary.SIGNALS if name in measured]


def _layered(
    rules: Iterable[tuple[Rule, Spelling]], among: frozenset[Kind] | None
) -> Iterable[tuple[Rule, frozenset[Kind], int, Spelling]]:
    """The rules of one signal with the kinds that they measure and the number of their layer for those kinds."""
    layers: dict[tuple[bool, Kind], list[str]] = {}
    for rule, spelling in rules:
        by_number: dict[int, set[Kind]] = {}
        for kind in rule.kinds if among is None else rule.kinds & among:
            known = layers.setdefault((rule.edge, kind), [])
            own = spelling.layer or spelling.name
            if own not in known:
                known.append(own)
            by_number.setdefault(known.index(own), set()).add(kind)
        for number, kinds in sorted(by_number.items()):
            yield rule, frozenset(kinds), number, spelling


def _query(
    rule: Rule, kinds: frozenset[Kind], layer: int, source: Source, spelling: Spelling, names: Collection[str] | None
) -> Query:
    labels: tuple[str, ...] = (source.source, source.target) if rule.edge else (source.component,)
    if rule.labels and not source.carries_ids:
        labels = rule.labels
    scrape = source.scrapes.get(spelling.name, source.scrape)
    # Two scrapes and a little: one may be lost, the next may be late.
    fresh = 2.5 * scrape
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
    if source.duplicates:
        one = "avg" if rule.native else "max"
        expr = _SELECTED.sub(lambda found: f"{one} without ({source.duplicates}) ({found[0]})", expr)
    scaled = expr if rule.scale == 1.0 else f"({expr}) * {rule.scale!r}"
    metrics = rule.metrics if names is None else rule.metrics & frozenset(names)
    return Query(rule.signal, scaled, labels, kinds, rule.edge, layer, tuple(sorted(metrics)), scrape)


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
    return exprs[0] if len(exprs) == 1 else " or ".join(f"({expr})" for expr in exprs)


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
