"""The load of the deployment on this machine: its shape over time, and when each request of it is due.

    constant   one request after the other, evenly
    bursty     a Poisson process that changes between a calm and a busy rate (a Markov-modulated one)
    diurnal    a sine: a day in ten minutes
    a trace    arrivals and lengths of a file (`cluster.local.load_trace`), again and again

All have the same mean rate. The plan is one file in the run folder: whoever replaces it changes the load.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cluster import own_files
from cluster.deployment import DeploymentError
from cluster.local.settings import write_json
from cluster.text.quantities import number
from cluster.text.times import span

MAX_RATE = 100.0  # requests per second
MAX_TOKENS = 256  # that an answer may have
CALM, BUSY = 0.75, 1.75
"""Shares of the mean rate between which a bursty load changes."""
CALM_SECONDS, BUSY_SECONDS = 21.0, 7.0
"""How long each of them lasts on average: together they have the mean rate."""
DAY = 600.0
"""Seconds of a day of the diurnal load."""
SWING = 0.6
"""Share of the mean rate by which a day goes up and down."""
_LARGEST = 8 << 20  # bytes of the file


class Shape(StrEnum):
    """How the load goes over time."""

    CONSTANT = "constant"
    BURSTY = "bursty"
    DIURNAL = "diurnal"
    TRACE = "trace"


NAMED = tuple(shape for shape in Shape if shape is not Shape.TRACE)
"""The shapes that need no file."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request of a trace: seconds from its begin, length of the prompt in words, tokens of the answer."""

    at: float
    words: int
    max_tokens: int


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """A load. Raises DeploymentError for values out of range.

    Attributes:
        rate: mean number of requests per second; 0 means none.
        max_tokens: tokens of each answer, of a trace on average.
        name: of the trace's file; empty without one.
        seconds: that one round of the trace takes.
        arrivals: of one round, by time.
        notes: how the trace was fitted to this machine, a sentence each.
    """

    shape: Shape = Shape.CONSTANT
    rate: float = 4.0
    max_tokens: int = 8
    name: str = ""
    seconds: float = 0.0
    arrivals: tuple[Arrival, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= MAX_RATE:
            raise DeploymentError(f"the load's rate must be from 0 to 100 requests per second, got {self.rate}")
        if not 1 <= self.max_tokens <= MAX_TOKENS:
            raise DeploymentError(f"max_tokens must be from 1 to 256, got {self.max_tokens}")
        if self.shape is Shape.TRACE and not (self.rate and self.seconds > 0 and self.arrivals):
            raise DeploymentError("a trace needs requests and a rate above 0; for no load: `rca-tui load --rate 0`")

    def sentence(self) -> str:
        """What is sent, for a person."""
        if self.rate == 0:
            return "no requests"
        mean = f"{number(self.rate)} requests/s"
        match self.shape:
            case Shape.BURSTY:
                return f"{mean} on average, {number(CALM * self.rate)} in calm and {number(BUSY * self.rate)} in bursts"
            case Shape.DIURNAL:
                low, high = (1 - SWING) * self.rate, (1 + SWING) * self.rate
                return f"{mean} on average, from {number(low)} to {number(high)} over a day of {span(DAY)}"
            case Shape.TRACE:
                return f"{self.name}: {len(self.arrivals)} requests in {span(self.seconds)}, again and again"
        return mean

    def as_json(self) -> dict[str, Any]:
        """For `--json`: without the arrivals."""
        shown = {"shape": self.shape, "rate": self.rate, "max_tokens": self.max_tokens, "trace": self.name or None}
        return {**shown, "sentence": self.sentence(), "notes": list(self.notes)}


_PLAN = TypeAdapter(LoadPlan)


def read(path: Path) -> LoadPlan:
    """The plan in a run folder. Raises DeploymentError."""
    try:
        return _PLAN.validate_json(own_files.read(path, _LARGEST))
    except (OSError, own_files.NotOurs, ValidationError) as error:
        raise DeploymentError(f"the load's plan cannot be read: {path}: {type(error).__name__}") from None


def write(path: Path, plan: LoadPlan) -> None:
    """Replace the plan: the load follows it within a second. Raises DeploymentError."""
    try:
        write_json(path, dataclasses.asdict(plan))
    except OSError as error:
        raise DeploymentError(f"the load cannot be changed: {error}") from None


def requests(plan: LoadPlan, rng: random.Random) -> Iterator[Arrival]:
    """When each request is due, without an end; `words` is 0 where the prompt has the usual length.

    >>> [one.at for one, _ in zip(requests(LoadPlan(rate=2.0), random.Random(0)), range(3))]
    [0.5, 1.0, 1.5]
    """
    if plan.rate == 0:
        return
    times = {Shape.CONSTANT: _constant, Shape.BURSTY: _bursty, Shape.DIURNAL: _diurnal}
    if plan.shape in times:
        for at in times[plan.shape](plan.rate, rng):
            yield Arrival(at, 0, plan.max_tokens)
    rounds = 0.0
    while True:
        for one in plan.arrivals:
            yield dataclasses.replace(one, at=one.at + rounds)
        rounds += plan.seconds


def _constant(rate: float, rng: random.Random) -> Iterator[float]:
    for count in itertools.count(1):
        yield count / rate


def _bursty(rate: float, rng: random.Random) -> Iterator[float]:
    begin = 0.0
    for share, seconds in itertools.cycle(((CALM, CALM_SECONDS), (BUSY, BUSY_SECONDS))):
        end = begin + rng.expovariate(1 / seconds)
        at = begin + rng.expovariate(share * rate)  # a Poisson process has no memory: it may begin anew here
        while at < end:
            yield at
            at += rng.expovariate(share * rate)
        begin = end


def _diurnal(rate: float, rng: random.Random) -> Iterator[float]:
    at = 0.0
    while True:
        at += 1 / (rate * (1 + SWING * math.sin(2 * math.pi * at / DAY)))
        yield at
