"""Spans of OpenTelemetry, written as JSON lines into the run folder, one file a component."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

from cluster.local.layout import ENV_COMPONENT, ENV_SPANS


class JsonLinesExporter(SpanExporter):  # type: ignore[misc]  # its package has no types that mypy finds
    """Appends one JSON object a span; processes of one pod share the file, so every batch is a single write."""

    def __init__(self, path: Path, component: str) -> None:
        self._path = path
        self._component = component
        self._lock = threading.Lock()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        text = "".join(json.dumps(as_record(span, self._component)) + "\n" for span in spans)
        try:
            with self._lock, self._path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS


def as_record(span: ReadableSpan, component: str) -> dict[str, object]:
    """One span as a line of `spans.jsonl`, see `cluster.local`; times in unix seconds."""
    start, end = span.start_time or 0, span.end_time or span.start_time or 0
    context = span.context
    return {
        "trace_id": format_trace_id(context.trace_id) if context else "",
        "span_id": format_span_id(context.span_id) if context else "",
        "parent_id": format_span_id(span.parent.span_id) if span.parent else None,
        "component": component,
        "operation": span.name,
        "start": start / 1e9,
        "duration": (end - start) / 1e9,
        "error": span.status.status_code is StatusCode.ERROR,
        "attributes": _plain({**span.resource.attributes, **(span.attributes or {})}),
    }


def resource(component: str, service: str) -> Resource:
    """The resource attributes of every span of a process."""
    return Resource({"service.name": service, "service.instance.id": component})


def span_processors() -> list[BatchSpanProcessor]:
    """The span processors of Ray Serve's proxies and replicas, see `RAY_SERVE_TRACING_EXPORTER_IMPORT_PATH`."""
    exporter = JsonLinesExporter(Path(os.environ[ENV_SPANS]), os.environ[ENV_COMPONENT])
    return [BatchSpanProcessor(exporter, schedule_delay_millis=1000)]


def _plain(attributes: Mapping[str, object]) -> dict[str, object]:
    return {
        name: value if isinstance(value, str | int | float | bool) else str(value)
        for name, value in attributes.items()
        if not name.startswith("telemetry.sdk.")  # the same three attributes on every span
    }
