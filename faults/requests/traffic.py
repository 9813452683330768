"""The requests of a fault: completions with random prompts, bounded in rate, concurrency and time.

    python -I -S faults/requests/traffic.py --url http://10.77.0.11:8000 --words 200 --max-tokens 1 --interval 6
        --concurrency 4 --seconds 80

With an interval, a request is sent every `--interval` seconds (open loop); without one, the next is sent as soon as
fewer than `--concurrency` are in flight (closed loop). With `--ramp`, one more may be in flight after so many seconds.
With `--attempts`, clients try again what is not answered within `--patience` seconds and leave the former attempt open,
as behind a proxy that does not pass on that a client has gone; they send every `--burst` seconds for the first
`--trigger` seconds. Several `--url` get requests in turn; `--model` names the model of each, in the same order. The
kernel ends the process after `--seconds`.
"""

from __future__ import annotations

import argparse
import heapq
import http.client
import itertools
import json
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import urlsplit

REQUEST_SECONDS = 20.0  # as patient as the users are
MAX_RATE = 200.0  # 1/s, whatever the requests are and however soon they end
MAX_CLIENTS = 200  # that wait or try again
_PAUSE = 0.5  # s after a failure, so that a pod that refuses is not hammered
_TICK = 0.02  # s
_WORDS = ("the", "river", "old", "map", "of", "a", "quiet", "town", "and", "its", "harbour", "in", "long", "winter")


def prompt(words: int, rng: random.Random) -> str:
    """Random common words, about a token each: prompts differ, so that no cache helps."""
    return " ".join(rng.choice(_WORDS) for _ in range(words))


def send(url: str, model: str, text: str, max_tokens: int) -> bool:
    """Send one request. Whether it was answered."""
    where = urlsplit(url)
    wanted = {"prompt": text, "max_tokens": max_tokens, "ignore_eos": True, "stream": True}
    body = json.dumps(wanted | ({"model": model} if model else {}))
    connect = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
    connection = connect(where.hostname or "", where.port, timeout=REQUEST_SECONDS)
    try:
        connection.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Sender:
    """Sends requests to servers (URL, model) in turn, in threads of their own.

    `concurrency` are in flight at most, and `MAX_RATE` are sent in a second: so it lasts for as long as a fault may.
    """

    def __init__(
        self, servers: Sequence[tuple[str, str]], words: int, max_tokens: int, concurrency: int, seed: int
    ) -> None:
        self._servers, self._words, self._max_tokens = itertools.cycle(servers), words, max_tokens
        self._rng = random.Random(seed)  # noqa: S311  words for prompts, no secrets
        self._free = threading.BoundedSemaphore(concurrency)
        self._next = 0.0  # monotonic seconds

    def start(self, answered: Callable[[], object] = lambda: None, wait: bool = True) -> bool:
        """Send one; `answered` is called when it was answered. False when too many are in flight, unless it waits."""
        early = self._next - time.monotonic()
        if (early > 0 and not wait) or not self._free.acquire(blocking=wait):
            return False
        time.sleep(max(0.0, early))
        self._next = max(self._next, time.monotonic() - _TICK) + 1 / MAX_RATE  # what a tick delays is made up for
        text = prompt(self._words, self._rng)
        threading.Thread(target=self._send, args=(*next(self._servers), text, answered), daemon=True).start()
        return True

    def hold_back(self, number: int, interval: float) -> None:
        """Let that many fewer be in flight at first, one more every `interval` seconds."""
        for _ in range(number):
            self._free.acquire()

        def let_go() -> None:
            for _ in range(number):
                time.sleep(interval)
                self._free.release()

        threading.Thread(target=let_go, daemon=True).start()

    def _send(self, url: str, model: str, text: str, answered: Callable[[], object]) -> None:
        try:
            if send(url, model, text, self._max_tokens):
                answered()
            else:
                time.sleep(_PAUSE)
        finally:
            self._free.release()


def run(sender: Sender, interval: float) -> None:
    """Send one every `interval` seconds or, where it is 0, as soon as one may."""
    due = time.monotonic()
    while True:
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due + interval, time.monotonic())
        sender.start()


def storm(sender: Sender, interval: float, attempts: int, patience: float, burst: float, trigger: float) -> None:
    """Clients come every `interval` seconds (`burst` during the trigger) and try again until they are answered in time.

    At most `MAX_CLIENTS` at a time; others are turned away, and a retry that finds no room waits.
    """
    began = arrival = time.monotonic()
    due: list[tuple[float, int, int]] = []  # (when, client, attempts before it)
    content: set[int] = set()  # clients that were answered in time
    clients = itertools.count()
    while True:
        now = time.monotonic()
        if now >= arrival:
            arrival = max(arrival, now - 1.0) + (burst if now - began < trigger else interval)
            if len(due) < MAX_CLIENTS:
                heapq.heappush(due, (now, next(clients), 0))
        while due and due[0][0] <= now:
            _, client, before = heapq.heappop(due)
            if client in content:
                content.discard(client)
            elif before < attempts:
                sent = sender.start(partial(_if_in_time, content, client, now + patience), wait=False)
                again = (now + patience, client, before + 1) if sent else (now + _PAUSE, client, before)
                heapq.heappush(due, again)
        time.sleep(_TICK)


def _if_in_time(content: set[int], client: int, until: float) -> None:
    if time.monotonic() <= until:
        content.add(client)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="traffic.py", description=__doc__)
    parser.add_argument("--url", required=True, action="append")
    parser.add_argument("--model", default=[], action="append", help="of the URL in the same place")
    parser.add_argument("--words", type=int, required=True)
    parser.add_argument("--max-tokens", type=int, required=True)
    parser.add_argument("--interval", type=float, default=0.0, help="seconds from one request to the next")
    parser.add_argument("--concurrency", type=int, required=True, help="requests in flight at most")
    parser.add_argument("--ramp", type=float, default=0.0, help="seconds until one more may be in flight, from one on")
    parser.add_argument("--attempts", type=int, default=0, help="of a client at one request; 0: it waits")
    parser.add_argument("--patience", type=float, default=2.0, help="seconds from one attempt to the next")
    parser.add_argument("--burst", type=float, default=0.0, help="seconds from one request to the next, at first")
    parser.add_argument("--trigger", type=float, default=0.0, help="seconds of that")
    parser.add_argument("--seconds", type=int, required=True, help="until this process ends")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tag", help="by which the process is found; nothing reads it here")
    chosen = parser.parse_args(arguments)
    signal.alarm(chosen.seconds)
    servers = list(itertools.zip_longest(chosen.url, chosen.model[: len(chosen.url)], fillvalue=""))
    sender = Sender(servers, chosen.words, chosen.max_tokens, chosen.concurrency, chosen.seed)
    if chosen.ramp:
        sender.hold_back(chosen.concurrency - 1, chosen.ramp)
    if chosen.attempts:
        storm(sender, chosen.interval, chosen.attempts, chosen.patience, chosen.burst, chosen.trigger)
    else:
        run(sender, chosen.interval)


if __name__ == "__main__":
    main()
