"""The interface of an inference engine: generate a stream of text, and report its load."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Generation:
    """One request. Exactly one of `prompt` and `messages` is set; messages go through the model's chat template."""

    request_id: str
    prompt: str | None = None
    messages: tuple[tuple[str, str], ...] = ()  # (role, content)
    max_tokens: int = 16
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    ignore_eos: bool = False


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of text, and how many tokens it stands for."""

    text: str
    tokens: int = 1


@dataclass(frozen=True, slots=True)
class Finish:
    """The last item of a stream. `prefill_seconds` is measured by the engine, None where it does not."""

    reason: str
    prompt_tokens: int
    completion_tokens: int
    prefill_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """How busy an engine is. `kv_usage` is the used part of the KV cache from 0 to 1, None where it is not known."""

    running: int
    waiting: int
    slots: int
    kv_usage: float | None = None


class RequestError(ValueError):
    """The engine rejects the request, the client's error: HTTP 400."""


class EngineError(RuntimeError):
    """The engine failed: HTTP 500."""


class Engine(Protocol):
    """One model in one process. Requests run concurrently; a generator that is closed early cancels its request."""

    @property
    def name(self) -> str:
        """`llamacpp` or `vllm`."""

    @property
    def model(self) -> str:
        """What `/v1/models` calls the model."""

    async def start(self) -> None:
        """Load the model. Raises EngineError."""

    def generate(self, request: Generation) -> AsyncGenerator[Delta | Finish, None]:
        """Deltas, then exactly one Finish. Raises RequestError before the first item, EngineError at any time."""

    async def load(self) -> Load: ...

    async def close(self) -> None: ...
