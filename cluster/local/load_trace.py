"""Traces of public LLM services as a load: CSV with arrival and lengths of each request, made to fit this machine.

Azure's LLM inference traces (`TIMESTAMP,ContextTokens,GeneratedTokens`) and BurstGPT (`Timestamp,Model,Request
tokens,Response tokens,Total tokens,Log Type`) are known; other columns are left alone. The file is hostile: it is read
up to `READ_BYTES` and `MOST_REQUESTS`, and a value that is no number ends the reading with its line.

Order and relative gaps of the arrivals stay. Their speed becomes the wanted mean rate; prompts and answers are
shortened by one factor each, so that their means are those of the usual load, and are bounded, as is the number of
requests in a second. `LoadPlan.notes` says all of it.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cluster import own_files
from cluster.deployment import DeploymentError
from cluster.local.load_plan import Arrival, LoadPlan, Shape
from cluster.text.plain import plain
from cluster.text.quantities import number
from cluster.text.times import span

READ_BYTES = 8 << 20
MOST_REQUESTS = 20_000
LONGEST_LINE = 4096  # characters
USUAL_WORDS = 8  # of a prompt of the usual load
MOST_WORDS, MOST_TOKENS = 64, 64  # of a prompt and of an answer: a slot of the engine holds 512 tokens
SHORTEST = 0.001  # s from the first request to the last
PEAK = 3.0  # times the mean rate may be sent in one second; further requests are left out
_MOST_TOKENS_READ = 10_000_000
_COLUMNS = (("timestamp",), ("contexttokens", "request tokens"), ("generatedtokens", "response tokens"))
_FORMS = "TIMESTAMP,ContextTokens,GeneratedTokens or Timestamp,…,Request tokens,Response tokens"


@dataclass(frozen=True, slots=True)
class _Request:
    time: float
    prompt: int
    answer: int


def plan(path: Path, rate: float, max_tokens: int) -> LoadPlan:
    """The load that the file describes, at a mean of `rate` requests per second. Raises DeploymentError."""
    shown = plain(path.name, limit=60)
    if rate <= 0:
        raise DeploymentError("a trace needs a rate above 0")
    text, cut = _text(path)
    requests = sorted(_requests(text, shown), key=lambda one: one.time)
    if len(requests) < 2 or requests[-1].time - requests[0].time < SHORTEST:
        raise DeploymentError(f"{shown} is no load: it needs at least two requests at different times")
    notes = [f"only its first {len(requests)} requests are read"] if cut or len(requests) == MOST_REQUESTS else []
    lasted = requests[-1].time - requests[0].time
    slower = lasted * rate / (len(requests) - 1)  # seconds of the trace in a second of the load
    notes.append(f"{span(lasted)} of it pass in {span(lasted / slower)}")
    words = _lengths([one.prompt for one in requests], USUAL_WORDS, MOST_WORDS)
    tokens = _lengths([one.answer for one in requests], max_tokens, MOST_TOKENS)
    notes.append(
        f"prompts have {number(_mean(words))} words for {number(_mean([one.prompt for one in requests]))} tokens "
        f"on average, at most {MOST_WORDS}"
    )
    notes.append(
        f"answers have {number(_mean(tokens))} tokens for {number(_mean([one.answer for one in requests]))} on "
        f"average, at most {MOST_TOKENS}"
    )
    first = requests[0].time
    times = [(one.time - first) / slower for one in requests]
    arrivals = tuple(_bounded(map(Arrival, times, words, tokens), max(1, math.ceil(PEAK * rate))))
    if left_out := len(requests) - len(arrivals):
        notes.append(f"{left_out} requests are left out: more than {math.ceil(PEAK * rate)} in a second")
    return LoadPlan(Shape.TRACE, rate, max_tokens, shown, times[-1] + 1 / rate, arrivals, tuple(notes))


def _text(path: Path) -> tuple[str, bool]:
    """The begin of the file up to a whole line, and whether there is more."""
    try:
        raw = own_files.head(path, READ_BYTES + 1)
    except OSError as error:
        raise DeploymentError(f"the trace {plain(path, limit=200)} cannot be read: {error.strerror}") from None
    cut = len(raw) > READ_BYTES
    if cut:
        raw = raw[: raw.rfind(b"\n", 0, READ_BYTES) + 1]
    return raw.decode("utf-8-sig", "replace"), cut


def _requests(text: str, shown: str) -> Iterator[_Request]:
    lines = text.splitlines()
    for number_, line in enumerate(lines[: MOST_REQUESTS + 1], 1):
        if len(line) > LONGEST_LINE:
            raise DeploymentError(f"{shown}, line {number_}: it has more than {LONGEST_LINE} characters")
    try:
        rows = list(csv.reader(lines[: MOST_REQUESTS + 1], strict=True))
    except csv.Error as error:
        raise DeploymentError(f"{shown} is no CSV: {plain(error, limit=100)}") from None
    header = [name.strip().lower() for name in rows[0]] if rows else []
    places = [next((header.index(name) for name in names if name in header), None) for names in _COLUMNS]
    if any(place is None for place in places):
        raise DeploymentError(f"{shown}, line 1: the columns of a trace are {_FORMS}")
    time, prompt, answer = (place for place in places if place is not None)
    for number_, row in enumerate(rows[1:], 2):
        if not row:
            continue
        where = f"{shown}, line {number_}"
        if len(row) <= max(time, prompt, answer):
            raise DeploymentError(f"{where}: it has {len(row)} columns, and the first line {len(header)}")
        yield _Request(_time(row[time], where), _tokens(row[prompt], where), _tokens(row[answer], where))


def _time(text: str, where: str) -> float:
    """Unix seconds, or seconds from any begin."""
    try:
        found = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text.strip())
            found = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            found = math.nan
    if not math.isfinite(found) or abs(found) > 1e11:
        raise DeploymentError(f"{where}: {plain(text, limit=40)!r} is no time: seconds or 2023-11-16 18:17:03")
    return found


def _tokens(text: str, where: str) -> int:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found <= _MOST_TOKENS_READ:
        raise DeploymentError(f"{where}: {plain(text, limit=40)!r} is no number of tokens")
    return int(found)


def _lengths(found: Sequence[int], usual: int, most: int) -> list[int]:
    """As many times shorter as makes their mean the usual one; never longer, from 1 to `most`."""
    factor = min(1.0, usual / max(_mean(found), 1.0))
    return [max(1, min(most, round(factor * one))) for one in found]


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values)


def _bounded(arrivals: Iterator[Arrival], most: int) -> Iterator[Arrival]:
    """Those of which no more than `most` come within a second of the load."""
    recent: list[float] = []
    for one in arrivals:
        recent = [at for at in recent if at > one.at - 1.0]
        if len(recent) < most:
            recent.append(one.at)
            yield one
