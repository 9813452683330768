"""Open-loop load: requests are sent at a given rate, independent of responses, as independent users send them.

The load can change while it runs: its plan (`cluster.local.load_plan`) is a file that `LocalDeployment.set_load`
replaces, and a recording sets another rate with `LocalDeployment.set_rate`, which is then sent evenly. Every response
is streamed: time to first token and time between tokens are measured by the client.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics, start_http_server

from cluster.deployment import DeploymentError
from cluster.local import layout, load_plan
from cluster.local.load_plan import Arrival, LoadPlan

TIMEOUT_SECONDS = 20.0
MAX_IN_FLIGHT = 400
LOOK_SECONDS = 0.5
"""How often the files are looked at."""
STALL_SECONDS = 0.25
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


class Schedule:
    """When the next request is due, by the plan and the rate in two files that may change at any time."""

    def __init__(self, plan_file: Path, rate_file: Path, rng: random.Random) -> None:
        self._files, self._rng = (plan_file, rate_file), rng
        self._seen: tuple[int, ...] | None = None
        self._requests: Iterator[Arrival] = iter(())
        self._began = 0.0  # as `time.monotonic`, which is when the plan's seconds begin
        self._last = time.monotonic()  # when the last request was due
        self._next: Arrival | None = None

    def look(self) -> None:
        """Begin anew where either file has changed. A plan that cannot be read changes nothing."""
        seen = tuple(_changed(path) for path in self._files)
        if seen == self._seen:
            return
        self._seen = seen
        plan_file, rate_file = self._files
        try:
            plan = load_plan.read(plan_file)
            with contextlib.suppress(FileNotFoundError):
                plan = LoadPlan(rate=float(rate_file.read_text()), max_tokens=plan.max_tokens)
        except (DeploymentError, ValueError, OSError) as error:
            print(f"the load stays as it is: {error}", flush=True)
            return
        self._requests = load_plan.requests(plan, self._rng)
        self._next = next(self._requests, None)
        # The time since the last request counts: a rate that is set each second would otherwise send none below 1/s.
        first = 0.0 if self._next is None else self._next.at
        self._began = max(self._last, time.monotonic() - first)

    def wait(self) -> float:
        """Seconds until the next request is due; infinite where there is none."""
        return math.inf if self._next is None else self._began + self._next.at - time.monotonic()

    def take(self) -> Arrival:
        """The request that is due.

        After a stall of this process the schedule goes on from now: a burst would be a fault of its own.
        """
        due, self._next = self._next, next(self._requests, None)
        if due is None:
            raise RuntimeError("no request is due")
        if (late := time.monotonic() - self._began - due.at) > STALL_SECONDS:
            self._began += late
        self._last = self._began + due.at
        return due


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def prompt(rng: random.Random, words: int = 0) -> str:
    """Random words, as many as asked for; of a few phrases of about the same length where that is 0."""
    phrase = f"{rng.choice(_SUBJECTS)} {rng.choice(_VERBS)} {rng.choice(_OBJECTS)}"
    if words == 0:
        return phrase
    found: list[str] = []
    while len(found) < words:
        found += f"{rng.choice(_SUBJECTS)} {rng.choice(_VERBS)} {rng.choice(_OBJECTS)}".split()
    return " ".join(found[:words])


async def send(session: aiohttp.ClientSession, url: str, text: str, max_tokens: int) -> None:
    """Send and measure one request. It is counted whatever its outcome."""
    upstream, outcome, started = "", "error", time.perf_counter()
    body = {"prompt": text, "max_tokens": max_tokens, "ignore_eos": True, "stream": True}
    IN_FLIGHT.inc()
    try:
        async with session.post(f"{url}/v1/completions", json=body) as answer:
            upstream = answer.headers.get("X-RCA-Upstream", "")
            upstream = upstream if upstream in layout.SERVING else ""
            if answer.status == 200 and await _read(answer, upstream, started) == max_tokens:
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


async def run(url: str, schedule: Schedule, rng: random.Random) -> None:
    """Send until cancelled."""
    tasks: set[asyncio.Task[None]] = set()
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    # A new connection for each request, as from many clients; a broken path also shows at once.
    connector = aiohttp.TCPConnector(limit=MAX_IN_FLIGHT, force_close=True)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        looked = -math.inf
        while True:
            if time.monotonic() - looked >= LOOK_SECONDS:
                schedule.look()
                looked = time.monotonic()
            if (wait := schedule.wait()) > 0:
                await asyncio.sleep(min(wait, LOOK_SECONDS))
                continue
            request = schedule.take()
            if len(tasks) >= MAX_IN_FLIGHT:
                SKIPPED.inc()
                continue
            task = asyncio.create_task(send(session, url, prompt(rng, request.words), request.max_tokens))
            tasks.add(task)
            task.add_done_callback(tasks.discard)


def main() -> None:
    disable_created_metrics()  # type: ignore[no-untyped-call]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan-file", type=Path, required=True)
    parser.add_argument("--rate-file", type=Path, required=True)
    parser.add_argument("--upstreams", required=True, help="POD,POD…")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for upstream in arguments.upstreams.split(","):
        for outcome in ("ok", "error", "timeout"):
            REQUESTS.labels(upstream, outcome)
    start_http_server(layout.CLIENT_METRICS_PORT, layout.management_ip(layout.CLIENT))
    url = f"http://{layout.data_ip(layout.GATEWAY)}:{layout.SERVE_PORT}"
    rng = random.Random(arguments.seed)  # noqa: S311  words for prompts, no secrets
    asyncio.run(run(url, Schedule(arguments.plan_file, arguments.rate_file, rng), rng))


if __name__ == "__main__":
    main()
