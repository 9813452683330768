"""What works between here and a deployment in a cluster, step by step, and how to mend what does not.

Nothing is changed: rights are asked for by SelfSubjectAccessReview, which does nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from cluster import signals
from cluster.deployment import DeploymentError
from cluster.kubernetes.api import Api
from cluster.kubernetes.deployment import KubernetesDeployment, open_api
from cluster.kubernetes.discovery import which
from cluster.kubernetes.resources import JOBS, NODES, PODS, RAY_CLUSTERS, RAY_SERVICES, SERVICES, Resource
from cluster.kubernetes.settings import Endpoint
from cluster.window import Window

CHAOS = tuple(Resource(plural, "chaos-mesh.org", "v1alpha1") for plural in ("stresschaos", "networkchaos", "podchaos"))
GPU_NAMESPACE = "gpu-operator"
LOOK_BACK = 300.0  # s in which a signal must have had a sample
LARGEST_SKEW = 2.0  # s; windows are cut by our clock, samples are stamped by the server's


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105  no password
    FAIL = "fail"
    UNKNOWN = "unknown"


class Part(StrEnum):
    """What a check is about. `DRILL`: only needed to inject faults."""

    VIEW = "view"
    DRILL = "drill"
    TELEMETRY = "telemetry"
    SIGNALS = "signals"


@dataclass(frozen=True, slots=True)
class Check:
    """One question: what was found, and what to do where it is no pass."""

    part: Part
    name: str
    verdict: Verdict
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """The newest value of a signal, in its unit; None where nothing measures it."""

    component: str
    signal: str
    unit: str
    value: float | None


@dataclass
class Examination:
    """Goes through the checks; what it comes to know on the way is kept for a report.

    Attributes:
        deployment: once it was found.
        samples: of every component and every signal that its kind can carry.
        missing: telemetry that there is none of: `metrics`, `logs`, `spans`.
    """

    context: str | None
    api: Api | None = None
    deployment: KubernetesDeployment | None = None
    samples: list[Sample] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)

    def checks(self) -> Iterator[Check]:
        """Every check in order; those that need an earlier one that failed are left out."""
        try:
            api, configured = open_api(self.context)
        except DeploymentError as error:
            yield Check(Part.VIEW, "kubeconfig", Verdict.FAIL, str(error), "kubectl config get-contexts lists yours")
            return
        self.api = api
        yield Check(Part.VIEW, "kubeconfig", Verdict.PASS, f"{api.context} leads to {api.server}")
        reached = self._ask(Part.VIEW, "API server", api.version, "check network, VPN and login: kubectl version")
        yield reached
        if reached.verdict is not Verdict.PASS:
            return
        yield self._clock("clock of the API server", api.clock)
        found = self._ask(
            Part.VIEW,
            "custom resources of KubeRay",
            lambda: _served(api, RAY_SERVICES, RAY_CLUSTERS),
            "install KubeRay, or set labels in kubernetes.toml",
        )
        yield found
        yield from self._rights(api, configured.namespace or api.namespace)
        try:
            self.deployment = KubernetesDeployment(api, configured, which(api, configured))
        except DeploymentError as error:
            yield Check(
                Part.VIEW, "deployment", Verdict.FAIL, str(error), "see docs/how-to/kubernetes.md, Which deployment"
            )
            return
        kinds = [one.kind.value for one in self.deployment.topology().components]
        counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        front = self.deployment.topology().front_door
        yield Check(Part.VIEW, "deployment", Verdict.PASS, f"{self.deployment.target.name}: {counted}")
        yield Check(
            Part.VIEW,
            "front door",
            Verdict.PASS if front else Verdict.FAIL,
            front or "none was found, so there is no SLI",
            "" if front else "set labels.gateway in kubernetes.toml to the gateway pods' labels",
        )
        yield from self._telemetry(self.deployment)

    def close(self) -> None:
        if self.deployment is not None:
            self.deployment.close()
        elif self.api is not None:
            self.api.close()

    def _rights(self, api: Api, namespace: str) -> Iterator[Check]:
        view = "apply the role `view` of cluster/kubernetes/manifests/rbac"
        drill = "only to inject faults: apply the role `drill` of cluster/kubernetes/manifests/rbac"
        for verb, resource, where in (
            ("list", PODS, namespace),
            ("watch", PODS, namespace),
            ("list", NODES, ""),
            ("list", SERVICES, ""),
            ("list", RAY_SERVICES, namespace),
            ("list", RAY_CLUSTERS, namespace),
        ):
            yield _right(api, Part.VIEW, verb, resource, where, "", view)
        yield self._ask(
            Part.DRILL,
            "custom resources of Chaos Mesh",
            lambda: _served(api, *CHAOS),
            "only to inject faults: install it",
        )
        for resource in CHAOS:
            for verb in ("create", "delete"):
                yield _right(api, Part.DRILL, verb, resource, namespace, "", drill)
        yield _right(api, Part.DRILL, "create", PODS, namespace, "exec", drill)
        yield _right(api, Part.DRILL, "create", JOBS, GPU_NAMESPACE, "", drill)

    def _telemetry(self, deployment: KubernetesDeployment) -> Iterator[Check]:
        from cluster.kubernetes import logs, traces

        sources = deployment.sources
        loki, spans = sources.loki, sources.traces
        found: list[tuple[str, str, Endpoint | None, Callable[[], str | None]]] = [
            ("prometheus", "metrics", sources.prometheus, lambda: self._prometheus(deployment)),
            ("loki", "logs", loki, lambda: logs.probe(deployment.asker(loki)) if loki else None),
            ("traces", "spans", spans, lambda: traces.probe(deployment.asker(spans), spans) if spans else None),
        ]
        for name, kind, endpoint, probe in found:
            fix = f"set {name} in kubernetes.toml, see docs/how-to/kubernetes.md, Telemetry"
            if endpoint is None:
                self.missing.add(kind)
                yield Check(Part.TELEMETRY, name, Verdict.FAIL, "none is configured, and none was found", fix)
                continue
            check = self._ask(Part.TELEMETRY, name, _described(endpoint, probe), fix)
            if check.verdict is not Verdict.PASS:
                self.missing.add(kind)
            yield check
        if "metrics" not in self.missing:
            skew = deployment.metrics.skew
            yield self._clock("clock of Prometheus", lambda: None if (ahead := skew()) is None else time.time() + ahead)
            yield from self._signals(deployment)

    def _prometheus(self, deployment: KubernetesDeployment) -> str:
        now = time.time()
        with deployment.metrics.connect() as server:
            scraped = deployment.metrics.scraped(server, deployment.stack(), Window(now - LOOK_BACK, now))
        if not scraped.intervals:
            raise DeploymentError(f"it answers and has {len(scraped.names)} metrics, none of which this knows")
        return ", ".join(f"{name} every {seconds:g} s" for name, seconds in scraped.intervals.items())

    def _signals(self, deployment: KubernetesDeployment) -> Iterator[Check]:
        now = time.time()
        try:
            found = deployment.samples(Window(now - LOOK_BACK, now), deployment.step)
        except DeploymentError as error:
            yield Check(Part.SIGNALS, "signals", Verdict.FAIL, str(error), "see docs/how-to/kubernetes.md, Telemetry")
            return
        if gaps := [note for note in found.notes if "failed" in note]:
            words = f"{len(gaps)} failed, so what follows has gaps: {gaps[0]}"
            yield Check(Part.SIGNALS, "queries", Verdict.UNKNOWN, words, "raise deadline in kubernetes.toml, ask again")
        topology = deployment.topology()
        for component in topology.components:
            had: list[str] = []
            without: list[str] = []
            for signal in signals.carried_by(component.kind):
                column = (component.id, signal.name)
                values = found.metrics[column].dropna() if column in found.metrics.columns else ()
                value = float(values.iloc[-1]) if len(values) else None  # type: ignore[union-attr]
                self.samples.append(Sample(component.id, signal.name, signal.unit, value))
                (without if value is None else had).append(signal.name)
            all_there = f"{len(had)} of {len(had) + len(without)} signals"
            yield Check(
                Part.SIGNALS,
                f"signals of {component.id}",
                Verdict.PASS if not without else Verdict.UNKNOWN if had else Verdict.FAIL,
                all_there + (f"; none of {', '.join(without)}" if without else ""),
                "" if had else "nothing that is scraped speaks of it: see docs/how-to/kubernetes.md, Telemetry",
            )
        if topology.front_door and not any(
            one.component == topology.front_door and one.signal == "latency_p90" and one.value is not None
            for one in self.samples
        ):
            fix = "scrape ingress-nginx, a sidecar or the waypoint: see docs/how-to/kubernetes.md, Telemetry"
            yield Check(Part.SIGNALS, "latency of the front door", Verdict.FAIL, "nobody measures it: no SLI", fix)

    def _ask(self, part: Part, name: str, ask: Callable[[], object], fix: str) -> Check:
        try:
            return Check(part, name, Verdict.PASS, str(ask() or "answers"))
        except DeploymentError as error:
            return Check(part, name, Verdict.FAIL, str(error), fix)

    def _clock(self, name: str, ask: Callable[[], float | None]) -> Check:
        began = time.time()
        try:
            told = ask()
        except DeploymentError as error:
            return Check(Part.VIEW, name, Verdict.UNKNOWN, str(error))
        if told is None:
            return Check(Part.VIEW, name, Verdict.UNKNOWN, "it does not tell its time")
        # An HTTP date has whole seconds, and was written somewhere between asking and hearing.
        ahead = told - (began + time.time()) / 2
        room = LARGEST_SKEW + (time.time() - began) / 2
        if abs(ahead) <= room:
            return Check(Part.VIEW, name, Verdict.PASS, f"within {room:.0f} s of ours")
        words = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} ours"
        return Check(Part.VIEW, name, Verdict.FAIL, words, "set the clocks by NTP: windows would miss what happened")


def _described(endpoint: Endpoint, probe: Callable[[], str | None]) -> Callable[[], str]:
    def ask() -> str:
        told = probe()
        where = endpoint.url or f"service {endpoint.service}"
        return f"{where}{': ' + told if told else ''}"

    return ask


def _served(api: Api, *resources: Resource) -> str:
    missing = [str(one) for one in resources if not api.serves(one)]
    if missing:
        raise DeploymentError(f"the cluster has no {', '.join(missing)}")
    return ", ".join(str(one) for one in resources)


def _right(api: Api, part: Part, verb: str, resource: Resource, where: str, sub: str, fix: str) -> Check:
    what = f"{resource}{'/' + sub if sub else ''}"
    name = f"right to {verb} {what} {'in ' + where if where else 'of the cluster'}"
    try:
        allowed = api.allowed(verb, resource, where, sub)
    except DeploymentError as error:
        return Check(part, name, Verdict.UNKNOWN, str(error), "the API server must allow SelfSubjectAccessReview")
    if allowed:
        return Check(part, name, Verdict.PASS, "yes")
    return Check(part, name, Verdict.FAIL, "no", fix)
