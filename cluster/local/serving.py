"""The Serve application of a pod: an OpenAI-compatible HTTP interface over an engine. Imported only where Ray runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from opentelemetry.context import get_current
from pydantic import ValidationError
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from cluster.local.engines.base import Delta, EngineError, Finish, RequestError
from cluster.local.engines.factory import create
from cluster.local.layout import ENGINE_METRICS_PORT, ENV_COMPONENT, ENV_RUN, RunDir, management_ip
from cluster.local.openai_api import ChatRequest, CompletionRequest, Shape, error
from cluster.local.request_telemetry import EngineLog, Meters, Observation
from cluster.text.invalid import clause

_REPORT_SECONDS = 0.5
_BODIES: dict[str, type[CompletionRequest] | type[ChatRequest]] = {
    "/v1/completions": CompletionRequest,
    "/v1/chat/completions": ChatRequest,
}
_Stream = AsyncGenerator[Delta | Finish, None]


@serve.deployment(name="LLM")
class Server:
    """One replica: one engine. `X-RCA-Served-By` names the pod that did the work, whichever proxy took the request."""

    async def __init__(self, engine: str, model_path: str) -> None:  # type: ignore[misc]  # Serve awaits it
        self._component = os.environ[ENV_COMPONENT]
        self._headers = {"X-RCA-Served-By": self._component}
        self._log = EngineLog(RunDir(Path(os.environ[ENV_RUN])).engine_log(self._component), self._component)
        self._engine = create(engine, model_path, (management_ip(self._component), ENGINE_METRICS_PORT))
        await self._engine.start()
        self._log.write("INFO", f"engine {engine} loaded {self._engine.model}", pid=os.getpid())
        self._meters = Meters()
        self._in_flight = 0
        self._reporter = asyncio.get_running_loop().create_task(self._report())

    async def __call__(self, request: Request) -> Response:
        path = request.url.path
        if path == "/v1/models":
            model = {"id": self._engine.model, "object": "model", "owned_by": "local"}
            return JSONResponse({"object": "list", "data": [model]}, headers=self._headers)
        if path not in _BODIES:
            return self._refuse(404, f"there is no {path}")
        if request.method != "POST":
            return self._refuse(405, f"{path} takes POST")
        try:
            body = _BODIES[path].model_validate_json(await request.body())
        except ValidationError as problem:
            return self._refuse(400, "; ".join(f"{_place(e['loc'])}: {clause(e)}" for e in problem.errors()))
        return await self._answer(body, request.headers.get("x-request-id", ""))

    async def _answer(self, body: CompletionRequest | ChatRequest, request_id: str) -> Response:
        shape = Shape(body, request_id, self._engine.model)
        generation = body.generation(request_id)
        observation = Observation(self._engine, generation, self._meters, self._log, get_current())
        stream = self._observed(self._engine.generate(generation), observation)
        try:
            # The first token decides the status code, so it is awaited before the headers are sent.
            first = await anext(stream)
            if body.stream:
                return StreamingResponse(_events(first, stream, shape), 200, self._headers, "text/event-stream")
            async with aclosing(stream):
                text, last = "", first
                while isinstance(last, Delta):
                    text += last.text
                    last = await anext(stream)
        except RequestError as problem:
            return self._refuse(400, str(problem))
        except EngineError as problem:
            return JSONResponse(error(str(problem), "server_error"), 500, self._headers)
        return JSONResponse(shape.whole(text, last), 200, self._headers)

    async def _observed(self, stream: _Stream, observation: Observation) -> _Stream:
        self._in_flight += 1
        outcome, message = "cancelled", ""
        try:
            async with aclosing(stream):
                async for item in stream:
                    if isinstance(item, Delta):
                        observation.delta(item)
                    else:
                        outcome = "ok"
                        observation.finished(item)
                    yield item
        except RequestError as problem:
            outcome, message = "refused", str(problem)
            raise
        except EngineError as problem:
            outcome, message = "error", str(problem)
            raise
        finally:
            self._in_flight -= 1
            if outcome != "ok":
                observation.failed(outcome, message)

    def _refuse(self, status: int, message: str) -> Response:
        return JSONResponse(error(message, "invalid_request_error"), status, self._headers)

    async def _report(self) -> None:
        while True:
            try:
                self._meters.report(await self._engine.load(), self._in_flight)
            except RuntimeError as problem:
                self._log.write("ERROR", f"the engine does not tell its load: {problem}")
            await asyncio.sleep(_REPORT_SECONDS)


async def _events(first: Delta | Finish, rest: _Stream, shape: Shape) -> AsyncGenerator[str, None]:
    item = first
    try:
        async with aclosing(rest):
            while isinstance(item, Delta):
                yield shape.piece(item)
                item = await anext(rest)
            yield shape.last(item)
    except EngineError as problem:
        yield shape.failed(str(problem))


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "body"
