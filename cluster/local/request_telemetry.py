"""What a replica reports about each request: metrics through Ray, OpenTelemetry spans, a line in the engine log."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, TextIO

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode, format_trace_id
from ray.util.metrics import Counter, Gauge, Histogram

from cluster.local.engines.base import Delta, Engine, Finish, Generation, Load

_SECONDS = [0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32]
_TOKEN_SECONDS = [0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8, 1.2, 2, 4, 8]


class Meters:
    """The replica's metrics; Ray exports them as `ray_llm_*`, the same for every engine."""

    def __init__(self) -> None:
        self.ttft = Histogram("llm_time_to_first_token_seconds", "Arrival to first token.", boundaries=_SECONDS)
        self.tpot = Histogram("llm_time_per_output_token_seconds", "Between two tokens.", boundaries=_TOKEN_SECONDS)
        self.duration = Histogram("llm_request_duration_seconds", "Arrival to last token.", boundaries=_SECONDS)
        self.queue = Histogram("llm_request_queue_seconds", "First token less prefill.", boundaries=_SECONDS)
        self.requests = Counter("llm_requests", "Finished requests.", tag_keys=("outcome",))
        self.prompt_tokens = Counter("llm_prompt_tokens", "Tokens of prompts.")
        self.generated_tokens = Counter("llm_generated_tokens", "Tokens generated.")
        self.in_flight = Gauge("llm_requests_in_flight", "Requests in the replica.")
        self.running = Gauge("llm_requests_running", "Requests that hold a slot of the engine.")
        self.waiting = Gauge("llm_requests_waiting", "Requests that wait for a slot of the engine.")
        self.slots = Gauge("llm_slots", "Slots of the engine.")
        self.kv_usage = Gauge("llm_kv_cache_usage_ratio", "Used part of the KV cache.")
        for outcome in ("ok", "error", "refused", "cancelled"):
            # A counter that is absent until the first error hides that error's rate; Ray accepts no increment of 0.
            self.requests.inc(1e-12, {"outcome": outcome})

    def report(self, load: Load, in_flight: int) -> None:
        self.in_flight.set(in_flight)
        self.running.set(load.running)
        self.waiting.set(load.waiting)
        self.slots.set(load.slots)
        if load.kv_usage is not None:
            self.kv_usage.set(load.kv_usage)


class EngineLog:
    """JSON lines with time and component."""

    def __init__(self, path: Path, component: str) -> None:
        self._file: TextIO = path.open("a", encoding="utf-8", buffering=1)
        self._component = component

    def write(self, severity: str, message: str, **fields: object) -> None:
        line = {"time": time.time(), "component": self._component, "severity": severity, "message": message, **fields}
        self._file.write(json.dumps(line, default=str) + "\n")


class Observation:
    """One request from its arrival; exactly one of `finished` and `failed` is called, once."""

    def __init__(self, engine: Engine, request: Generation, meters: Meters, log: EngineLog, context: Context) -> None:
        self._engine, self._request, self._meters, self._log = engine, request, meters, log
        self._context = context
        self._arrival = self._last = time.time()
        self._first: float | None = None
        self._tokens = 0

    def delta(self, delta: Delta) -> None:
        now = time.time()
        if self._first is None:
            self._first = now
            self._meters.ttft.observe(now - self._arrival)
        else:
            self._meters.tpot.observe((now - self._last) / max(delta.tokens, 1))
        self._last = now
        self._tokens += delta.tokens
        self._meters.generated_tokens.inc(delta.tokens)

    def finished(self, finish: Finish) -> None:
        self._meters.prompt_tokens.inc(max(finish.prompt_tokens, 1))
        self._end("ok", "", finish)

    def failed(self, outcome: str, message: str) -> None:
        self._end(outcome, message, None)

    def _end(self, outcome: str, message: str, finish: Finish | None) -> None:
        end = time.time()
        self._meters.requests.inc(1, {"outcome": outcome})
        self._meters.duration.observe(end - self._arrival)
        prefill = self._prefill_start(finish)
        if prefill is not None:
            self._meters.queue.observe(prefill - self._arrival)
        trace_id = self._spans(end, outcome, message, finish, prefill)
        self._log.write(
            "INFO" if outcome == "ok" else "WARNING" if outcome in ("refused", "cancelled") else "ERROR",
            f"request {outcome}" + (f": {message}" if message else ""),
            request_id=self._request.request_id,
            trace_id=trace_id,
            seconds=round(end - self._arrival, 6),
            ttft=None if self._first is None else round(self._first - self._arrival, 6),
            completion_tokens=self._tokens,
            prompt_tokens=finish.prompt_tokens if finish else None,
        )

    def _prefill_start(self, finish: Finish | None) -> float | None:
        if self._first is None or finish is None or finish.prefill_seconds is None:
            return None
        return max(self._arrival, self._first - finish.prefill_seconds)

    def _spans(self, end: float, outcome: str, message: str, finish: Finish | None, prefill: float | None) -> str:
        """The engine's span and, within it, queue, prefill and decode as far as they are known."""
        tracer = trace.get_tracer("cluster.local")
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat" if self._request.messages else "text_completion",
            "gen_ai.provider.name": self._engine.name,
            "gen_ai.request.model": self._engine.model,
            "gen_ai.request.max_tokens": self._request.max_tokens,
            "gen_ai.usage.output_tokens": self._tokens,
        }
        if finish is not None:
            attributes["gen_ai.usage.input_tokens"] = finish.prompt_tokens
            attributes["gen_ai.response.finish_reasons"] = finish.reason
        span = tracer.start_span(
            "engine generate", self._context, SpanKind.INTERNAL, attributes, start_time=_ns(self._arrival)
        )
        if outcome != "ok":
            span.set_attribute("error.type", outcome)
            if outcome == "error":
                span.set_status(Status(StatusCode.ERROR, message))
        inside = trace.set_span_in_context(span, self._context)
        first = self._first if self._first is not None else end
        steps = [("engine queue and prefill", self._arrival, first)]
        if prefill is not None:
            steps = [("engine queue", self._arrival, prefill), ("engine prefill", prefill, first)]
        if self._first is not None:
            steps.append(("engine decode", first, end))
        for name, start, stop in steps:
            tracer.start_span(name, inside, start_time=_ns(start)).end(_ns(stop))
        span.end(_ns(end))
        return str(format_trace_id(span.get_span_context().trace_id))


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
