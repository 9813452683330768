"""Sends requests at a constant rate, whatever comes back, and times their tokens."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable

import aiohttp

from cluster.local.load import prompt
from cluster.local.smoke.measurement import Measurement, Sent, Setting

TIMEOUT_SECONDS = 60.0
"""Of one request: longer than the deployment's own load waits, so that a queue shows as a queue."""
MAX_IN_FLIGHT = 400
DRAIN_SECONDS = 60.0
"""Most time that requests may take to end after the last one was sent."""
SEED = 0


def measure(url: str, setting: Setting, progress: Callable[[float, int], None] = lambda at, open_: None) -> Measurement:
    """Send for `setting.seconds` and wait for the answers.

    Args:
        url: of the gateway.
        progress: called each second with the seconds since the begin and the number of requests in flight.
    """
    return asyncio.run(_measure(url, setting, progress))


async def _measure(url: str, setting: Setting, progress: Callable[[float, int], None]) -> Measurement:
    rng = random.Random(SEED)  # noqa: S311  words for prompts, no secrets
    tasks: list[asyncio.Task[Sent]] = []
    skipped = 0
    # A new connection for each request, as from many clients.
    connector = aiohttp.TCPConnector(limit=MAX_IN_FLIGHT, force_close=True)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        began, told = time.monotonic(), 0
        for number in range(int(setting.rate * setting.seconds)):
            await asyncio.sleep(max(0.0, began + number / setting.rate - time.monotonic()))
            in_flight = sum(not task.done() for task in tasks)
            if (elapsed := time.monotonic() - began) >= told + 1:
                told = int(elapsed)
                progress(elapsed, in_flight)
            if in_flight >= MAX_IN_FLIGHT:
                skipped += 1
                continue
            tasks.append(asyncio.create_task(_send(session, url, prompt(rng), setting.max_tokens, began)))
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
    return Measurement(setting, tuple(task.result() for task in tasks), skipped)


async def _send(session: aiohttp.ClientSession, url: str, text: str, max_tokens: int, began: float) -> Sent:
    """Send one request. Whatever happens to it is its outcome."""
    body = {"prompt": text, "max_tokens": max_tokens, "ignore_eos": True, "stream": True}
    sent = time.monotonic()
    moments: list[float] = []
    answered = False
    try:
        async with session.post(f"{url}/v1/completions", json=body) as answer:
            async for line in answer.content:
                if line.startswith(b"data: {") and _has_text(line[6:]):
                    moments.append(time.monotonic())
            answered = answer.status == 200
    except (TimeoutError, aiohttp.ClientError, asyncio.CancelledError, ValueError):
        pass  # a failure: it keeps the tokens that came
    end = moments[-1] if answered and moments else time.monotonic()
    return Sent(
        at=round(sent - began, 4),
        ttft=round(moments[0] - sent, 4) if moments else None,
        itl=round((moments[-1] - moments[0]) / (len(moments) - 1), 5) if len(moments) > 1 else None,
        latency=round(end - sent, 4),
        tokens=len(moments),
        ok=answered and len(moments) == max_tokens,
    )


def _has_text(data: bytes) -> bool:
    event = json.loads(data)
    return any(choice.get("text") for choice in event.get("choices", ()))
