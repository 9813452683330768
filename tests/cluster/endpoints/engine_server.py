"""A server with vLLM's metrics for tests: `python engine_server.py PORT [SECONDS]`; POST takes SECONDS per request."""

from __future__ import annotations

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

AT_ONCE = 4  # requests that run together; the others wait
TOKENS = 16  # of a request
_BUCKETS = (0.01, 0.02, 0.04, 0.08, 0.12, 0.16, 0.24, 0.32, 0.48, 0.64, 1.0, 2.0, 4.0, 8.0)


class Engine:
    """Counts requests as vLLM does."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._slots = threading.Semaphore(AT_ONCE)
        self.registry = CollectorRegistry()
        about: dict[str, Any] = {"labelnames": ("model_name",), "registry": self.registry}
        timed = about | {"buckets": _BUCKETS}
        self._done = Counter(
            "vllm:request_success", "Finished.", ("model_name", "finished_reason"), registry=self.registry
        )
        self._tokens = Counter("vllm:generation_tokens", "Tokens.", **about).labels("m")
        self._running = Gauge("vllm:num_requests_running", "Running.", **about).labels("m")
        self._waiting = Gauge("vllm:num_requests_waiting", "Waiting.", **about).labels("m")
        self._latency = Histogram("vllm:e2e_request_latency_seconds", "Whole.", **timed).labels("m")
        self._first = Histogram("vllm:time_to_first_token_seconds", "TTFT.", **timed).labels("m")
        self._queue = Histogram("vllm:request_queue_time_seconds", "Queue.", **timed).labels("m")

    def serve(self) -> None:
        began = time.monotonic()
        with self._waiting.track_inprogress():
            self._slots.acquire()
        try:
            with self._running.track_inprogress():
                self._queue.observe(time.monotonic() - began)
                time.sleep(self._seconds / 4)
                self._first.observe(time.monotonic() - began)
                time.sleep(self._seconds * 3 / 4)
        finally:
            self._slots.release()
        self._latency.observe(time.monotonic() - began)
        self._tokens.inc(TOKENS)
        self._done.labels("m", "stop").inc()


def handler(engine: Engine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            models = self.path == "/v1/models"
            self._answer(b'{"data": [{"id": "m"}]}' if models else generate_latest(engine.registry))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            engine.serve()
            self._answer(b"{}")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


if __name__ == "__main__":
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 0.1
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), handler(Engine(seconds))).serve_forever()
