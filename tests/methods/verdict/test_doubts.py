"""Log messages as they stand in a verdict: one line, whatever was logged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.text.plain import plain
from methods.verdict.doubts import LINE, excerpt

FRAMES = ('  File "/app/serve.py", line 12, in handle\n    raise KeyError(name)\n',)
TRACEBACK = f"Traceback (most recent call last):\n{FRAMES[0]}KeyError: 'llm'\n"
RAY = (
    "Request failed.\n('Traceback (most recent call last):\\n',)('  File \"replica.py\", line 1459, in run\\n"
    "    yield call\\n',)('ray.exceptions.TaskCancelledError: Task: 063d was cancelled.\\n',)"
)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("slot 3 is full", "slot 3 is full"),
        ("\n  model loaded late\nsecond line", "model loaded late"),
        (TRACEBACK, "KeyError: 'llm"),
        (f"Request 7 failed\n{TRACEBACK}", "Request 7 failed KeyError: 'llm"),
        (RAY, "Request failed. ray.exceptions.TaskCancelledError: Task: 063d was cancelled."),
        (" \n\t", "(empty)"),
        (None, "None"),
    ],
)
def test_of_a_traceback_the_exception_is_told(message: object, told: str) -> None:
    assert excerpt(message) == told


def test_a_message_of_megabytes_is_cut_and_its_exception_still_told() -> None:
    assert excerpt("Failed.\nTraceback (most recent call last):\n" + "  at x\n" * 10**6 + "OSError: gone") == (
        "Failed. OSError: gone"
    )
    assert len(excerpt("x" * 10**6)) == LINE


@given(st.text())
def test_any_text_is_one_harmless_line(message: str) -> None:
    told = excerpt(message)
    assert told
    assert len(told) <= LINE
    assert told == plain(told)
    assert len(told.splitlines()) == 1
