"""Serves a workshop: pages to join, to play with an app of one's own, to guess; the instructor's, the scoreboard."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import shlex
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web

from cluster.errors import RcaError
from faults.scoreboard import Result
from rca_tui.errors import described
from rca_tui.room import forms, pages
from rca_tui.room.lesson import Player, Refusal, Stage, Workshop, guess_of
from rca_tui.room.rounds import Round
from rca_tui.room.server import AppServer, full

PLAYER, INSTRUCTOR = "rca_tui_player", "rca_tui_instructor"


class WorkshopServer(AppServer):
    """Args: `faults` are those that a player may name. The rest as of `AppServer`."""

    def __init__(
        self, workshop: Workshop, faults: tuple[str, ...], host: str, port: int, token: str, log: Path
    ) -> None:
        super().__init__((), host, port, token, log)
        self.workshop, self.faults, self._log = workshop, faults, log
        self.key = secrets.token_urlsafe(16)
        # By the player's key: the socket that was opened last, the one that has the app, and who may have it.
        self._newest: dict[str, asyncio.Task[object] | None] = {}
        self._apps: dict[str, asyncio.Task[object] | None] = {}
        self._seats: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._asked: set[asyncio.Task[None]] = set()
        self._closing = threading.Event()
        workshop.asked = self._ask

    @property
    def instructor_address(self) -> str:
        base, query, token = self.address.partition("?")
        return f"{base}instructor?key={self.key}{'&' * bool(query)}{token}"

    async def _make_app(self) -> web.Application:
        app = web.Application(client_max_size=forms.LARGEST)
        aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(self.templates_path))
        app.on_cleanup.append(self._close)
        app.add_routes(
            [
                web.get("/", self._join_page),
                web.post("/join", self._join),
                web.get("/play", self._play),
                web.get("/bar", self._bar),
                web.post("/hint", self._hint),
                web.post("/guess", self._guess),
                web.get("/board", self._board),
                web.get("/board/now", self._board_now),
                web.get("/instructor", self._instructor),
                web.get("/instructor/now", self._instructor_now),
                web.post("/instructor/start", self._start),
                web.post("/instructor/reveal", self._reveal),
                web.get("/app", self.handle_index),
                web.get("/ws", self.handle_websocket, name="websocket"),
                web.static("/static", self.statics_path, name="static"),
            ]
        )
        return app

    async def _close(self, app: web.Application) -> None:
        """Undo what a live drill has done, and stop the methods."""
        self._closing.set()
        await asyncio.gather(*self._asked, return_exceptions=True)
        for each in self.workshop.rounds:
            await asyncio.to_thread(each.close)

    async def handle_index(self, request: web.Request) -> Any:
        if self.full():
            raise web.HTTPServiceUnavailable(text=pages.notice(full(self.guests)), content_type="text/html")
        return await super().handle_index(request)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """The player's app. It replaces the one that the player has already: one each is what the machine holds."""
        self._player(request)
        if self.workshop.stage is Stage.LOBBY:
            raise web.HTTPConflict(text="nothing plays yet")
        key, mine = request.cookies[PLAYER], asyncio.current_task()
        self._newest[key] = mine
        if (other := self._apps.pop(key, None)) is not None:
            other.cancel()
        async with self._seats[key]:
            if self._newest[key] is not mine:
                raise web.HTTPConflict(text="the app was opened again since")
            self._apps[key] = mine
            argv = (sys.executable, "-m", "rca_tui.room.guest", *self.workshop.current.arguments)
            try:
                return await self.hold(request, f"exec {shlex.join(argv)} 2>>{shlex.quote(str(self._log))}")
            finally:
                if self._apps.get(key) is mine:
                    del self._apps[key]

    async def _join_page(self, request: web.Request) -> web.Response:
        return _html(pages.join())

    async def _join(self, request: web.Request) -> web.Response:
        form = await forms.read(request)
        try:
            key = self.workshop.join(" ".join(form.get("name", ())))
        except Refusal as refusal:
            return _html(pages.join(str(refusal)))
        answer = web.HTTPSeeOther("/play")
        answer.set_cookie(PLAYER, key, httponly=True, samesite="Strict")
        raise answer

    async def _play(self, request: web.Request) -> web.Response:
        self._player(request)
        return _html(pages.play())

    async def _bar(self, request: web.Request) -> web.Response:
        self.workshop.settle()
        return _html(pages.bar(self.workshop, self._player(request), self.faults))

    async def _hint(self, request: web.Request) -> web.Response:
        self._player(request)
        return _done(lambda: self.workshop.hint(request.cookies[PLAYER]))

    async def _guess(self, request: web.Request) -> web.Response:
        self._player(request)
        form = await forms.read(request)

        def commit() -> None:
            fault, sure = " ".join(form.get("fault", ())), " ".join(form.get("sure", ()))
            guess = guess_of(form.get("component", ()), "nobody" in form, fault, sure, self.faults)
            self.workshop.commit(request.cookies[PLAYER], guess)

        return _done(commit)

    async def _board(self, request: web.Request) -> web.Response:
        return _html(pages.board())

    async def _board_now(self, request: web.Request) -> web.Response:
        self.workshop.settle()
        return _html(pages.board_now(self.workshop))

    async def _instructor(self, request: web.Request) -> web.Response:
        given = request.query.get("key")
        if given is not None and self._is_key(given):
            answer = web.HTTPSeeOther("/instructor")
            answer.set_cookie(INSTRUCTOR, self.key, httponly=True, samesite="Strict")
            raise answer
        self._require_instructor(request)
        return _html(pages.instructor())

    async def _instructor_now(self, request: web.Request) -> web.Response:
        self.workshop.settle()
        self._require_instructor(request)
        return _html(pages.instructor_now(self.workshop))

    async def _start(self, request: web.Request) -> web.Response:
        self._require_instructor(request)
        return _done(self.workshop.start)

    async def _reveal(self, request: web.Request) -> web.Response:
        self._require_instructor(request)
        return _done(self.workshop.reveal)

    def _ask(self, played: Round, at: float, results: Sequence[Result]) -> None:
        """Look for what told, and let the methods answer on what the room has seen, while it looks at the reveal."""
        task = asyncio.get_running_loop().create_task(self._answer(played, at, results))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _answer(self, played: Round, at: float, results: Sequence[Result]) -> None:
        from rca_tui.room import answers

        try:
            told = await asyncio.to_thread(answers.evidence, played)
            if played is self.workshop.current and self.workshop.stage is Stage.REVEALED:
                self.workshop.evidence = told
        except Exception as error:  # the room goes on without it
            self.workshop.problem = f"what told is not shown: {described(error).sentence}"
        if not results:
            return
        try:
            await asyncio.to_thread(answers.add, played, at, results, self.workshop.keep, self._closing)
        except Exception as error:  # the room goes on without them
            self.workshop.problem = f"the methods' answers are missing: {described(error).sentence}"

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


def _done(step: Callable[[], None]) -> web.Response:
    """What a form is answered: nothing, or why it could not be done."""
    try:
        step()
    except RcaError as error:
        return web.Response(text=str(error), status=409)
    return web.Response(status=204)


def _html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html")
