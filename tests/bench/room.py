"""A workshop with players in it: memory of their apps, and seconds from a key press to what it shows.

Each player is a WebSocket as a browser opens it, over the same recording; no browser runs. A press of `?` is answered
when the page of keys has arrived. Other load of the machine counts, too: it is told beside the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress

import aiohttp
import psutil

RECORDING = "drill-05"
SHOWN = "Command palette"
"""Text of the page of keys."""
COVERED = 3000
"""Bytes of output after which the page is gone: drawing what it covered takes more, three looks take less."""
PRESSES, REST = 5, 20.0
PATIENCE = 240.0
LONGEST = 200_000
"""Bytes of an app's output that are searched: several whole screens."""
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Visitor:
    """A player and an app of their own."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session, self.heard, self.moved = session, b"", asyncio.Event()
        self.socket: aiohttp.ClientWebSocketResponse | None = None

    async def enter(self, base: str) -> None:
        self.socket = await self.session.ws_connect(f"{base}ws?width=120&height=40", max_msg_size=0)
        self.reader = asyncio.create_task(self._read(self.socket))
        await self.until("replica-1")

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                self.heard = (self.heard + message.data)[-LONGEST:]
                self.moved.set()

    async def until(self, text: str) -> None:
        await self._wait(lambda: text.encode() in ESCAPES.sub(b"", self.heard))

    async def _wait(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not met():
                self.moved.clear()
                await self.moved.wait()

    async def press(self, key: str) -> None:
        assert self.socket is not None
        await self.socket.send_str(json.dumps(["stdin", key]))

    async def seconds(self) -> float:
        """From a press of `?` to the page of keys."""
        self.heard, began = b"", time.monotonic()
        await self.press("?")
        await self.until(SHOWN)
        took = time.monotonic() - began
        # The next press waits until the page is gone: a page that is opened again before it was drawn shows nothing
        # new. Not by Escape: to an app so busy that it reads the next key with it, both are one key with Alt.
        self.heard = b""
        await self.press("?")
        await self._wait(lambda: len(self.heard) >= COVERED)
        return took


async def _measure(players: int, lines: list[str], server: psutil.Process) -> None:
    base = lines[0].split(": ")[1]
    lead, *sessions = (aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) for _ in range(players + 1))
    try:
        await lead.get(lines[1].split(": ")[1])
        for number, session in enumerate(sessions):
            (await session.post(f"{base}join", data={"name": f"player {number}"})).raise_for_status()
        (await lead.post(f"{base}instructor/start")).raise_for_status()
        free, began = psutil.virtual_memory().available, time.monotonic()
        visitors = [Visitor(session) for session in sessions]
        await asyncio.gather(*(visitor.enter(base) for visitor in visitors))
        print(f"{players} apps have painted after {time.monotonic() - began:.0f} s")
        used = _cpu(server)
        await asyncio.sleep(REST)
        share = (_cpu(server) - used) / REST / players
        alone = [await visitors[i % players].seconds() for i in range(PRESSES)]
        together = [took for _ in range(PRESSES) for took in await asyncio.gather(*(v.seconds() for v in visitors))]
        _print_memory(server, free)
        print(f"at rest an app takes {share:.1%} of a core")
        for what, took in (("one player presses a key", alone), ("all press a key at once", together)):
            ordered = sorted(took)
            median, p90 = statistics.median(ordered), ordered[int(0.9 * (len(ordered) - 1))]
            print(f"{what}: median {median:.2f} s, p90 {p90:.2f} s, {len(ordered)} presses")
        whole, apps = psutil.cpu_percent(REST / 2), 100 * share * players / (os.cpu_count() or 1)
        print(f"the server uses {_share(server):.0%} of a core, this program {_share(psutil.Process()):.0%}")
        print(f"{os.cpu_count()} cores, {whole:.0f} % busy at rest, of which the apps about {apps:.0f} %")
    finally:
        for session in (*sessions, lead):
            await session.close()


def _cpu(server: psutil.Process) -> float:
    """CPU seconds that the apps have used."""
    return sum(sum(app.cpu_times()[:2]) for app in server.children(recursive=True))


def _share(process: psutil.Process) -> float:
    """Of a core, since the process began."""
    return sum(process.cpu_times()[:2]) / (time.time() - process.create_time())


def _print_memory(server: psutil.Process, free: int) -> None:
    apps = server.children(recursive=True)
    own = sorted(app.memory_full_info().uss / 2**20 for app in apps)
    whole = sorted(app.memory_info().rss / 2**20 for app in apps)
    fallen = (free - psutil.virtual_memory().available) / 2**20
    print(f"{len(apps)} apps: {statistics.median(own):.0f} MiB each of their own (USS), at most {own[-1]:.0f}")
    print(f"RSS {statistics.median(whole):.0f} MiB each; free memory fell by {fallen:.0f} MiB")
    print(f"the server takes {server.memory_info().rss / 2**20:.0f} MiB")


def run(options: argparse.Namespace) -> None:
    """Print the figures of a workshop with `options.players`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "rca_tui", "workshop", RECORDING, "--port", str(port)]
        environment = {**os.environ, "XDG_STATE_HOME": home, "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline().strip() for _ in range(3)]
            try:
                time.sleep(2)
                asyncio.run(_measure(options.players, lines, psutil.Process(process.pid)))
            finally:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(30)
