"""13. Traces reach the engine and name its replica."""

from __future__ import annotations

import pandas as pd

from cluster.text.quantities import percent
from guidelines import blind_spots
from guidelines.removals import ENGINE_SPANS, front_door_spans, without_spans
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Origin, Removal, fails, passes, unknown

SHARE = 0.9
"""Share of the front door's traces that must reach an engine: with fewer, the slow ones may be among the rest."""
FEW = 10
_SETTLE = 10.0  # s at the window's end, in which spans may not have arrived yet


def _look(survey: Survey) -> Finding:
    door, spans = survey.topology.front_door, survey.telemetry.spans
    if door is None or not survey.serving:
        return unknown("it is not known which component users call, or which ones serve")
    if spans.empty:
        if survey.busy:
            return fails("requests were served, but there is no span")
        return unknown("no request was seen in this window, so no trace is missing")
    roots = spans[(spans["component"] == door) & (spans["start"] + spans["duration"] < _last(survey) - _SETTLE)]
    traces = set(roots["trace_id"].dropna())
    if len(traces) < FEW:
        return unknown(f"only {len(traces)} finished traces begin at {door}: too few to judge")
    reached = traces & _reaching(survey, spans)
    share = len(reached) / len(traces)
    saw = f"{len(reached)} of {len(traces)} traces of {door} ({percent(share)}) reach an engine span on a serving pod"
    return passes(saw) if share >= SHARE else fails(f"{saw}; {percent(SHARE)} are required")


def _reaching(survey: Survey, spans: pd.DataFrame) -> set[str]:
    engine = spans["operation"].str.startswith(ENGINE_SPANS).fillna(False) & spans["component"].isin(survey.serving)
    return set(spans.loc[engine, "trace_id"].dropna())


def _last(survey: Survey) -> float:
    return survey.incident.window.end


GUIDELINE = Guideline(
    number=13,
    name="trace-depth",
    title="Traces reach the engine",
    origin=Origin.STUDY,
    what="At least nine in ten of the gateway's traces contain an engine span that names its replica.",
    why=(
        "A trace that ends at the gateway says that a request was slow, not what it waited for. Every trace method "
        "then blames the gateway, because it sees nothing else."
    ),
    evidence=(
        "In the study trace methods largely fail: its traces are request logs captured in the kernel, and end "
        "before Ray's routing and the engine.",
        "Ray Serve samples 1 % of requests unless told otherwise (RAY_SERVE_TRACING_SAMPLING_RATIO=0.01).",
    ),
    change=(
        Change(
            "NGINX: start the trace, or continue the client's",
            'proxy_set_header traceparent "00-$request_id-0000000000000001-01";\n'
            "# or with the OpenTelemetry module: otel_trace on; otel_trace_context propagate;",
        ),
        Change(
            "Ray container",
            "RAY_SERVE_TRACING_EXPORTER_IMPORT_PATH=<module>:<function>\nRAY_SERVE_TRACING_SAMPLING_RATIO=1.0",
        ),
        Change(
            "vLLM: a span for each request, as a child of the caller's",
            "vllm serve --otlp-traces-endpoint grpc://<collector>:4317\n"
            "OTEL_RESOURCE_ATTRIBUTES=k8s.pod.name=$(POD_NAME)",
        ),
    ),
    faults=("network-delay", "gateway-slow", "head-overload"),
    methods=blind_spots.TRACES + blind_spots.SOURCES,
    modes=(12, 15, 16),
    look=_look,
    removals=(
        Removal("no traces", "without a single span", without_spans),
        Removal("traces end at the gateway", "with the gateway's spans alone", front_door_spans),
    ),
)
