"""One visitor's app: its process, and what the browser says to it over a WebSocket.

A browser is hostile. What it sends is bounded and checked before it reaches the app, and the app ends with it, whatever
state the app is in.
"""

from __future__ import annotations

import asyncio
import contextlib
import json

from aiohttp import WSCloseCode, WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from rca_tui.room.window import bounded

LARGEST = 64 << 10
"""Bytes of a message: a long paste."""
KEYS_A_SECOND = 8192
"""Characters of input that are passed on: a moving mouse sends a quarter of them."""
PATIENCE = 5.0
"""Seconds that an app has to end by itself."""
GOODBYE = 1.0
"""Seconds that a browser has to answer that the socket is closed."""


async def hold(request: web.Request, command: str, downloads: DownloadManager) -> web.WebSocketResponse:
    """Run a shell's command for a visitor, until either of the two ends, or this task is cancelled."""
    socket = web.WebSocketResponse(timeout=GOODBYE, heartbeat=15, max_msg_size=LARGEST)
    await socket.prepare(request)

    async def hang_up() -> None:
        await socket.close()

    app = _App(
        command,
        write_bytes=socket.send_bytes,
        write_str=socket.send_str,
        close=hang_up,
        download_manager=downloads,
    )
    try:
        await app.start(*bounded(request.query.get("width"), request.query.get("height")))
    except OSError as error:  # no more processes, files or memory
        await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=f"no app: {error.strerror}".encode())
        return socket
    try:
        await _pass_on(socket, app)
    except asyncio.CancelledError:  # by another socket of this visitor, or at the end
        await socket.close()
    finally:
        await app.stop()
    return socket


async def _pass_on(socket: web.WebSocketResponse, app: AppService) -> None:
    """What the browser says, until it leaves; what is no message of its page is left alone."""
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            continue
        try:
            said = json.loads(message.data)
        except (ValueError, RecursionError):
            continue
        match said:
            case ["stdin", str(keys)]:
                await app.send_bytes(keys.encode("utf-8", "replace"))
                await asyncio.sleep(len(keys) / KEYS_A_SECOND)
            case ["resize", dict(sizes)]:
                await app.set_terminal_size(*bounded(sizes.get("width"), sizes.get("height")))
            case ["ping", str(when)]:
                await socket.send_json(["pong", when])
            case ["blur", *_]:
                await app.blur()
            case ["focus", *_]:
                await app.focus()


class _App(AppService):
    """An app whose visitor is told when it has ended, however it did, and that is killed where it does not end itself:
    one that still starts, or no longer reads."""

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            await self.remote_close()

    async def stop(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await super().stop()
        except TimeoutError:
            pass
        finally:
            if self._process is not None and self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()
