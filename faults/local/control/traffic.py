"""The requests of a fault: completions with random prompts, bounded in rate, concurrency, number and time.

    python -I -S faults/local/control/traffic.py --url http://10.77.0.11:8000 --words 200 --max-tokens 1 --interval 6
        --concurrency 4 --seconds 80

With an interval, a request is sent every `--interval` seconds (open loop); without one, the next is sent as soon as
fewer than `--concurrency` are in flight (closed loop). The kernel ends the process after `--seconds`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import signal
import threading
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

REQUEST_SECONDS = 20.0  # as patient as the users are
MAX_REQUESTS = 20_000
_PAUSE = 0.5  # s after a failure, so that a pod that refuses is not hammered
_WORDS = ("the", "river", "old", "map", "of", "a", "quiet", "town", "and", "its", "harbour", "in", "long", "winter")


def prompt(words: int, rng: random.Random) -> str:
    """Random common words, about a token each: prompts differ, so that no cache helps."""
    return " ".join(rng.choice(_WORDS) for _ in range(words))


def send(url: str, text: str, max_tokens: int) -> bool:
    """Send one request. Whether it was answered."""
    where = urlsplit(url)
    body = json.dumps({"prompt": text, "max_tokens": max_tokens, "ignore_eos": True, "stream": True})
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=REQUEST_SECONDS)
    try:
        connection.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def run(url: str, words: int, max_tokens: int, interval: float, concurrency: int, seed: int) -> None:
    """Send up to `MAX_REQUESTS`."""
    rng = random.Random(seed)  # noqa: S311  words for prompts, no secrets
    free = threading.BoundedSemaphore(concurrency)

    def one(text: str) -> None:
        try:
            if not send(url, text, max_tokens):
                time.sleep(_PAUSE)
        finally:
            free.release()

    due = time.monotonic()
    for _ in range(MAX_REQUESTS):
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due + interval, time.monotonic())
        free.acquire()
        threading.Thread(target=one, args=(prompt(words, rng),), daemon=True).start()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="traffic.py", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--words", type=int, required=True)
    parser.add_argument("--max-tokens", type=int, required=True)
    parser.add_argument("--interval", type=float, default=0.0, help="seconds from one request to the next")
    parser.add_argument("--concurrency", type=int, required=True, help="requests in flight at most")
    parser.add_argument("--seconds", type=int, required=True, help="until this process ends")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    signal.alarm(chosen.seconds)
    run(chosen.url, chosen.words, chosen.max_tokens, chosen.interval, chosen.concurrency, chosen.seed)
    signal.pause()  # all are sent: the fault stays until its deadline


if __name__ == "__main__":
    main()
