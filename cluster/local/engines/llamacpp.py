"""llama.cpp through xllamacpp: continuous batching in one process, small enough to run four of them on two cores."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cluster.local.engines.base import Delta, Engine, EngineError, Finish, Generation, Load, RequestError

SLOTS = 8
CONTEXT = 512 * SLOTS
_MAX_IN_FLIGHT = 256


class LlamaCpp(Engine):
    """The engine's server keeps its own queue and slots; each request waits for it in a thread."""

    name = "llamacpp"

    def __init__(self, model_path: str, metrics_address: tuple[str, int]) -> None:
        self._path = model_path
        self._metrics_address = metrics_address
        self._threads = ThreadPoolExecutor(_MAX_IN_FLIGHT, thread_name_prefix="llamacpp")
        self._server: Any = None

    @property
    def model(self) -> str:
        return Path(self._path).stem

    async def start(self) -> None:
        self._server = await asyncio.get_running_loop().run_in_executor(self._threads, self._open)

    async def generate(self, request: Generation) -> AsyncGenerator[Delta | Finish, None]:
        loop = asyncio.get_running_loop()
        chunks: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        cancelled = threading.Event()

        def put(chunk: dict[str, Any] | None) -> None:
            loop.call_soon_threadsafe(chunks.put_nowait, chunk)

        def on_chunk(chunk: dict[str, Any]) -> bool:
            put(chunk)
            return cancelled.is_set()

        def work() -> None:
            handle = self._server.handle_chat_completions if request.messages else self._server.handle_completions
            try:
                handle(_body(request), on_chunk)
            finally:
                put(None)

        future = loop.run_in_executor(self._threads, work)
        reason = ""
        last: dict[str, Any] = {}
        try:
            while (chunk := await chunks.get()) is not None:
                _raise_error(chunk)
                last = chunk if "usage" in chunk else last
                for choice in chunk.get("choices", ()):
                    reason = choice.get("finish_reason") or reason
                    text = choice.get("text") or choice.get("delta", {}).get("content") or ""
                    if text:
                        yield Delta(text)
            await future
        except RuntimeError as error:
            raise EngineError(f"llama.cpp failed: {error}") from error
        finally:
            cancelled.set()
        usage, timings = last.get("usage", {}), last.get("timings", {})
        prefill = timings.get("prompt_ms")
        yield Finish(
            reason or "stop",
            int(usage.get("prompt_tokens", 0)),
            int(usage.get("completion_tokens", 0)),
            None if prefill is None else float(prefill) / 1e3,
        )

    async def load(self) -> Load:
        text = await asyncio.get_running_loop().run_in_executor(self._threads, self._server.handle_metrics)
        values = metric_values(text)
        return Load(
            running=int(values.get("llamacpp:requests_processing", 0)),
            waiting=int(values.get("llamacpp:requests_deferred", 0)),
            slots=SLOTS,
        )

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._server = None

    def _open(self) -> Any:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = self._path
        params.n_ctx = CONTEXT
        params.n_parallel = SLOTS
        params.cpuparams.n_threads = 1
        params.cpuparams_batch.n_threads = 1
        params.endpoint_metrics = True
        params.hostnames, params.port = [self._metrics_address[0]], self._metrics_address[1]
        # Every request must cost the same, whatever came before it: the load is the reference of all telemetry.
        params.cache_prompt = False
        params.cache_ram_mib = 0
        try:
            return xllamacpp.Server(params)
        except RuntimeError as error:
            raise EngineError(f"llama.cpp could not load {self._path}: {error}") from error


def metric_values(text: str) -> dict[str, float]:
    """Unlabelled samples of a Prometheus text page; other lines are skipped."""
    values = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name and not name.startswith("#"):
            try:
                values[name] = float(value)
            except ValueError:
                continue
    return values


def _body(request: Generation) -> dict[str, Any]:
    body: dict[str, Any] = {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "ignore_eos": request.ignore_eos,
        "stop": list(request.stop),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.seed is not None:
        body["seed"] = request.seed
    if request.messages:
        body["messages"] = [{"role": role, "content": content} for role, content in request.messages]
    else:
        body["prompt"] = request.prompt
    return body


def _raise_error(chunk: dict[str, Any]) -> None:
    error = chunk.get("error")
    if error is None:
        return
    message = str(error.get("message", error)) if isinstance(error, dict) else str(error)
    code = error.get("code") if isinstance(error, dict) else None
    if code == 400:
        raise RequestError(message)
    raise EngineError(message)
