"""Serves a workshop: pages to join, to play with an app of one's own, to guess; the instructor's, the scoreboard."""

from __future__ import annotations

import hmac
import secrets
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import aiohttp_jinja2
import jinja2
from aiohttp import web

from rca_tui.room import pages
from rca_tui.room.lesson import Player, Refusal, Stage, Workshop, guess_of
from rca_tui.room.server import AppServer

PLAYER, INSTRUCTOR = "rca_tui_player", "rca_tui_instructor"
LARGEST = 16 << 10
"""Bytes of a form that is still read."""


class WorkshopServer(AppServer):
    """Args: `kinds` are the faults that a player may name. The rest as of `AppServer`."""

    def __init__(self, workshop: Workshop, kinds: tuple[str, ...], host: str, port: int, token: str, log: Path) -> None:
        super().__init__((), host, port, token, log)
        self.workshop, self.kinds, self._log = workshop, kinds, log
        self.key = secrets.token_urlsafe(16)

    @property
    def instructor_address(self) -> str:
        base, query, token = self.address.partition("?")
        return f"{base}instructor?key={self.key}{'&' * bool(query)}{token}"

    async def _make_app(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST)
        aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(self.templates_path))
        app.add_routes(
            [
                web.get("/", self._join_page),
                web.post("/join", self._join),
                web.get("/play", self._play),
                web.get("/bar", self._bar),
                web.post("/guess", self._guess),
                web.get("/board", self._board),
                web.get("/board/now", self._board_now),
                web.get("/instructor", self._instructor),
                web.post("/instructor/start", self._start),
                web.post("/instructor/reveal", self._reveal),
                web.get("/app", self.handle_index),
                web.get("/ws", self.handle_websocket, name="websocket"),
                web.static("/static", self.statics_path, name="static"),
            ]
        )
        return app

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        self._player(request)
        if self.workshop.stage is Stage.LOBBY:
            raise web.HTTPConflict(text="nothing plays yet")
        arguments = ("--incident", self.workshop.current.incident, "--since", f"{self.workshop.began:.3f}")
        argv = (sys.executable, "-m", "rca_tui.room.guest", *arguments)
        self.command = f"exec {shlex.join(argv)} 2>>{shlex.quote(str(self._log))}"
        return await super().handle_websocket(request)

    async def _join_page(self, request: web.Request) -> web.Response:
        return _html(pages.join())

    async def _join(self, request: web.Request) -> web.Response:
        form = await request.post()
        try:
            key = self.workshop.join(str(form.get("name", "")))
        except Refusal as refusal:
            return _html(pages.join(str(refusal)))
        answer = web.HTTPSeeOther("/play")
        answer.set_cookie(PLAYER, key, httponly=True, samesite="Strict")
        raise answer

    async def _play(self, request: web.Request) -> web.Response:
        self._player(request)
        return _html(pages.play())

    async def _bar(self, request: web.Request) -> web.Response:
        return _html(pages.bar(self.workshop, self._player(request), self.kinds))

    async def _guess(self, request: web.Request) -> web.Response:
        self._player(request)
        form = await request.post()
        try:
            chosen = [str(value) for value in form.getall("component", [])]
            guess = guess_of(chosen, str(form.get("kind", "")), str(form.get("sure", "")))
            self.workshop.commit(request.cookies[PLAYER], guess)
        except Refusal as refusal:
            return web.Response(text=str(refusal), status=409)
        raise web.HTTPSeeOther("/play")

    async def _board(self, request: web.Request) -> web.Response:
        return _html(pages.board())

    async def _board_now(self, request: web.Request) -> web.Response:
        return _html(pages.board_now(self.workshop))

    async def _instructor(self, request: web.Request) -> web.Response:
        given = request.query.get("key")
        if given is not None and self._is_key(given):
            answer = web.HTTPSeeOther("/instructor")
            answer.set_cookie(INSTRUCTOR, self.key, httponly=True, samesite="Strict")
            raise answer
        self._require_instructor(request)
        return _html(pages.instructor(self.workshop))

    async def _start(self, request: web.Request) -> web.Response:
        return self._do(request, self.workshop.start)

    async def _reveal(self, request: web.Request) -> web.Response:
        return self._do(request, self.workshop.reveal)

    def _do(self, request: web.Request, what: Callable[[], None]) -> web.Response:
        self._require_instructor(request)
        try:
            what()
        except Refusal as refusal:
            return _html(pages.instructor(self.workshop, str(refusal)))
        raise web.HTTPSeeOther("/instructor")

    def _player(self, request: web.Request) -> Player:
        player = self.workshop.players.get(request.cookies.get(PLAYER, ""))
        if player is None:
            raise web.HTTPSeeOther("/") if request.path == "/play" else web.HTTPForbidden(text="join first")
        return player

    def _require_instructor(self, request: web.Request) -> None:
        if not self._is_key(request.cookies.get(INSTRUCTOR, "")):
            raise web.HTTPForbidden(text="this page is the instructor's: open the address that the server printed")

    def _is_key(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.key.encode())


def _html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html")
