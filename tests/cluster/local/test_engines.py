from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from cluster.local.engines.base import Delta, Finish
from cluster.local.engines.factory import create
from cluster.local.engines.llamacpp import metric_values
from cluster.local.openai_api import DONE, ChatRequest, CompletionRequest, Shape


def test_a_page_of_metrics_is_read_and_what_is_none_is_skipped() -> None:
    text = "# HELP x y\nllamacpp:requests_processing 3\nbad\nworse x\n\nllamacpp:requests_deferred 1.5\n"
    assert metric_values(text) == {"llamacpp:requests_processing": 3, "llamacpp:requests_deferred": 1.5}


def test_a_chat_keeps_its_messages_in_order() -> None:
    body = ChatRequest.model_validate_json(
        '{"messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]}'
    )
    assert body.generation("id").messages == (("system", "a"), ("user", "b"))
    assert body.generation("id").prompt is None


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        '{"prompt": ""}',
        '{"prompt": 5}',
        '{"prompt": "x", "max_tokens": 0}',
        '{"prompt": "x", "max_tokens": 1e9}',
        '{"prompt": "x", "temperature": -1}',
        '{"prompt": "x", "top_p": 0}',
        '{"prompt": ["a"]}',
    ],
)
def test_requests_that_make_no_sense_are_refused(body: str) -> None:
    with pytest.raises(ValidationError):
        CompletionRequest.model_validate_json(body)


def test_a_stream_ends_with_its_usage_when_that_was_asked_for() -> None:
    request = CompletionRequest(prompt="x", stream=True, stream_options={"include_usage": True})
    shape = Shape(request, "id", "m")
    assert json.loads(shape.piece(Delta("a")).removeprefix("data: "))["choices"][0]["text"] == "a"
    last = shape.last(Finish("stop", 2, 3))
    assert last.endswith(DONE)
    events = [json.loads(line.removeprefix("data: ")) for line in last.removesuffix(DONE).splitlines() if line]
    assert events[0]["choices"][0]["finish_reason"] == "stop"
    assert events[1]["usage"] == {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown engine"):
        create("x", "", ("127.0.0.1", 1))
