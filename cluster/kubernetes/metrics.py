"""Metrics of a deployment in a cluster, from its Prometheus: whose each series is, and at what pace it is scraped."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cluster.deployment import DeploymentError, Samples
from cluster.kubernetes.discovery import GATEWAY, Stack
from cluster.kubernetes.settings import Metrics
from cluster.kubernetes.sources import Login
from cluster.prometheus.client import Prometheus, Series, as_samples
from cluster.prometheus.exposition import Exposition
from cluster.prometheus.names import rules
from cluster.prometheus.promql import Query, Source, resolve
from cluster.topology import Kind
from cluster.window import Window

KNOWN_FOR = 60.0  # s for which names and paces are taken to stay as they are
_LOOKS = (60, 300)  # s over which a pace is measured
_DEFAULT_SCRAPE = 30.0
_GATEWAY_KINDS = frozenset({Kind.GATEWAY})
_OTHER_KINDS = frozenset(Kind) - _GATEWAY_KINDS


@dataclass(frozen=True)
class Pace:
    """What the server has at some time: metric names, and seconds between two scrapes by spelling."""

    names: frozenset[str]
    scrapes: Mapping[str, float]
    at: float


class MetricsReader:
    """Reads one Prometheus; `login` gives the address and a fresh login for each read."""

    def __init__(self, configured: Metrics, login: Callable[[], Login], deadline: float) -> None:
        self._configured, self._login, self._deadline = configured, login, deadline
        self._pace: Pace | None = None

    def samples(self, stack: Stack, window: Window, step: float, signals: Sequence[str] | None) -> Samples:
        """Canonical signals on a grid. Raises DeploymentError, for an unknown signal too."""
        with self.connect() as server:
            pace = self.pace(server, stack, window)
            try:
                queries, missing = questions(stack, pace, self._configured, signals)
            except KeyError as error:
                raise DeploymentError(str(error.args[0])) from error
            answer = server.range(queries, window, step, len(stack.topology.ids))
        whose = Whose(stack)
        named = tuple(whose.name(query, series) for query, series in zip(queries, answer.series, strict=True))
        notes = list(answer.notes)
        if whose.strangers:
            strangers = sorted(whose.strangers)
            notes.append(f"series of pods that are not known any more were left out: {', '.join(strangers[:5])}")
        answer = dataclasses.replace(answer, series=named, notes=tuple(notes))
        return as_samples(stack.topology, queries, answer, missing)

    def exposition(self, stack: Stack, window: Window) -> Exposition:
        """What is scraped and how it is asked. Raises DeploymentError."""
        with self.connect() as server:
            pace = self.pace(server, stack, window)
            queries, _ = questions(stack, pace, self._configured, None)
            return Exposition(pace.names, server.types(), server.intervals(), tuple(queries))

    def age(self, stack: Stack) -> float | None:
        """Seconds since the newest scrape of the deployment, by the server's own clock; None when there is none."""
        selector = _matchers({**self._configured.matchers, "namespace": stack.target.namespace})
        with self.connect() as server:
            return server.scalar(f"time() - max(timestamp(up{{{selector}}}))")

    def skew(self) -> float | None:
        """Seconds that the server's clock is ahead of ours."""
        with self.connect() as server:
            before = time.time()
            told = server.scalar("time()")
            return None if told is None else told - (before + time.time()) / 2

    @property
    def fastest(self) -> float:
        """Seconds between two scrapes of what is scraped most often, as far as is known."""
        return min(self._pace.scrapes.values(), default=_DEFAULT_SCRAPE) if self._pace else _DEFAULT_SCRAPE

    def connect(self) -> Prometheus:
        """The server; use it as a context manager."""
        login = self._login()
        return Prometheus(
            login.url,
            deadline=self._deadline,
            headers=login.headers,
            auth=login.auth,
            verify=login.verify,
            cert=login.cert,
        )

    def pace(self, server: Prometheus, stack: Stack, window: Window) -> Pace:
        """Asked again when what is known is old. Raises DeploymentError."""
        if self._pace is None or abs(window.end - self._pace.at) > KNOWN_FOR:
            names = server.names(window)
            matchers = _matchers(self._configured.matchers)
            scrapes = {}
            for spelling in rules.SPELLINGS:
                marker = next((m for rule in spelling.rules for m in sorted(rule.metrics & names)), None)
                if marker is not None:
                    scrapes[spelling.name] = self._scrape(server, f"{marker}{{{matchers}}}", window.end)
            self._pace = Pace(names, scrapes, window.end)
        return self._pace

    def _scrape(self, server: Prometheus, selector: str, end: float) -> float:
        """Measured over a minute and over five: what has just begun looks slow over the longer."""
        found = [_DEFAULT_SCRAPE]
        for seconds in _LOOKS:
            count = server.scalar(f"max(count_over_time({selector}[{seconds}s]))", end)
            if count is not None and count >= 2:
                found.append(seconds / count)
        return max(1.0, min(found) if len(found) > 1 else self._configured.scrape)


def questions(
    stack: Stack, pace: Pace, configured: Metrics, signals: Sequence[str] | None
) -> tuple[list[Query], list[str]]:
    """The queries for the signals, and the signals that nothing measures. Raises KeyError for an unknown one.

    The gateway is one component however many pods it has, so its series are added up by the server.
    """
    namespace = stack.target.namespace
    everywhere = _matchers(configured.matchers)
    base = Source(
        rules.SPELLINGS,
        component="pod",
        matchers=_matchers({**configured.matchers, "namespace": namespace}),
        scrape=configured.scrape,
        scrapes=pace.scrapes,
        kinds=_OTHER_KINDS,
        namespace=namespace,
        everywhere=everywhere,
    )
    queries, missing = resolve(signals, base, pace.names)
    if GATEWAY in stack.pods:
        pods = "|".join(sorted({_family(pod.owner, pod.name) for pod in stack.pods[GATEWAY]}))
        gateway = dataclasses.replace(
            base,
            component="namespace",
            matchers=f'{base.matchers}pod=~"{pods}",',
            kinds=_GATEWAY_KINDS,
            front_door=namespace,
            workload=stack.pods[GATEWAY][0].owner,
        )
        of_gateway, missing_there = resolve(signals, gateway, pace.names)
        queries += of_gateway
        measured = {query.signal for query in of_gateway}
        missing = [name for name in missing if name not in measured and name in missing_there]
    return queries, missing


class Whose:
    """Which component a series speaks of, by its labels. `strangers` are pods that no component is known for."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._nodes = {one.labels["node"]: one.id for one in stack.topology.of_kind(Kind.NODE)}
        self._by_address = {
            address: self._nodes[node.name]
            for node in stack.nodes.values()
            if node.name in self._nodes
            for address in node.addresses
        }
        owners = Counter(pods[0].owner for pods in stack.pods.values())
        # Of a workload with one component its name tells which; a RayCluster's pods share one name.
        self._workloads = {
            pods[0].owner: component for component, pods in stack.pods.items() if owners[pods[0].owner] == 1
        }
        self._owners = tuple(f"{owner}-" for owner in owners if owner)
        self._gpus: dict[str, list[str]] = {}
        self.strangers: set[str] = set()

    def name(self, query: Query, series: Series) -> Series:
        """The same series by component id, or caller and callee. What one component had under two names is one."""
        named: Series = {}
        if query.labels == rules.GPU_LABELS:
            for pod, gpu in sorted(series):
                seen = self._gpus.setdefault(pod, [])
                if gpu not in seen:
                    self._gpus[pod] = sorted([*seen, gpu], key=_number)
        for labels, values in series.items():
            key = self._key(query, labels)
            if key is None:
                continue
            named[key] = values if key not in named else np.where(np.isnan(named[key]), values, named[key])
        return named

    def _key(self, query: Query, labels: tuple[str, ...]) -> tuple[str, ...] | None:
        if query.labels == rules.GPU_LABELS:
            component = self._pod(labels[0])
            return (f"{component}-gpu-{self._gpus[labels[0]].index(labels[1])}",) if component else None
        if query.labels == rules.NODE_LABELS:
            instance, node = labels
            found = self._nodes.get(node) or self._nodes.get(instance) or self._by_address.get(_host(instance))
            return (found,) if found else None
        if query.labels == rules.EDGE_LABELS:
            source, target = self._end(*labels[:2]), self._end(*labels[2:])
            return (source, target) if source and target else None
        if query.labels == ("namespace",):
            return (GATEWAY,)
        component = self._pod(labels[0])
        return (component,) if component else None

    def _pod(self, name: str) -> str | None:
        found = self._stack.names.get(name)
        if found is None and name.startswith(self._owners):
            self.strangers.add(name)
        return found

    def _end(self, address: str, workload: str) -> str | None:
        return self._stack.addresses.get(address) or self._workloads.get(workload)


def _family(owner: str, pod: str) -> str:
    """A pattern for the names of all pods of one owner, those that are gone included."""
    # Backslashes would have to be doubled for PromQL, and of what is special names have only the dot.
    return f"{owner}-.*" if owner and pod.startswith(f"{owner}-") else pod


def _matchers(wanted: Mapping[str, str]) -> str:
    """`name="value",` of each, quoted as PromQL does; a comma at the end is allowed there."""
    return "".join(f'{name}="{_quoted(value)}",' for name, value in wanted.items())


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _host(instance: str) -> str:
    return instance.rpartition(":")[0].strip("[]") if ":" in instance else instance


def _number(gpu: str) -> tuple[int, str]:
    return (int(gpu), "") if gpu.isdigit() else (1 << 30, gpu)
