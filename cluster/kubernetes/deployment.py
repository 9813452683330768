"""A deployment on Kubernetes as a `cluster.deployment.Deployment`."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from cluster import paths
from cluster.deployment import (
    Deployment,
    DeploymentError,
    DeploymentKind,
    HasAlerts,
    HasEvents,
    Liveness,
    Samples,
    Status,
)
from cluster.kubernetes import discovery, settings
from cluster.kubernetes.api import Api
from cluster.kubernetes.identity import PodHistory
from cluster.kubernetes.kubeconfig import Kubeconfig
from cluster.kubernetes.objects import Node, Pod, parse_node
from cluster.kubernetes.pod_watch import PodWatch
from cluster.kubernetes.resources import NODES
from cluster.kubernetes.settings import Endpoint, Settings, Traces
from cluster.kubernetes.sources import JsonClient, Sources, locate, log_in
from cluster.kubernetes.stack import Stack, build_stack
from cluster.kubernetes.target import Target
from cluster.topology import Kind, Relation, Topology
from cluster.window import Window

if TYPE_CHECKING:
    import pandas as pd

    from cluster.kubernetes.metrics import MetricsReader
    from cluster.prometheus.exposition import Exposition

_FOLLOW_EVERY = 5.0  # s
_NODES_EVERY = 30.0  # s; nodes seldom change


class KubernetesDeployment(Deployment, HasAlerts, HasEvents):
    """Reads a deployment that runs in a cluster. Faults act on it through `api` and `stack`.

    Attributes:
        api: the context's API server.
        target: the RayService, RayCluster, stack or label scheme that is observed.
        configured: the context's settings.
    """

    kind = DeploymentKind.KUBERNETES
    step = 5.0
    """Seconds between samples: clusters scrape most exporters no more often."""

    def __init__(self, api: Api, configured: Settings, target: Target) -> None:
        """List the pods, then watch them. Raises DeploymentError."""
        self.api, self.configured, self.target = api, configured, target
        file = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{api.context}-{target.uid}")[:200] + ".json"
        self._history = PodHistory(paths.kubernetes() / file)
        self._lock = threading.Lock()
        self._nodes: Mapping[str, Node] = {}
        self._nodes_at = -_NODES_EVERY
        self._followed_at = -_FOLLOW_EVERY
        self._pods = PodWatch(api, target.namespace)
        self._stack: tuple[int, Stack] | None = None
        try:
            self.stack()
        except DeploymentError:
            self._pods.close()
            raise

    @classmethod
    def connect(cls, context: str | None = None) -> KubernetesDeployment:
        """Connect by kubeconfig context (None: the current one). Raises DeploymentError."""
        api, configured = open_api(context)
        try:
            return cls(api, configured, discovery.find_target(api, configured))
        except DeploymentError:
            api.close()
            raise

    @property
    def name(self) -> str:
        return f"{self.api.context}/{self.target.name}"

    @property
    def instance(self) -> str:
        return self.target.uid

    def stack(self) -> Stack:
        """The deployment with its current pods. Raises DeploymentError when none of them serves."""
        with self._lock:
            changes, pods = self._pods.pods()
            nodes = self._fresh_nodes()
            moved = self._follow(pods)
            if moved or self._stack is None or self._stack[0] != changes or self._stack[1].nodes is not nodes:
                self._stack = (changes, build_stack(self.target, pods, nodes, self._history))
            return self._stack[1]

    def _follow(self, pods: Iterable[Pod]) -> bool:
        """Whether an upgrade has put another RayCluster in the place of the one that was observed."""
        if not self.target.clusters or time.monotonic() - self._followed_at < _FOLLOW_EVERY:
            return False
        of = {pod.labels.get("ray.io/cluster") for pod in pods if not pod.ended}
        if of == set(self.target.clusters) and len(of) == 1:
            return False
        self._followed_at = time.monotonic()
        before = self.target
        with contextlib.suppress(DeploymentError):  # it is tried again; the watch tells of the outage
            self.target = discovery.followed(self.api, before)
        return self.target != before

    def topology(self) -> Topology:
        """With the engines of pods that have several, once metrics have been read."""
        return self._with_engines(self.stack()).topology

    def _with_engines(self, stack: Stack) -> Stack:
        reader: MetricsReader | None = self.__dict__.get("metrics")
        return reader.with_engines(stack) if reader else stack

    def status(self) -> Status:
        stack = self.stack()
        components = {c: any(pod.ready for pod in pods) for c, pods in stack.pods.items()}
        components |= {
            edge.target: components[edge.source] for edge in stack.topology.edges if edge.relation is Relation.USES
        }
        components |= {
            one.id: stack.nodes[name].ready
            for one in stack.topology.of_kind(Kind.NODE)
            if (name := one.labels["node"]) in stack.nodes
        }
        down = [component for component, ready in components.items() if not ready]
        notes = [self._pods.trouble] if self._pods.trouble else []
        notes += [f"not ready: {', '.join(down)}"] if down else []
        notes += stack.notes
        try:
            age = self.metrics.age(stack)
        except DeploymentError as error:
            return Status(Liveness.DOWN, None, "; ".join([str(error), *notes]), components)
        if age is None:
            unscraped = f"Prometheus has scraped no pod of the namespace {self.target.namespace} in the last 5 minutes"
            return Status(Liveness.STALE, None, "; ".join([unscraped, *notes]), components)
        # Just before a scrape the newest sample is one interval old; a scrape may be late.
        fresh = 2.5 * self.metrics.shortest_interval
        wrong_clock = self.metrics.wrong_clock(fresh)
        notes = [wrong_clock, *notes] if wrong_clock else notes
        liveness = Liveness.LIVE if age < fresh and not wrong_clock else Liveness.STALE
        return Status(liveness, max(0.0, age), "; ".join(notes), components, fresh)

    def samples(self, window: Window, step: float, signals: Sequence[str] | None = None) -> Samples:
        return self.metrics.samples(self.stack(), window, step, signals)

    def exposition(self, window: Window) -> Exposition:
        return self.metrics.exposition(self.stack(), window)

    def pending_since(self, labels: Mapping[str, str], at: float) -> float | None:
        return self.metrics.pending_since(labels, at)

    def spans(self, window: Window) -> pd.DataFrame:
        from cluster.kubernetes import traces

        configured = self.sources.traces
        if configured is None:
            raise DeploymentError("no Tempo, Jaeger or DeepFlow was found: set one under traces in kubernetes.toml")
        return traces.read(self.json_client(configured), configured, self.stack(), window, self.configured.deadline)

    def logs(self, window: Window) -> pd.DataFrame:
        from cluster.kubernetes import logs

        if self.sources.loki is None:
            raise DeploymentError("no Loki was found: set one under loki in kubernetes.toml")
        return logs.read(self.json_client(self.sources.loki), self.stack(), window)

    def events(self, window: Window) -> pd.DataFrame:
        from cluster.kubernetes import events

        return events.read(self.api, self.stack(), window)

    @cached_property
    def sources(self) -> Sources:
        """The telemetry endpoints, searched for once. Raises DeploymentError."""
        return locate(self.api, self.configured)

    @cached_property
    def metrics(self) -> MetricsReader:
        """Reads the cluster's Prometheus. Raises DeploymentError when none is known."""
        from cluster.kubernetes.metrics import MetricsReader

        configured = self.sources.prometheus
        if configured is None:
            why = "".join(f" ({note})" for note in self.sources.notes)
            raise DeploymentError(
                f"no Prometheus was found in {self.api.context}: set one under prometheus in kubernetes.toml{why}"
            )
        return MetricsReader(configured, lambda: log_in(self.api, configured), self.configured.deadline)

    def json_client(self, endpoint: Endpoint) -> JsonClient:
        """A client for one read from Loki or a trace store, with a fresh login."""
        server = endpoint.kind.capitalize() if isinstance(endpoint, Traces) else "Loki"
        return JsonClient(server.replace("Deepflow", "DeepFlow"), log_in(self.api, endpoint), self.configured.deadline)

    def close(self) -> None:
        self._pods.close()
        self.api.close()

    def _fresh_nodes(self) -> Mapping[str, Node]:
        """The nodes: none where RBAC forbids to list them, the last known while the API server does not answer."""
        if time.monotonic() - self._nodes_at >= _NODES_EVERY:
            self._nodes_at = time.monotonic()
            try:
                nodes = {one.name: one for one in map(parse_node, self.api.list(NODES))}
            except DeploymentError:
                return self._nodes
            if nodes != self._nodes:
                self._nodes = nodes
        return self._nodes


def open_api(context: str | None) -> tuple[Api, Settings]:
    """The context's API server and its settings. Reads files, sends nothing. Raises DeploymentError."""
    # The settings may name the kubeconfig, and only the kubeconfig names the current context. One `Api` each time: to
    # make it runs the login plugin.
    context = context or Kubeconfig.read().choose(None)
    configured = settings.load(context)
    return Api(context, configured.kubeconfig, configured.deadline), configured
