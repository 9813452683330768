"""16. rate() is applied to counters only, and the network interface that is read is the one in use."""

from __future__ import annotations

import re

from guidelines import blind_spots
from guidelines.removals import gauges_as_rates
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Origin, Removal, fails, passes, unknown
from guidelines.wording import listed

_RATED = re.compile(r"\b(?:rate|irate|increase)\(\s*([a-zA-Z_:][a-zA-Z0-9_:]*)")
TRAFFIC = ("network_receive", "network_transmit")


def _look(survey: Survey) -> Finding:
    pods = survey.serving
    if not pods:
        return unknown("no component is known to serve requests")
    dry = [pod for pod in pods if not any((survey.largest(pod, signal) or 0) > 0 for signal in TRAFFIC)]
    if dry and survey.busy:
        return fails(
            f"{listed(dry)} served requests without any traffic: the interface that is read is not the one in use"
        )
    if survey.exposition is None:
        return unknown("there is traffic on every serving pod; the queries behind the values were not recorded")
    rated = {name for query in survey.exposition.queries for name in _RATED.findall(query.expr)}
    wrong = sorted(name for name in rated if survey.exposition.type_of(name) == "gauge")
    if wrong:
        return fails(f"rate() over gauges: {listed(wrong)}")
    typed = [name for name in rated if survey.exposition.type_of(name)]
    if not typed:
        return unknown("the server does not report the types of its metrics")
    if dry:
        return unknown("rate() is over no gauge; there is no traffic in this window, so the interface cannot be judged")
    return passes(f"rate() over {len(typed)} metrics, none of them a gauge; traffic on every serving pod")


GUIDELINE = Guideline(
    number=16,
    name="metric-types",
    title="rate() is for counters only",
    origin=Origin.CODE,
    what="rate() is applied to no gauge, and the network interface is discovered, not assumed.",
    why=(
        "rate() treats every fall of a gauge as a counter reset: memory that grows and is freed becomes noise, and its "
        "level is lost. An interface name that this node does not have gives a flat zero, which looks healthy."
    ),
    evidence=(
        "The study's published queries take rate() of memory, square the network rate by mistake, and hard-code "
        "the interface.",
    ),
    change=(
        Change("Query: memory as a level", 'container_memory_working_set_bytes{container!=""}'),
        Change(
            "Query: all interfaces except virtual ones",
            'sum by (pod) (rate(container_network_receive_bytes_total{interface!~"lo|veth.*|cali.*"}[20s]))',
        ),
        Change("Check the type of a metric before using it", "curl $PROMETHEUS/api/v1/metadata?metric=<name>"),
    ),
    faults=("memory-stress", "bandwidth"),
    methods=blind_spots.CHANGE + blind_spots.GRAPHS,
    modes=(10,),
    look=_look,
    signals=("memory_working_set", *TRAFFIC),
    removals=(
        Removal(
            "memory through rate(), no traffic",
            "with memory read through rate() and traffic from an interface that does not exist",
            gauges_as_rates,
        ),
    ),
)
