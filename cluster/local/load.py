"""Open-loop load: requests are sent at a given rate, independent of responses, as independent users send them.

The rate can change while it runs: it is read from a file that `LocalDeployment.set_rate` writes. Every response is
streamed: time to first token and time between tokens are measured by the client.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics, start_http_server

from cluster.local import layout

TIMEOUT_SECONDS = 20.0
MAX_IN_FLIGHT = 400
RATE_SECONDS = 0.5
"""How often the file with the rate is looked at."""
_BUCKETS = (0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 6, 8, 12, 16, 20)
_TOKEN_BUCKETS = (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8, 1.2, 2, 4, 8)

TTFT = Histogram("client_time_to_first_token_seconds", "Sent to first token.", ["upstream"], buckets=_BUCKETS)
TPOT = Histogram("client_time_per_output_token_seconds", "Between tokens.", ["upstream"], buckets=_TOKEN_BUCKETS)
DURATION = Histogram("client_request_duration_seconds", "Sent to last token.", ["upstream"], buckets=_BUCKETS)
REQUESTS = Counter("client_requests", "Finished requests.", ["upstream", "outcome"])
TOKENS = Counter("client_tokens", "Tokens received.", ["upstream"])
IN_FLIGHT = Gauge("client_requests_in_flight", "Requests without an end yet.")
SKIPPED = Counter("client_requests_skipped", "Not sent: too many in flight.")

_SUBJECTS = (
    "A river",
    "The moon",
    "An old map",
    "Bread",
    "A violin",
    "Snow",
    "The harbour",
    "A clock",
    "Copper",
    "Tea",
)
_VERBS = (
    "reminds sailors of",
    "was once traded for",
    "is best explained by",
    "begins with",
    "hides behind",
    "depends on",
)
_OBJECTS = (
    "long winters",
    "a quiet town",
    "careful work",
    "good weather",
    "many hands",
    "the north wind",
    "old stories",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Where to send requests and how; `rate` in requests per second, while `rate_file` holds no other."""

    url: str
    rate: float
    max_tokens: int
    rate_file: Path


class Rate:
    """The rate of a plan as it is now, in requests per second."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._now, self._read = plan, plan.rate, -RATE_SECONDS

    def now(self) -> float:
        if time.monotonic() - self._read >= RATE_SECONDS:
            self._read = time.monotonic()
            try:
                self._now = float(self._plan.rate_file.read_text())
            except FileNotFoundError:
                self._now = self._plan.rate
        return self._now


def prompt(rng: random.Random) -> str:
    """A few random words; all prompts have about the same length."""
    return f"{rng.choice(_SUBJECTS)} {rng.choice(_VERBS)} {rng.choice(_OBJECTS)}"


async def send(session: aiohttp.ClientSession, plan: Plan, text: str) -> None:
    """Send and measure one request. It is counted whatever its outcome."""
    upstream, outcome, started = "", "error", time.perf_counter()
    body = {"prompt": text, "max_tokens": plan.max_tokens, "ignore_eos": True, "stream": True}
    IN_FLIGHT.inc()
    try:
        async with session.post(f"{plan.url}/v1/completions", json=body) as answer:
            upstream = answer.headers.get("X-RCA-Upstream", "")
            upstream = upstream if upstream in layout.SERVING else ""
            if answer.status == 200 and await _read(answer, upstream, started) == plan.max_tokens:
                outcome = "ok"
    except TimeoutError:
        outcome = "timeout"
    except aiohttp.ClientError:
        outcome = "error"
    finally:
        IN_FLIGHT.dec()
        DURATION.labels(upstream).observe(time.perf_counter() - started)
        REQUESTS.labels(upstream, outcome).inc()


async def _read(answer: aiohttp.ClientResponse, upstream: str, started: float) -> int:
    """Count and time the tokens of one stream."""
    tokens, last = 0, started
    async for line in answer.content:
        if not line.startswith(b"data: {"):
            continue
        event = json.loads(line[6:])
        if not any(choice.get("text") for choice in event.get("choices", ())):
            continue
        now = time.perf_counter()
        (TPOT if tokens else TTFT).labels(upstream).observe(now - last)
        last, tokens = now, tokens + 1
        TOKENS.labels(upstream).inc()
    return tokens


async def run(plan: Plan, seed: int) -> None:
    """Send until cancelled."""
    rng = random.Random(seed)  # noqa: S311  words for prompts, no secrets
    tasks: set[asyncio.Task[None]] = set()
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    # A new connection for each request, as from many clients; a broken path also shows at once.
    connector = aiohttp.TCPConnector(limit=MAX_IN_FLIGHT, force_close=True)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        due, rate = time.monotonic(), Rate(plan)
        while True:
            if (current := rate.now()) == 0:
                await asyncio.sleep(RATE_SECONDS)
                continue
            due += 1 / current
            # After a stall of this process the schedule restarts from now: a burst would be a fault of its own.
            due = max(due, time.monotonic() - 1 / current)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if len(tasks) >= MAX_IN_FLIGHT:
                SKIPPED.inc()
                continue
            task = asyncio.create_task(send(session, plan, prompt(rng)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)


def main() -> None:
    disable_created_metrics()  # type: ignore[no-untyped-call]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--max-tokens", type=int, required=True)
    parser.add_argument("--rate-file", type=Path, required=True)
    parser.add_argument("--upstreams", required=True, help="POD,POD…")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for upstream in arguments.upstreams.split(","):
        for outcome in ("ok", "error", "timeout"):
            REQUESTS.labels(upstream, outcome)
    start_http_server(layout.CLIENT_METRICS_PORT, layout.management_ip(layout.CLIENT))
    url = f"http://{layout.data_ip(layout.GATEWAY)}:{layout.SERVE_PORT}"
    plan = Plan(url, arguments.rate, arguments.max_tokens, arguments.rate_file)
    asyncio.run(run(plan, arguments.seed))


if __name__ == "__main__":
    main()
