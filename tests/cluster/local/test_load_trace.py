"""Traces of public services, and files that are none."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.deployment import DeploymentError
from cluster.local import load_trace
from cluster.local.load_plan import LoadPlan, Shape

AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
2023-11-16 18:17:04.0319600,3180,8
2023-11-16 18:17:04.9799600,110,27
2023-11-16 18:17:11.9799600,7433,14
"""
BURST_GPT = """Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
5,ChatGPT,472,18,490,Conversation log
45,ChatGPT,1087,230,1317,Conversation log
118,GPT-4,417,276,693,Conversation log
125,ChatGPT,1360,0,1360,API log
"""


def fitted(tmp_path: Path, text: str | bytes, rate: float = 2.0, max_tokens: int = 8) -> LoadPlan:
    path = tmp_path / "trace.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_trace.plan(path, rate, max_tokens)


@pytest.mark.parametrize(
    ("text", "gaps"), [(AZURE, [0.052, 0.948, 7.0]), (BURST_GPT, [40.0, 73.0, 7.0])], ids=["azure", "burst-gpt"]
)
def test_gaps_keep_their_proportions_and_the_rate_is_the_wanted_one(
    tmp_path: Path, text: str, gaps: list[float]
) -> None:
    plan = fitted(tmp_path, text)
    assert (plan.shape, plan.name, plan.rate) == (Shape.TRACE, "trace.csv", 2.0)
    times = [one.at for one in plan.arrivals]
    assert times[0] == 0 and times[-1] == pytest.approx(1.5) and plan.seconds == pytest.approx(2.0)
    found = [after - before for before, after in itertools.pairwise(times)]
    assert [gap / sum(found) for gap in found] == pytest.approx([gap / sum(gaps) for gap in gaps], abs=1e-3)


def test_lengths_are_shortened_to_the_usual_means(tmp_path: Path) -> None:
    plan = fitted(tmp_path, AZURE)
    assert [one.words for one in plan.arrivals] == [10, 7, 1, 15]  # of 4808, 3180, 110, 7433
    assert [one.max_tokens for one in plan.arrivals] == [5, 4, 15, 8]
    assert "prompts have 8.25 words for 3.88k tokens on average, at most 64" in plan.notes
    assert plan.notes[0] == "8.0 s of it pass in 1.5 s"


def test_short_requests_are_not_made_longer(tmp_path: Path) -> None:
    plan = fitted(tmp_path, "timestamp,contexttokens,generatedtokens\n0,2,1\n1,2,0\n")
    assert {(one.words, one.max_tokens) for one in plan.arrivals} == {(2, 1)}


def test_a_peak_is_cut_and_said(tmp_path: Path) -> None:
    rows = "".join(f"{0 if i < 50 else i},10,10\n" for i in range(100))
    plan = fitted(tmp_path, f"TIMESTAMP,ContextTokens,GeneratedTokens\n{rows}")
    assert max(Counter(int(one.at) for one in plan.arrivals).values()) <= 12
    assert any("are left out: more than 6 in a second" in note for note in plan.notes)


def test_a_long_file_is_read_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"{i},10,10\n" for i in range(500))
    text = f"TIMESTAMP,ContextTokens,GeneratedTokens\n{rows}"
    monkeypatch.setattr(load_trace, "READ_BYTES", 1000)
    plan = fitted(tmp_path, text)
    assert 80 < len(plan.arrivals) < 130 and "only its first" in plan.notes[0]
    monkeypatch.setattr(load_trace, "READ_BYTES", 1 << 20)
    monkeypatch.setattr(load_trace, "MOST_REQUESTS", 50)
    assert fitted(tmp_path, text).notes[0] == "only its first 50 requests are read"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: the columns of a trace are"),
        ("a,b\n1,2\n", "line 1: the columns of a trace are"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n", "at least two requests"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n1,2,3\n1,2,3\n", "at different times"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n1,2\n", "line 2: it has 2 columns, and the first line 3"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n1,2,3\nsoon,2,3\n", "line 3: 'soon' is no time"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\nnan,2,3\n", "line 2: 'nan' is no time"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n1,-2,3\n", "line 2: '-2' is no number of tokens"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n1,inf,3\n", "line 2: 'inf' is no number of tokens"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n1,2,1e300\n", "is no number of tokens"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n" + "9" * 5000, "line 2: it has more than 4096 characters"),
        ('TIMESTAMP,ContextTokens,GeneratedTokens\n"1,2,3\n', "is no CSV"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n1,\x1b[31m,3\n", "is no number of tokens"),
    ],
)
def test_what_is_no_trace_is_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DeploymentError) as caught:
        fitted(tmp_path, text)
    assert says in str(caught.value) and str(caught.value).isprintable()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, says in ((tmp_path / "pipe", "is no file"), (tmp_path, "director"), (tmp_path / "x", "No such file")):
        with pytest.raises(DeploymentError, match=says):
            load_trace.plan(path, 2.0, 8)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400) | st.text(alphabet="0123456789,.-e\n\"'TZ: ", max_size=400).map(str.encode))
def test_any_file_is_a_load_or_one_sentence(tmp_path: Path, rest: bytes) -> None:
    for text in (rest, b"TIMESTAMP,ContextTokens,GeneratedTokens\n" + rest):
        try:
            plan = fitted(tmp_path, text)
        except DeploymentError as error:
            assert str(error).isprintable()
        else:
            assert all(0 <= one.at < plan.seconds for one in plan.arrivals)
            assert all(1 <= one.words <= 64 and 1 <= one.max_tokens <= 64 for one in plan.arrivals)
