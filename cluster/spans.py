"""Rows of spans as an incident keeps them, whatever store or file they come from.

Attributes come from the traced programs and are hostile: a malformed span raises ValueError, nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from cluster.window import possible

_LONGEST_NAME = 1024
_LONGEST_SPAN = 30 * 86400.0
Row: TypeAlias = dict[str, Any]

_ENGINE = "gen_ai.latency."
_PHASES = {"queue": "time_in_queue", "prefill": "time_in_model_prefill", "decode": "time_in_model_decode"}


def row(
    trace: str, span: str, parent: str | None, operation: object, start: float, duration: float, error: bool | None
) -> Row:
    """The columns of a span but its component; times in seconds. Raises ValueError for a malformed span."""
    if not (trace and span) or not (0 <= duration <= _LONGEST_SPAN) or start < 0 or not possible(start + duration):
        raise ValueError("not a span")
    return {
        "trace_id": text(trace),
        "span_id": text(span),
        "parent_id": text(parent) or None,
        "operation": text(operation),
        "start": start,
        "duration": duration,
        "error": error,
    }


def with_phases(whole: Row, attributes: Mapping[str, str]) -> Iterator[Row]:
    """The span, and a child for each phase that an engine has written into its attributes.

    vLLM sends one span a request, `llm_request`, with `gen_ai.latency.time_in_queue` and the like in seconds. A prefill
    that is not given lasts from the queue to the first token, a decode from the first token to the end.
    """
    yield whole
    told = {
        name.removeprefix(_ENGINE): seconds
        for name in attributes
        if name.startswith(_ENGINE) and (seconds := _latency(attributes, name)) is not None
    }
    if not told:
        return
    lengths = {phase: told.get(name) for phase, name in _PHASES.items()}
    first, end = told.get("time_to_first_token"), told.get("e2e", float(whole["duration"]))
    queue = lengths["queue"] or 0.0
    if lengths["prefill"] is None and first is not None:
        lengths["prefill"] = max(0.0, first - queue)
    if lengths["decode"] is None and first is not None:
        lengths["decode"] = max(0.0, end - first)
    at = whole["start"]
    for phase, length in lengths.items():
        if length is not None:
            # Rounding and other clocks: a phase ends within its span.
            length = min(length, max(0.0, whole["start"] + whole["duration"] - at))
            yield {
                **whole, "span_id": f"{whole['span_id'][:1000]}-{phase}", "parent_id": whole["span_id"],
                "operation": phase, "start": at, "duration": length, "error": None,
            }  # fmt: skip
            at += length


def failed(attributes: Mapping[str, str], marked: bool) -> bool:
    """Whether the span is marked as an error or its HTTP status is one of the server's errors."""
    status = attributes.get("http.response.status_code") or attributes.get("http.status_code") or ""
    return marked or (status.isdigit() and len(status) < 9 and int(status) >= 500)


def text(value: object) -> str:
    """The value as text that a file can hold, cut at 1,024 characters."""
    return str(value or "")[:_LONGEST_NAME].encode("utf-8", "replace").decode()


def _latency(attributes: Mapping[str, str], name: str) -> float | None:
    """Seconds of one of the engine's latencies; None where it is no number."""
    try:
        seconds = float(attributes[name])
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
