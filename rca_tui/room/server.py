"""Serves an app of their own to each visitor, over textual-serve: at most as many as this machine holds."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
from aiohttp import web
from aiohttp.http import HttpProcessingError
from textual_serve.server import Server

from rca_tui.room import access, visit

GUEST_MEMORY = 250 << 20
"""Bytes of one visitor's app over a recording, with room for a diagnosis."""
SPARE_MEMORY = 1 << 30
"""Bytes that are left to everything else."""
GUESTS_A_CORE = 8
"""Visitors for each CPU core: an app that follows telemetry takes about 5 % of one, and half is left to keys."""
FILES = 4096
"""Open files of the server: a connection has one, an app four."""
PATIENCE = 15
"""Seconds that a connection has for the head of a request, and may be idle between two."""


def capacity(memory: int, cores: int) -> int:
    """How many visitors fit into so many free bytes on a machine with so many cores."""
    return max(0, min(GUESTS_A_CORE * cores, (memory - SPARE_MEMORY) // GUEST_MEMORY))


def places() -> int:
    """How many visitors fit onto this machine now, beside all that runs on it."""
    return capacity(psutil.virtual_memory().available, os.cpu_count() or 1)


class AppServer(Server):
    """A page with the app, and a process of the app for each WebSocket.

    Args:
        argv: the app's command.
        token: what a visitor must have; empty for none, and then loopback alone is served.
        log: file that takes what the apps write to stderr.
    """

    def __init__(self, argv: Sequence[str], host: str, port: int, token: str, log: Path) -> None:
        # `exec`: the shell that textual-serve starts becomes the app, which then ends with its pipe.
        command = f"exec {shlex.join(argv)} 2>>{shlex.quote(str(log))}"
        super().__init__(command, host, port, title="rca_tui")
        self.token = token
        self._visits: set[asyncio.Task[object] | None] = set()
        self._ending = False

    @property
    def guests(self) -> int:
        """How many visitors have an app."""
        return len(self._visits)

    @property
    def address(self) -> str:
        """What a browser opens."""
        query = f"?{urlencode({access.QUERY: self.token})}" if self.token else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/{query}"

    async def make_app(self) -> web.Application:
        app = await self._make_app()
        app.middlewares.append(access.guard(self.token))
        app.on_response_prepare.append(access.secure)
        app.on_shutdown.append(self._end_visits)
        return app

    async def _end_visits(self, app: web.Application) -> None:
        """An open socket would hold up the end: a browser closes none by itself."""
        self._ending = True
        for task in self._visits:
            if task is not None:
                task.cancel()

    async def on_startup(self, app: web.Application) -> None:
        """The command has said where it serves."""

    def full(self) -> bool:
        """Whether this machine holds no other app."""
        return self.guests >= GUESTS_A_CORE * (os.cpu_count() or 1) or places() == 0

    async def handle_index(self, request: web.Request) -> Any:
        if self.full():
            raise web.HTTPServiceUnavailable(text=full(self.guests))
        # Visitors reach this machine by different names: the page's own addresses follow the one they used.
        self.public_url = f"http://{request.host}"
        return await super().handle_index(request)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        return await self.hold(request, self.command)

    async def hold(self, request: web.Request, command: str) -> web.WebSocketResponse:
        """An app for a visitor, while there is room."""
        if self.full():
            raise web.HTTPServiceUnavailable(text=full(self.guests))
        if self._ending:
            raise web.HTTPServiceUnavailable(text="the server ends")
        mine = asyncio.current_task()
        self._visits.add(mine)
        try:
            return await visit.hold(request, command, self.download_manager)
        finally:
            self._visits.discard(mine)

    def serve_until_ended(self, ready: Callable[[], None]) -> None:
        """Serve until SIGINT or SIGTERM; `ready` is called once the address is listened on.

        Raises OSError where it cannot be.
        """
        _allow_files()
        logging.getLogger("textual-serve").setLevel(logging.CRITICAL)
        logging.getLogger("aiohttp.server").addFilter(_is_ours)
        web.run_app(
            self.make_app(),
            host=self.host,
            port=self.port,
            print=lambda _: ready(),  # aiohttp prints once, when all its sockets listen
            handler_cancellation=True,
            keepalive_timeout=PATIENCE,
        )


def full(guests: int) -> str:
    """Why nobody else can enter."""
    return f"{guests} visitors are here, and this machine holds no more: wait until somebody has left"


def _allow_files() -> None:
    """As many open files as this user may have, up to `FILES`: some systems begin with 256."""
    with contextlib.suppress(OSError, ValueError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether a logged error is a defect, and not what a client sent."""
    return record.exc_info is None or not isinstance(record.exc_info[1], (HttpProcessingError, web.RequestPayloadError))
