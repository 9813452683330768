"""11. The head runs no replica: router and suspect are different pods."""

from __future__ import annotations

from cluster.topology import Kind, Relation
from guidelines import blind_spots
from guidelines.removals import pooled_on_head
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Origin, Removal, fails, passes, unknown
from guidelines.wording import listed


def _look(survey: Survey) -> Finding:
    heads = [head.id for head in survey.topology.of_kind(Kind.HEAD)]
    if not heads:
        return unknown("no head is in the topology")
    serving = [head for head in heads if head in survey.serving]
    if serving:
        return fails(
            f"{listed(serving)} serves requests as a replica does: router, controller and engine share one pod's "
            "CPU and memory, and a method that blames the pod cannot say which of them is at fault"
        )
    if not any(edge.relation is Relation.CALLS for edge in survey.topology.edges):
        return unknown("no component is known to call another")
    return passes(f"{listed(heads)} is called by no component: it routes and controls, and serves no request itself")


GUIDELINE = Guideline(
    number=11,
    name="head-apart",
    title="The head runs no replica",
    origin=Origin.CODE,
    what="The head serves no request: router, controller and replica are different pods.",
    why=(
        "Where the head also serves, the controller and an engine share its CPU. A busy engine then slows the router "
        "for all replicas, and a slow router looks like a faulty engine: the two are one suspect."
    ),
    evidence=(
        "In the study's deployment the head runs a replica, and most methods blame the head for a worker's fault.",
        "ray 64241, 63118: the GCS or the head is the bottleneck and all replicas shift together.",
    ),
    change=(
        Change(
            "KubeRay RayService: the head offers no resources to replicas",
            'headGroupSpec:\n  rayStartParams: {num-cpus: "0", num-gpus: "0"}',
        ),
        Change(
            "Ray Serve config: a proxy on every node with replicas",
            "proxy_location: EveryNode",
        ),
        Change(
            "Prometheus: the head's own load",
            'ray_component_cpu_percentage{Component="gcs"}\nray_component_rss_mb{Component="gcs"}',
        ),
    ),
    faults=("head-overload",),
    methods=blind_spots.CALLS + blind_spots.CHANGE,
    modes=(12,),
    look=_look,
    removals=(
        Removal(
            "engines booked on the head",
            "with the engine metrics of all serving pods added up and told of the head",
            pooled_on_head,
        ),
    ),
)
