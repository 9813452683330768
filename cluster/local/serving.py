"""The Serve application of a pod: an OpenAI-compatible HTTP interface over an engine. Imported only where Ray runs."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from opentelemetry.context import get_current
from ray import serve

from cluster.local.engines.base import Delta, EngineError, Finish, RequestError, create
from cluster.local.layout import ENGINE_METRICS_PORT, ENV_COMPONENT, RunDir, management_ip
from cluster.local.observe import EngineLog, Meters, Observation
from cluster.local.openai_api import ChatRequest, CompletionRequest, Shape, error

ENV_RUN = "RCA_TUI_RUN"
_REPORT_SECONDS = 0.5
_Stream = AsyncGenerator[Delta | Finish, None]

api = FastAPI(openapi_url=None)


# Serve copies the class as it stands when it is decorated: what its methods call must be defined above it, and their
# annotations must be types, not strings, for FastAPI to see what is a body.
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


@serve.deployment(name="LLM")
@serve.ingress(api)
class Server:
    """One replica: one engine. `X-RCA-Served-By` names the pod that did the work, whichever proxy took the request."""

    async def __init__(self, engine: str, model_path: str) -> None:  # Serve awaits it
        self._component = os.environ[ENV_COMPONENT]
        self._headers = {"X-RCA-Served-By": self._component}
        self._log = EngineLog(RunDir(Path(os.environ[ENV_RUN])).engine_log(self._component))
        self._engine = create(engine, model_path, (management_ip(self._component), ENGINE_METRICS_PORT))
        await self._engine.start()
        self._log.write("INFO", f"engine {engine} loaded {self._engine.model}", pid=os.getpid())
        self._meters = Meters()
        self._in_flight = 0
        self._reporter = asyncio.get_running_loop().create_task(self._report())

    @api.get("/v1/models")
    async def models(self) -> dict[str, Any]:
        return {"object": "list", "data": [{"id": self._engine.model, "object": "model", "owned_by": "local"}]}

    @api.post("/v1/completions")
    async def completions(self, body: CompletionRequest, request: Request) -> Response:
        return await self._answer(body, request)

    @api.post("/v1/chat/completions")
    async def chat(self, body: ChatRequest, request: Request) -> Response:
        return await self._answer(body, request)

    async def _answer(self, body: CompletionRequest | ChatRequest, request: Request) -> Response:
        request_id = request.headers.get("x-request-id", "")
        shape = Shape(body, request_id, self._engine.model)
        generation = body.generation(request_id)
        observation = Observation(self._engine, generation, self._meters, self._log, get_current())
        stream = self._observed(self._engine.generate(generation), observation)
        try:
            # The first token decides the status code, so it is awaited before the headers go out.
            first = await anext(stream)
            if body.stream:
                return StreamingResponse(_events(first, stream, shape), 200, self._headers, "text/event-stream")
            async with aclosing(stream):
                text, last = "", first
                while isinstance(last, Delta):
                    text += last.text
                    last = await anext(stream)
        except RequestError as problem:
            return JSONResponse(error(str(problem), "invalid_request_error"), 400, self._headers)
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

    async def _report(self) -> None:
        while True:
            try:
                self._meters.report(await self._engine.load(), self._in_flight)
            except RuntimeError as problem:
                self._log.write("ERROR", f"the engine does not tell its load: {problem}")
            await asyncio.sleep(_REPORT_SECONDS)
