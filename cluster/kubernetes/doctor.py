"""Checks the way from here to a deployment in a cluster, step by step, and says how to repair what fails.

Nothing is changed: a SelfSubjectAccessReview reads rights without using them.
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
from cluster.kubernetes.discovery import find_target
from cluster.kubernetes.resources import (
    EVENTS,
    INFERENCE_POOLS,
    JOBS,
    NODES,
    PODS,
    RAY_CLUSTERS,
    RAY_SERVICES,
    SERVICES,
    Resource,
)
from cluster.kubernetes.settings import Endpoint
from cluster.provenance import Origin, Provenance, described
from cluster.window import Window

CHAOS = tuple(Resource(plural, "chaos-mesh.org", "v1alpha1") for plural in ("stresschaos", "networkchaos", "podchaos"))
GPU_NAMESPACE = "gpu-operator"
LOOK_BACK = 300.0  # s within which a signal must have a sample
LARGEST_SKEW = 2.0  # s; our clock sets the windows, the server's clock stamps the samples


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105  no password
    FAIL = "fail"
    UNKNOWN = "unknown"


class Part(StrEnum):
    """The subject of a check. `DRILL`: only needed to inject faults; `LOCAL`: only for `rca-tui up`."""

    VIEW = "view"
    DRILL = "drill"
    TELEMETRY = "telemetry"
    SIGNALS = "signals"
    MACHINE = "machine"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check: what was found, and what to do unless it passes."""

    part: Part
    name: str
    verdict: Verdict
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """The newest value of a signal, in its unit; None where nothing measures it, which `origin` says more of."""

    component: str
    signal: str
    unit: str
    value: float | None
    origin: str = ""


@dataclass
class Examination:
    """Runs the checks and keeps what a report needs.

    Attributes:
        deployment: None until it is found.
        samples: one for each component and each signal that its kind can carry.
        missing: kinds of telemetry that are unavailable: `metrics`, `logs`, `spans`.
    """

    context: str | None
    api: Api | None = None
    deployment: KubernetesDeployment | None = None
    samples: list[Sample] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)

    def checks(self) -> Iterator[Check]:
        """All checks in order, without those that depend on a failed one."""
        try:
            api, configured = open_api(self.context)
        except DeploymentError as error:
            yield Check(Part.VIEW, "kubeconfig", Verdict.FAIL, str(error), "kubectl config get-contexts lists yours")
            return
        self.api = api
        unchecked = "" if api.checked else ", whose certificate is not checked (insecure-skip-tls-verify)"
        yield Check(Part.VIEW, "kubeconfig", Verdict.PASS, f"{api.context} leads to {api.server}{unchecked}")
        answers = self._run(Part.VIEW, "API server", api.version, "check network, VPN and login: kubectl version")
        yield answers
        if answers.verdict is not Verdict.PASS:
            return
        yield self._clock("clock of the API server", api.clock)
        yield self._run(
            Part.VIEW,
            "custom resources that are read",
            lambda: ", ".join(map(str, _installed(api))) or "none here: a stack is looked for by its pods",
            "check the API server: kubectl get --raw /apis",
        )
        yield from self._rights(api, configured.namespace or api.namespace)
        try:
            self.deployment = KubernetesDeployment(api, configured, find_target(api, configured))
        except DeploymentError as error:
            yield Check(
                Part.VIEW, "deployment", Verdict.FAIL, str(error), "see docs/how-to/kubernetes.md, Which deployment"
            )
            return
        kinds = [one.kind.value for one in self.deployment.topology().components]
        counts = {kind: kinds.count(kind) for kind in kinds}
        counted = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items())
        front = self.deployment.topology().front_door
        yield Check(Part.VIEW, "deployment", Verdict.PASS, f"{self.deployment.target.name}: {counted}")
        yield Check(
            Part.VIEW,
            "front door",
            Verdict.PASS if front else Verdict.FAIL,
            front or "no gateway was found, so there is no SLI",
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
            ("list", EVENTS, namespace),
            *(("list", resource, namespace) for resource in _installed(api)),
        ):
            yield _right(api, Part.VIEW, verb, resource, where, "", view)
        yield self._run(
            Part.DRILL,
            "custom resources of Chaos Mesh",
            lambda: _require(api, *CHAOS),
            "only to inject faults: install it",
        )
        for resource in CHAOS:
            for verb in ("create", "delete"):
                yield _right(api, Part.DRILL, verb, resource, namespace, "", drill)
        for verb in ("get", "create"):
            yield _right(api, Part.DRILL, verb, PODS, namespace, "exec", drill)
        for verb in ("create", "get", "delete"):
            yield _right(api, Part.DRILL, verb, JOBS, GPU_NAMESPACE, "", drill)

    def _telemetry(self, deployment: KubernetesDeployment) -> Iterator[Check]:
        from cluster.kubernetes import logs, traces

        sources = deployment.sources
        loki, spans = sources.loki, sources.traces
        probes: list[tuple[str, str, Endpoint | None, Callable[[], str | None]]] = [
            ("prometheus", "metrics", sources.prometheus, lambda: self._prometheus(deployment)),
            ("loki", "logs", loki, lambda: logs.probe(deployment.json_client(loki)) if loki else None),
            ("traces", "spans", spans, lambda: traces.probe(deployment.json_client(spans), spans) if spans else None),
        ]
        for name, kind, endpoint, probe in probes:
            if endpoint is not None and endpoint.service:
                where = endpoint.service.partition("/")[0]
                role = "apply the role `view` of cluster/kubernetes/manifests/rbac"
                yield _right(deployment.api, Part.TELEMETRY, "get", SERVICES, where, "proxy", role)
            fix = f"set {name} in kubernetes.toml, see docs/how-to/kubernetes.md, Telemetry"
            if endpoint is None:
                self.missing.add(kind)
                yield Check(Part.TELEMETRY, name, Verdict.FAIL, "none is configured, and the search found none", fix)
                continue
            check = self._run(Part.TELEMETRY, name, _with_address(endpoint, probe), fix)
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
            raise DeploymentError(f"it answers, but none of its {len(scraped.names)} metrics is known here")
        return ", ".join(f"{name} every {seconds:g} s" for name, seconds in scraped.intervals.items())

    def _signals(self, deployment: KubernetesDeployment) -> Iterator[Check]:
        now = time.time()
        try:
            samples = deployment.samples(Window(now - LOOK_BACK, now), deployment.step)
        except DeploymentError as error:
            yield Check(Part.SIGNALS, "signals", Verdict.FAIL, str(error), "see docs/how-to/kubernetes.md, Telemetry")
            return
        if gaps := [note for note in samples.notes if "failed" in note]:
            failures = f"{len(gaps)} failed, so the following has gaps: {gaps[0]}"
            yield Check(Part.SIGNALS, "queries", Verdict.UNKNOWN, failures, "raise deadline in kubernetes.toml")
        topology = deployment.topology()
        for component in topology.components:
            measured: list[str] = []
            missing: list[str] = []
            for signal in signals.carried_by(component.kind):
                column = (component.id, signal.name)
                values = samples.metrics[column].dropna() if column in samples.metrics.columns else ()
                value = float(values.iloc[-1]) if len(values) else None  # type: ignore[union-attr]
                record = samples.provenance.of(component.id, signal.name)
                told = described(record) if record else ""
                self.samples.append(Sample(component.id, signal.name, signal.unit, value, told))
                (missing if value is None else measured).append(signal.name)
            counts = f"{len(measured)} of {len(measured) + len(missing)} signals"
            yield Check(
                Part.SIGNALS,
                f"signals of {component.id}",
                Verdict.PASS if not missing else Verdict.UNKNOWN if measured else Verdict.FAIL,
                counts + (f"; without {', '.join(missing)}" if missing else ""),
                "" if measured else "no scraped exporter measures it: see docs/how-to/kubernetes.md, Telemetry",
            )
        yield from _origins(samples.provenance)
        if topology.front_door and not any(
            one.component == topology.front_door and one.signal == "latency_p90" and one.value is not None
            for one in self.samples
        ):
            fix = "scrape ingress-nginx, a sidecar or the waypoint: see docs/how-to/kubernetes.md, Telemetry"
            yield Check(Part.SIGNALS, "latency of the front door", Verdict.FAIL, "not measured: there is no SLI", fix)

    def _run(self, part: Part, name: str, probe: Callable[[], object], fix: str) -> Check:
        try:
            return Check(part, name, Verdict.PASS, str(probe() or "answers"))
        except DeploymentError as error:
            return Check(part, name, Verdict.FAIL, str(error), fix)

    def _clock(self, name: str, read: Callable[[], float | None]) -> Check:
        began = time.time()
        try:
            clock = read()
        except DeploymentError as error:
            return Check(Part.VIEW, name, Verdict.UNKNOWN, str(error))
        if clock is None:
            return Check(Part.VIEW, name, Verdict.UNKNOWN, "it does not report its time")
        # An HTTP date has whole seconds and was written between the request and the answer.
        ahead = clock - (began + time.time()) / 2
        tolerance = LARGEST_SKEW + (time.time() - began) / 2
        if abs(ahead) <= tolerance:
            return Check(Part.VIEW, name, Verdict.PASS, f"within {tolerance:.0f} s of ours")
        skew = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} ours"
        return Check(Part.VIEW, name, Verdict.FAIL, skew, "set the clocks by NTP, or windows miss their samples")


def _with_address(endpoint: Endpoint, probe: Callable[[], str | None]) -> Callable[[], str]:
    """The probe, with the endpoint's address in front of its answer."""

    def run() -> str:
        answer = probe()
        where = endpoint.url or f"service {endpoint.service}"
        return f"{where}{': ' + answer if answer else ''}"

    return run


_REMEDIES = {
    Origin.UNKNOWN_NAME: "a table of names lacks them: see docs/how-to/engines.md",
    Origin.NOT_COMPARABLE: "run one release, or compare the other signal",
    Origin.PARTIAL: "the store lacks a shard, or its deadline is too short: what it gave counts as a gap",
    Origin.SCRAPE_FAILED: "look at the target's error in Prometheus: the component itself answers",
    Origin.STALE: "look at the target in Prometheus: it is scraped no longer",
}


def _origins(provenance: Provenance) -> Iterator[Check]:
    """A check for each way in which signals are missing that somebody can mend."""
    for origin, fix in _REMEDIES.items():
        found = [record for record in provenance.records if record.origin is origin]
        if found:
            shown = [f"{record.signal} of {', '.join(record.components[:3])}: {described(record)}" for record in found]
            more = f"; and {len(shown) - 5} more" if len(shown) > 5 else ""
            yield Check(Part.SIGNALS, f"signals {origin.value}", Verdict.UNKNOWN, "; ".join(shown[:5]) + more, fix)


def _installed(api: Api) -> list[Resource]:
    """The custom resources that tell of deployments, of those that the cluster has. Raises DeploymentError."""
    return [resource for resource in (RAY_SERVICES, RAY_CLUSTERS, *INFERENCE_POOLS) if api.serves(resource)]


def _require(api: Api, *resources: Resource) -> str:
    """The names of the resources. Raises DeploymentError when the cluster lacks one of them."""
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
