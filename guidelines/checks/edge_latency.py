"""12. Callers measure their calls, and no measurement is reported for both ends."""

from __future__ import annotations

import numpy as np

from cluster.topology import Relation
from guidelines import blind_spots
from guidelines.removals import edges_from_callees, without_edges
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Origin, Removal, fails, passes, unknown
from guidelines.wording import counted, listed, unserved

SIGNAL = "latency_p90"
_SAMPLES = 10


def _look(survey: Survey) -> Finding:
    calls = [(e.source, e.target) for e in survey.topology.edges if e.relation is Relation.CALLS]
    if not calls:
        return unknown("no component is known to call another")
    edges = survey.telemetry.edge_metrics
    measured = [(s, t) for s, t in calls if (s, t, SIGNAL) in edges.columns and edges[s, t, SIGNAL].notna().any()]
    without = [f"{s} → {t}" for s, t in calls if (s, t) not in measured]
    if without and survey.idle:
        return unknown(unserved((f"latency of the calls {listed(without)}",)))
    if without:
        return fails(f"no latency of the calls {listed(without)}")
    twice = [f"{s} → {t}" for s, t in measured if _same(survey, s, t)]
    if twice:
        return fails(f"{listed(twice)}: the call's latency is the callee's own, so one measurement counts twice")
    return passes(f"{counted(len(calls), 'call')}, each with a latency that its caller measured")


def _same(survey: Survey, source: str, target: str) -> bool:
    """Whether edge and callee have the same values, or one is a fixed multiple of the other."""
    if not survey.has(target, SIGNAL):
        return False
    edge = survey.telemetry.edge_metrics[source, target, SIGNAL]
    own = survey.telemetry.metrics[target, SIGNAL].reindex(edge.index)
    both = (edge.notna() & own.notna() & (own > 0)).to_numpy()
    if both.sum() < _SAMPLES or own[both].nunique() < _SAMPLES:
        return False
    ratio = edge[both].to_numpy() / own[both].to_numpy()
    return bool(np.ptp(ratio) <= 1e-6 * abs(ratio[0]))


GUIDELINE = Guideline(
    number=12,
    name="edge-latency",
    title="Callers measure their calls",
    origin=Origin.CODE,
    what="Each call has a latency measured by its caller, separate from the callee's own.",
    why=(
        "A slow link shows in the caller's latency and not in the callee's: the difference is the network. Without the "
        "caller's measurement a delayed link looks like a gateway fault; with one measurement reported for both ends "
        "the difference is always zero."
    ),
    evidence=(
        "The study's published code adds p90 by source and p90 by destination, which are one waypoint histogram: every "
        "edge counts twice.",
        "The study's network delay is on one worker's link: edge latency up, that replica's engine latency flat.",
    ),
    change=(
        Change(
            "NGINX: the upstream and its times, per request, without retries that hide a faulty replica",
            'log_format rca escape=json \'{"upstream":"$upstream_addr","connect":"$upstream_connect_time",\'\n'
            '  \'"header":"$upstream_header_time","total":"$request_time","status":"$status"}\';\n'
            "proxy_next_upstream off;",
        ),
        Change(
            "Istio: only the series reported by the client side",
            'istio_request_duration_milliseconds_bucket{reporter="source"}\n'
            "# ambient has one reporter, the waypoint: use it for one end only",
        ),
    ),
    faults=("network-delay", "network-loss", "bandwidth", "partition", "gateway-slow"),
    methods=blind_spots.CALLS,
    modes=(15, 16),
    look=_look,
    removals=(
        Removal("no edges", "without what the gateway measured of its calls", without_edges),
        Removal("edges counted twice", "with each call's latency replaced by the callee's own", edges_from_callees),
    ),
)
