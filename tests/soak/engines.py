"""The engines of a recording as scraped targets: `python -m tests.soak.engines INCIDENT SPEED PORT`, until stdin ends.

Prints its port, a free one for PORT 0. `/COMPONENT` has vLLM's metrics as the recording has them at that moment, SPEED
times as fast as they were recorded, from its begin again after its end: half of a second's requests at its median, half
at its p90.
"""

from __future__ import annotations

import contextlib
import math
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pandas as pd
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from cluster.incident import library
from cluster.incident.model import Incident
from cluster.topology import Kind

TICK = 0.5
_BUCKETS = tuple(0.01 * 2 ** (power / 2) for power in range(27))  # s, up to 82
_COUNTERS = {"request_rate": "vllm:request_success", "token_rate": "vllm:generation_tokens"}
_GAUGES = {"queue_length": "vllm:num_requests_waiting", "running_requests": "vllm:num_requests_running"}
_TIMES = {
    "latency": "vllm:e2e_request_latency_seconds",
    "ttft": "vllm:time_to_first_token_seconds",
    "tpot": "vllm:time_per_output_token_seconds",
}


class Engine:
    """One replica of the recording."""

    def __init__(self, metrics: pd.DataFrame) -> None:
        self._metrics = metrics
        self.registry = CollectorRegistry()
        about: dict[str, Any] = {"labelnames": ("model_name",), "registry": self.registry}
        self._counters = {s: Counter(name, "Of the recording.", **about).labels("m") for s, name in _COUNTERS.items()}
        self._gauges = {s: Gauge(name, "Of the recording.", **about).labels("m") for s, name in _GAUGES.items()}
        self._times = {
            signal: Histogram(name, "Of the recording.", buckets=_BUCKETS, **about).labels("m")
            for signal, name in _TIMES.items()
        }
        self._ended = 0.0

    def go_on(self, at: int, seconds: float) -> None:
        """So many seconds of the row at that place."""
        row = self._metrics.iloc[at]

        def value(signal: str) -> float:
            found = float(row.get(signal, math.nan))
            return found if math.isfinite(found) else 0.0

        for signal, counter in self._counters.items():
            counter.inc(value(signal) * seconds)
        for signal, gauge in self._gauges.items():
            gauge.set(value(signal))
        self._ended += value("request_rate") * seconds
        while self._ended >= 1.0:
            self._ended -= 1.0
            share = "p50" if int(self._ended * 1e6) % 2 else "p90"
            for signal, histogram in self._times.items():
                histogram.observe(value(f"{signal}_{share}"))


def engines_of(incident: Incident) -> dict[str, Engine]:
    serving = incident.topology.of_kind(Kind.HEAD, Kind.REPLICA)
    return {one.id: Engine(incident.telemetry.metrics[one.id]) for one in serving}


def play(engines: dict[str, Engine], rows: int, speed: float) -> None:
    """Endless; the recording has a row a second."""
    began = last = time.monotonic()
    while True:
        time.sleep(TICK)
        now = time.monotonic()
        for engine in engines.values():
            engine.go_on(int((now - began) * speed) % rows, (now - last) * speed)
        last = now


def handler(engines: dict[str, Engine]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = generate_latest(engines[self.path.strip("/")].registry)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # on a busy machine a scrape is given up
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


def main(name: str, speed: float, port: int) -> None:
    incident = library.load(name)
    engines = engines_of(incident)
    server = ThreadingHTTPServer(("127.0.0.1", port), handler(engines))
    rows = len(incident.telemetry.metrics)
    for target, arguments in ((server.serve_forever, ()), (play, (engines, rows, speed))):
        threading.Thread(target=target, args=arguments, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
