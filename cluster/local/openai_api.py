"""The part of OpenAI's HTTP API that the deployment implements: request bodies and responses."""

from __future__ import annotations

import json
import time
from typing import Any, Literal

from pydantic import BaseModel, Field

from cluster.local.engines.base import Delta, Finish, Generation

DONE = "data: [DONE]\n\n"


class StreamOptions(BaseModel):
    include_usage: bool = False


class _Request(BaseModel):
    model: str = ""
    max_tokens: int = Field(16, ge=1, le=4096)
    temperature: float = Field(0.0, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1)
    seed: int | None = None
    stop: str | list[str] = Field(default_factory=list)
    stream: bool = False
    stream_options: StreamOptions = Field(default_factory=StreamOptions)
    ignore_eos: bool = False  # an extension that vLLM also has: constant work for each request

    def _common(self) -> dict[str, Any]:
        return {
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "seed": self.seed,
            "stop": (self.stop,) if isinstance(self.stop, str) else tuple(self.stop),
            "ignore_eos": self.ignore_eos,
        }


class CompletionRequest(_Request):
    """Body of POST /v1/completions."""

    prompt: str = Field(min_length=1, max_length=100_000)

    def generation(self, request_id: str) -> Generation:
        return Generation(request_id, prompt=self.prompt, **self._common())


class Message(BaseModel):
    role: Literal["system", "user", "assistant"]
    content: str = Field(max_length=100_000)


class ChatRequest(_Request):
    """Body of POST /v1/chat/completions."""

    messages: list[Message] = Field(min_length=1, max_length=200)

    def generation(self, request_id: str) -> Generation:
        return Generation(request_id, messages=tuple((m.role, m.content) for m in self.messages), **self._common())


class Shape:
    """Builds the responses to one request, complete or streamed."""

    def __init__(self, request: CompletionRequest | ChatRequest, request_id: str, model: str) -> None:
        self.chat = isinstance(request, ChatRequest)
        self._usage = request.stream_options.include_usage
        self._prefix = {"id": f"{'chatcmpl' if self.chat else 'cmpl'}-{request_id}", "created": int(time.time())}
        self._model = model

    def whole(self, text: str, finish: Finish) -> dict[str, Any]:
        part: dict[str, Any] = {"message": {"role": "assistant", "content": text}} if self.chat else {"text": text}
        return self._answer(part, finish.reason, piece=False) | {"usage": _usage(finish)}

    def piece(self, delta: Delta) -> str:
        text = {"role": "assistant", "content": delta.text}
        part: dict[str, Any] = {"delta": text} if self.chat else {"text": delta.text}
        return _event(self._answer(part, None, piece=True))

    def last(self, finish: Finish) -> str:
        part: dict[str, Any] = {"delta": {}} if self.chat else {"text": ""}
        text = _event(self._answer(part, finish.reason, piece=True))
        if self._usage:
            empty = self._answer({}, None, piece=True) | {"choices": [], "usage": _usage(finish)}
            text += _event(empty)
        return text + DONE

    def failed(self, message: str) -> str:
        return _event(error(message, "server_error"))

    def _answer(self, part: dict[str, Any], reason: str | None, piece: bool) -> dict[str, Any]:
        kind = ("chat.completion.chunk" if piece else "chat.completion") if self.chat else "text_completion"
        choice = {"index": 0, **part, "finish_reason": reason}
        return {**self._prefix, "object": kind, "model": self._model, "choices": [choice]}


def error(message: str, kind: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind}}


def _usage(finish: Finish) -> dict[str, int]:
    return {
        "prompt_tokens": finish.prompt_tokens,
        "completion_tokens": finish.completion_tokens,
        "total_tokens": finish.prompt_tokens + finish.completion_tokens,
    }


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, separators=(',', ':'))}\n\n"
