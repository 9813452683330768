"""Metrics of a deployment in a cluster, from its Prometheus: the owner of each series, and how often it is scraped."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cluster.deployment import DeploymentError, Samples
from cluster.http import Login
from cluster.kubernetes import unlabelled
from cluster.kubernetes.engines import with_engines
from cluster.kubernetes.settings import Metrics
from cluster.kubernetes.stack import Stack
from cluster.prometheus.client import Prometheus, Series
from cluster.prometheus.exposition import Exposition
from cluster.prometheus.names import Environment, spellings
from cluster.prometheus.promql import Query, Source, resolve
from cluster.prometheus.ranks import Ranks, engine_id, ranks_of
from cluster.prometheus.rules import selector
from cluster.prometheus.samples import Targets, read
from cluster.prometheus.targets import counted_once, duplicates_of, matchers_of, nearest_of, targets_of
from cluster.prometheus.variants import spelled
from cluster.topology import Kind, Relation
from cluster.window import Window

CACHED_SECONDS = 60.0  # how long metric names and scrape intervals are assumed to stay as they are
_LOOK_BACKS = (60, 300)  # s over which a scrape interval is measured
_DEFAULT_SCRAPE = 30.0
_GATEWAY_KINDS = frozenset({Kind.GATEWAY})
_OTHER_KINDS = frozenset(Kind) - _GATEWAY_KINDS
_NODE_KINDS, _GPU_KINDS = frozenset({Kind.NODE}), frozenset({Kind.GPU})
_ENGINE_KINDS = frozenset({Kind.ENGINE})


@dataclass(frozen=True)
class Scraped:
    """What the server has at time `at` (unix s): metric names, and seconds between two scrapes by spelling.

    `own`: the names of the series of the deployment's namespace. `duplicates`: the label in which copies of a series
    differ, "" without copies. `ranks`: the engines of pods that have several. `partial`: what the server said of an
    answer to these that was not whole.
    """

    names: frozenset[str]
    intervals: Mapping[str, float]
    at: float
    own: frozenset[str] = frozenset()
    duplicates: str = ""
    ranks: Ranks = field(default_factory=dict)
    partial: str = ""


class MetricsReader:
    """Reads one Prometheus; `login` gives the address and a fresh login for each read."""

    def __init__(self, configured: Metrics, login: Callable[[], Login], deadline: float) -> None:
        self._configured, self._login, self._deadline = configured, login, deadline
        self._scraped: Scraped | None = None
        self._pace: float | None = None

    def samples(self, stack: Stack, window: Window, step: float, signals: Sequence[str] | None) -> Samples:
        """Canonical signals on a grid. Raises DeploymentError, for an unknown signal too."""
        with self.connect() as server:
            scraped = self.scraped(server, stack, window)
            stack = with_engines(stack, scraped.ranks)
            try:
                queries, missing = build_queries(stack, scraped, self._configured, signals, step)
            except KeyError as error:
                raise DeploymentError(str(error.args[0])) from error
            owner = SeriesOwner(stack)
            found = read(
                server,
                stack.topology,
                queries,
                window,
                step,
                missing=missing,
                every=signals is None,
                own=owner.rename,
                expected=len(stack.topology.ids),
                targets=self._targets(server, stack, scraped, queries, window.end),
            )
            elsewhere = unlabelled.notes(server, stack, queries, found.provenance, window.end)
        notes = [*elsewhere, *counted_once(scraped.duplicates), *found.notes]
        if scraped.partial:
            notes.append(f"Prometheus answered in part about the metrics that it has: {scraped.partial}")
        if owner.unknown_pods:
            names = ", ".join(sorted(owner.unknown_pods)[:5])
            notes.append(f"left out the series of pods that are no longer known: {names}")
        if owner.serving_workers:
            names = ", ".join(sorted(owner.serving_workers)[:5])
            notes.append(
                f"left out what workers export as engines: {names}; their group's leader counts as the replica"
            )
        if owner.unheld:
            notes.append(f"left out GPUs that no pod holds by their labels: {', '.join(sorted(owner.unheld)[:5])}")
        if owner.shared:
            machines = ", ".join(sorted(owner.shared)[:5])
            notes.append(
                f"only one GPU is measured for several pods, and its value stands for all of them, "
                f"as if they shared it by time-slicing: {machines}"
            )
        return dataclasses.replace(found, notes=tuple(notes))

    def _targets(
        self, server: Prometheus, stack: Stack, scraped: Scraped, queries: Sequence[Query], at: float
    ) -> Targets:
        """As `cluster.prometheus.targets.targets_of`, with what the server said of its names."""
        tables = spellings(Environment.KUBERNETES)
        found = targets_of(
            server,
            tables,
            queries,
            scraped.own,
            "pod",
            stack.names,
            matchers_of({**self._configured.matchers, "namespace": stack.target.namespace}),
            at,
        )
        unknown = dict(found.unknown)
        gpus = stack.topology.of_kind(Kind.GPU)
        if gpus and not any(query.kinds == _GPU_KINDS for query in queries):
            # An exporter of GPUs runs in a namespace of its own, so the names of the whole server are looked at.
            unknown |= dict.fromkeys((one.id for one in gpus), nearest_of(Kind.GPU, tables, scraped.names))
        return dataclasses.replace(found, unknown=unknown, partial=scraped.partial)

    def exposition(self, stack: Stack, window: Window) -> Exposition:
        """What is scraped and the queries that read it. Raises DeploymentError."""
        with self.connect() as server:
            scraped = self.scraped(server, stack, window)
            queries, _ = build_queries(stack, scraped, self._configured, None)
            return Exposition(scraped.names, server.types(), server.intervals(), tuple(queries))

    def age(self, stack: Stack) -> float | None:
        """Seconds since the newest scrape of the deployment, by the server's own clock; None when there is none."""
        up = f"up{{{matchers_of({**self._configured.matchers, 'namespace': stack.target.namespace})}}}"
        with self.connect() as server:
            if self._scraped is None:
                self._pace = self._interval(server, up)
            return server.scalar(f"time() - max(timestamp({up}))")

    def pending_since(self, labels: Mapping[str, str], at: float) -> float | None:
        """As `cluster.deployment.HasAlerts`."""
        with self.connect() as server:
            return server.pending_since(labels, at)

    def skew(self) -> float | None:
        """Seconds that the server's clock is ahead of ours; None when it does not answer with a time."""
        with self.connect() as server:
            return server.ahead()

    def wrong_clock(self, fresh: float) -> str:
        """As `Prometheus.wrong_clock`; empty also where the server does not answer."""
        with contextlib.suppress(DeploymentError), self.connect() as server:
            return server.wrong_clock(fresh)
        return ""

    def with_engines(self, stack: Stack) -> Stack:
        """The deployment with the engines that the last reading found."""
        return with_engines(stack, self._scraped.ranks) if self._scraped else stack

    @property
    def shortest_interval(self) -> float:
        """Seconds between two scrapes of the most frequently scraped exporter, or any target until metrics are read."""
        pace = self._pace or _DEFAULT_SCRAPE
        return min(self._scraped.intervals.values(), default=pace) if self._scraped else pace

    def connect(self) -> Prometheus:
        """The server; use it as a context manager."""
        return Prometheus(self._login(), deadline=self._deadline)

    def scraped(self, server: Prometheus, stack: Stack, window: Window) -> Scraped:
        """Names and scrape intervals about the window, read again after `CACHED_SECONDS`. Raises DeploymentError."""
        known = self._scraped
        if known is None or known.partial or abs(window.end - known.at) > CACHED_SECONDS:
            names = server.names(window)
            matchers = matchers_of(self._configured.matchers)
            namespace = matchers_of({**self._configured.matchers, "namespace": stack.target.namespace})
            intervals = {}
            for spelling in spelled(spellings(Environment.KUBERNETES), names):
                metric = next((m for rule in spelling.rules for m in sorted(rule.metrics & names)), None)
                if metric is not None:
                    intervals[spelling.name] = self._interval(server, selector(metric, matchers), window.end)
            own = server.names(window, f"{{{namespace}}}")
            up = [dict(labels) for labels in server.instant(f"up{{{namespace}}}", window.end)]
            ranks = ranks_of(server, spellings(Environment.KUBERNETES), names, "pod", namespace, window.end)
            known = Scraped(names, intervals, window.end, own, duplicates_of(up), ranks, server.partial)
            self._scraped = known
        return known

    def _interval(self, server: Prometheus, selector: str, end: float | None = None) -> float:
        """Measured up to `end`, or now, over one minute and over five: over five a target that began looks slow."""
        found = []
        for seconds in _LOOK_BACKS:
            count = server.scalar(f"max(count_over_time({selector}[{seconds}s]))", end)
            if count is not None and count >= 2:
                found.append(seconds / count)
        return max(1.0, min([_DEFAULT_SCRAPE, *found]) if found else self._configured.scrape)


def build_queries(
    stack: Stack, scraped: Scraped, configured: Metrics, signals: Sequence[str] | None, step: float = 0.0
) -> tuple[list[Query], list[str]]:
    """The queries for the signals, and the signals that nothing measures. Raises KeyError for an unknown signal.

    A gateway is one component however many pods it has, so the server sums its series. Rates and quantiles look back
    over `step` seconds at least.
    """
    namespace = stack.target.namespace
    base = Source(
        spellings(Environment.KUBERNETES),
        carries_ids=False,
        component="pod",
        matchers=matchers_of({**configured.matchers, "namespace": namespace}),
        scrape=configured.scrape,
        scrapes=scraped.intervals,
        kinds=_OTHER_KINDS,
        namespace=namespace,
        everywhere=matchers_of(configured.matchers),
        duplicates=scraped.duplicates,
        ranks=bool(scraped.ranks),
    ).sampled(step)
    queries, missing = resolve(signals, base, scraped.names)
    for gateway in stack.topology.of_kind(Kind.GATEWAY):
        own = stack.pods[gateway.id]
        pods = "|".join(sorted({_name_pattern(pod.owner, pod.name) for pod in own}))
        source = dataclasses.replace(
            base,
            component="namespace",
            matchers=f'{base.matchers}pod=~"{pods}",',
            kinds=_GATEWAY_KINDS,
            front_door=namespace,
            workload=own[0].owner,
        )
        of_gateway, missing_there = resolve(signals, source, scraped.names)
        queries += [dataclasses.replace(query, owner=gateway.id) for query in of_gateway]
        measured = {query.signal for query in of_gateway}
        missing = [name for name in missing if name not in measured and name in missing_there]
    return queries, missing


class SeriesOwner:
    """The component that a series belongs to, by its labels.

    Attributes:
        unknown_pods: names of the deployment's pods in the series whose component is not known.
        serving_workers: workers that export an engine's metrics themselves: which are then left out, as they are no
            replicas.
        unheld: machines of the deployment with GPUs that no pod holds by their labels, and that are not told apart.
        shared: machines with one GPU for several of its pods, of which the exporter names one at most.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._nodes = {one.labels["node"]: one.id for one in stack.topology.of_kind(Kind.NODE)}
        self._by_address = {
            address: self._nodes[node.name]
            for node in stack.nodes.values()
            if node.name in self._nodes
            for address in node.addresses
        }
        self._gpu_counts = {
            self._nodes[node.name]: node.gpus
            for node in stack.nodes.values()
            if node.name in self._nodes and node.gpus is not None
        }
        owners = Counter(pods[0].owner for pods in stack.pods.values())
        # The name of a workload identifies its component if it has only one; a RayCluster's pods share one name.
        self._workloads = {
            pods[0].owner: component for component, pods in stack.pods.items() if owners[pods[0].owner] == 1
        }
        self._pod_prefixes = tuple(f"{owner}-" for owner in owners if owner)
        self._living = frozenset(pod.name for pods in stack.pods.values() for pod in pods)
        self._gpus: dict[str, list[tuple[str, str]]] = {}
        self._on_node: dict[str, list[str]] = {}
        for edge in stack.topology.edges:
            if edge.relation is Relation.RUNS_ON and stack.topology.component(edge.source).kind is Kind.GPU:
                self._on_node.setdefault(edge.target, []).append(edge.source)
        self.unknown_pods: set[str] = set()
        self.unheld: set[str] = set()
        self.shared: set[str] = set()
        self.serving_workers: set[str] = set()
        self._workers = frozenset(one.id for one in stack.topology.of_kind(Kind.WORKER))

    def rename(self, query: Query, series: Series) -> Series:
        """The series by component id, or by caller and callee. Several series of one component are merged."""
        merged: Series = {}
        if query.kinds == _GPU_KINDS:
            for pod, gpu, part, host in sorted(series):
                known = self._gpus.setdefault(pod or f"/{host}", [])
                if (gpu, part) not in known:
                    self._gpus[pod or f"/{host}"] = sorted([*known, (gpu, part)], key=_gpu_order)
        # While a pod ends beside its successor, both have values: the successor's count.
        for labels in sorted(series, key=lambda labels: labels[0] not in self._living):
            key, values = self._key(query, labels), series[labels]
            if key is None:
                continue
            merged[key] = values if key not in merged else np.where(np.isnan(merged[key]), values, merged[key])
        if query.kinds == _GPU_KINDS:
            self._share(series, merged)
        return merged

    def _share(self, series: Series, merged: Series) -> None:
        """Give the value of a machine's only GPU to all pods of the deployment on it: each has slices of it.

        Where the machine has a GPU for each of them, the others' are not measured.
        """
        seen: dict[str, set[tuple[str, str]]] = {}
        for _, gpu, part, host in series:
            seen.setdefault(self._node(host), set()).add((gpu, part))
        for node, ours in self._on_node.items():
            if self._gpu_counts.get(node, 0) >= len(ours):
                continue
            measured = [(one,) for one in ours if (one,) in merged]
            if len(seen.get(node, ())) == 1 and 0 < len(measured) < len(ours):
                merged |= {(one,): merged[measured[0]] for one in ours}
                self.shared.add(node)

    def _node(self, host: str) -> str:
        return self._nodes.get(host) or self._by_address.get(host) or self._by_address.get(_host(host)) or ""

    def _key(self, query: Query, labels: tuple[str, ...]) -> tuple[str, ...] | None:
        """Component id, or caller and callee; None for an unknown one. Order of labels: `promql.Rule.labels`."""
        if query.edge:
            caller, callee = self._end(*labels[:2]), self._end(*labels[2:])
            return (caller, callee) if caller and callee else None
        component: str | None
        if query.owner:
            component = query.owner
        elif query.kinds == _NODE_KINDS:
            instance, node = labels
            component = self._nodes.get(node) or self._nodes.get(instance) or self._by_address.get(_host(instance))
        elif query.kinds == _GPU_KINDS:
            component = self._gpu(*labels)
        elif query.kinds == _ENGINE_KINDS:
            holder = self._pod(labels[0])
            component = engine_id(holder, labels[1]) if holder and labels[1] else None
        else:
            component = self._pod(labels[0])
            if component in self._workers and Kind.WORKER not in query.kinds:
                self.serving_workers.add(component)
        return (component,) if component else None

    def _gpu(self, pod: str, gpu: str, part: str, host: str) -> str | None:
        """By the pod that holds it; else by its machine, where all GPUs of the machine are the deployment's.

        Of several that have no number it is not guessed which is whose.
        """
        if pod:
            holder = self._pod(pod)
            return f"{holder}-gpu-{self._gpus[pod].index((gpu, part))}" if holder else None
        node = self._node(host)
        ours, seen = self._on_node.get(node, []), self._gpus[f"/{host}"]
        numbered = all(number.isdigit() for number, _ in seen)
        if ours and (len(seen) == 1 or (numbered and len(seen) == len(ours))):
            return ours[seen.index((gpu, part))]
        if ours:
            self.unheld.add(node)
        return None

    def _pod(self, name: str) -> str | None:
        component = self._stack.names.get(name)
        if component is None and name.startswith(self._pod_prefixes):
            self.unknown_pods.add(name)
        return component

    def _end(self, address: str, workload: str) -> str | None:
        """By the address, the name of the workload or that of the pod."""
        named = self._workloads.get(workload) or self._stack.names.get(workload)
        return self._stack.addresses.get(address) or named


def _name_pattern(owner: str, pod: str) -> str:
    """A pattern for the names of all pods of one owner, deleted ones included."""
    # Names have no special character but the dot, and PromQL would need every backslash doubled.
    return f"{owner}-.*" if owner and pod.startswith(f"{owner}-") else pod


def _host(instance: str) -> str:
    return instance.rpartition(":")[0].strip("[]") if ":" in instance else instance


def _gpu_order(gpu: tuple[str, str]) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdigit() else (1 << 30, part) for part in gpu)
