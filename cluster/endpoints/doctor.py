"""Checks that endpoints can be observed, step by step, and says how to repair what fails. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

from cluster.deployment import DeploymentError, Liveness, Status
from cluster.endpoints.deployment import EndpointsDeployment, connect
from cluster.endpoints.reading import TABLES, unmerged
from cluster.endpoints.silence import ADVICE, END
from cluster.endpoints.watched import Watched
from cluster.kubernetes.doctor import Check, Part, Verdict
from cluster.prometheus.targets import unknown_names
from cluster.provenance import Origin
from cluster.text.metric_names import family
from cluster.text.plain import some
from cluster.topology import Kind
from cluster.window import Window

LOOK_BACK = 30.0  # s
SETTLED = 9.0  # s after which a private Prometheus has scraped twice, so that rates have their two samples


def checks(watched: Watched) -> Iterator[Check]:
    """All checks in order, without those that depend on a failed one."""
    try:
        deployment = connect(watched)
    except DeploymentError as error:
        yield Check(Part.VIEW, "targets", Verdict.FAIL, str(error), "see docs/how-to/endpoints.md")
        return
    topology = deployment.topology()
    kinds = [one.kind.value for one in topology.components]
    counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    yield Check(Part.VIEW, "targets", Verdict.PASS, f"{deployment.name}: {counted}")
    time.sleep(SETTLED)
    try:
        status = deployment.status()
        yield _answers(status)
        if status.liveness is Liveness.DOWN:
            return
        good = status.liveness is Liveness.LIVE
        age = "nothing was scraped" if status.data_age is None else f"the newest sample is {status.data_age:.0f} s old"
        yield Check(
            Part.TELEMETRY, "freshness", Verdict.PASS if good else Verdict.FAIL, age, "" if good else status.message
        )
        yield from _signals(deployment)
    except DeploymentError as error:
        yield Check(Part.TELEMETRY, "metrics", Verdict.FAIL, str(error), "check that the Prometheus still runs")


def _answers(status: Status) -> Check:
    if status.message:
        fix = f"{ADVICE}: llama.cpp needs --metrics"
        return Check(Part.TELEMETRY, "scrapes", Verdict.FAIL, status.message.removesuffix(END), fix)
    return Check(Part.TELEMETRY, "scrapes", Verdict.PASS, f"all {len(status.components)} components answer")


def _signals(deployment: EndpointsDeployment) -> Iterator[Check]:
    now = time.time()
    window = Window(now - LOOK_BACK, now + deployment.step)
    samples = deployment.samples(window, deployment.step)
    topology, named = deployment.topology(), dict[str, frozenset[str]]()
    with suppress(DeploymentError):  # a store may refuse to list all names; the signals are read all the same
        named = deployment.names(window)
    for note in unmerged(deployment.view().fleet, samples.provenance):
        yield Check(Part.SIGNALS, "latency", Verdict.UNKNOWN, note, "see docs/how-to/endpoints.md")
    for one in topology.of_kind(Kind.GATEWAY, Kind.HEAD, Kind.REPLICA):
        rows = [record for record in samples.provenance.records if one.id in record.components]
        measured = [record.signal for record in rows if record.origin is Origin.MEASURED]
        unknown = [name for record in rows if record.origin is Origin.UNKNOWN_NAME for name in record.metrics[:1]]
        found = f"{len(measured)} signals: {', '.join(measured[:6])}" if measured else "no signal"
        unlisted = unknown_names(TABLES, named.get(one.id, frozenset()))
        strange = set(map(family, unlisted)) - set(map(family, unknown))
        found += f"; unknown names: {', '.join(dict.fromkeys(unknown[:3]))}" if unknown else ""
        found += f"; in no table: {some(sorted(strange))}" if strange else ""
        if one.id == topology.front_door:
            good = "latency_p90" in measured
            fix = "without its latency there is no SLI: name a gateway with --gateway, or engines with histograms"
        else:
            good, fix = bool(measured), "its metrics are no engine's that the tables know: docs/how-to/engines.md"
        verdict = Verdict.PASS if good else Verdict.UNKNOWN
        yield Check(Part.SIGNALS, one.id, verdict, found, "" if good else fix)
