"""10. Ray Serve, between gateway and engine, reports its queue, latency and health checks."""

from __future__ import annotations

from cluster.incident.model import Incident
from guidelines import blind_spots
from guidelines.removals import RAY_SPANS, serving, without, without_operations
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Origin, Removal, fails, passes, unknown
from guidelines.wording import listed

SERIES = {
    "requests at the replica": ("ray_serve_replica_processing_queries",),
    "processing latency": ("ray_serve_deployment_processing_latency_ms_bucket",),
    "queue at the router": ("ray_serve_deployment_queued_queries", "ray_serve_num_ongoing_requests_at_replicas"),
    "health of replicas": ("ray_serve_deployment_replica_healthy",),
    "starts of replicas": ("ray_serve_deployment_replica_starts_total", "ray_serve_deployment_replica_starts"),
}
"""What must be reported, and the Ray metrics that report it."""


def _look(survey: Survey) -> Finding:
    if not survey.serving:
        return unknown("no component is known to serve requests")
    if survey.exposition is not None:
        names = survey.exposition.names
        absent = [what for what, spelt in SERIES.items() if names.isdisjoint(spelt)]
        if absent:
            return fails(f"no series reports {listed(absent)}")
        return passes(f"series of Ray Serve report {listed(list(SERIES))}")
    silent = [pod for pod in survey.serving if not _ray_spans(survey, pod)]
    if silent and survey.busy:
        return fails(f"this recording has no span of a Ray Serve proxy or replica on {listed(silent)}")
    return unknown("spans show Ray's proxy and replicas, but a recording does not keep health checks and starts")


def _ray_spans(survey: Survey, pod: str) -> bool:
    spans = survey.telemetry.spans
    return bool(spans.loc[spans["component"] == pod, "operation"].str.startswith(RAY_SPANS).any())


def _without_ray(incident: Incident) -> Incident:
    requests = ("request_rate", "error_rate", "latency_p50", "latency_p90")
    return without_operations(*RAY_SPANS)(without(requests, serving)(incident))


GUIDELINE = Guideline(
    number=10,
    name="ray-layer",
    title="Ray Serve is measured",
    origin=Origin.STUDY,
    what="Ray Serve reports its router's queue, processing latency, health checks and starts, by replica.",
    why=(
        "Between the gateway and the engine a request waits for Ray: for the router, for a slot of the replica, for a "
        "busy controller. A replica that fails a health check because it is busy is killed, and from outside that is "
        "an error burst without a cause."
    ),
    evidence=(
        "ray 54070: health checks time out under load, and the controller kills working replicas.",
        "ray 53356, 44872: the router sends most requests to one replica.",
    ),
    change=(
        Change(
            "Prometheus: scrape every Ray node, also the head, and keep these",
            "ray_serve_deployment_queued_queries\nray_serve_deployment_processing_latency_ms\n"
            "ray_serve_replica_processing_queries\nray_serve_deployment_replica_healthy\n"
            "ray_serve_deployment_replica_starts\nray_serve_health_check_latency_ms\n"
            "ray_serve_health_check_failures_total",
        ),
        Change(
            "Ray container: how often it exports metrics (10 s by default)",
            "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS=1000",
        ),
    ),
    faults=("hot-replica", "crash"),
    methods=blind_spots.TRACES + blind_spots.SOURCES,
    modes=(8, 12, 13),
    look=_look,
    removals=(
        Removal(
            "no Ray layer",
            "without Ray's spans and without the requests and latencies that Ray counts by replica",
            _without_ray,
        ),
    ),
)
