"""The cable: what it does to a frame, and that real connections pass through it whole."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from cluster.local import preflight
from faults.local.control.cable import Wire

WORLD = Path(__file__).with_name("cable_world.py")


def test_frames_keep_their_order_and_are_late_by_delay_and_jitter() -> None:
    wire = Wire(delay=0.2, jitter=0.1, loss=0.0, rng=random.Random(1))
    sent = [0.001 * number for number in range(2000)]
    arrivals = [wire.arrival(now) for now in sent]
    assert all(before <= after for before, after in pairwise(arrivals))  # type: ignore[operator]
    late = [arrival - now for arrival, now in zip(arrivals, sent, strict=True) if arrival is not None]
    assert len(late) == len(sent)
    assert all(0.1 <= seconds <= 0.3 + 1e-9 for seconds in late)


def test_as_many_are_lost_as_was_asked() -> None:
    wire = Wire(delay=0.0, jitter=0.0, loss=0.25, rng=random.Random(1))
    lost = sum(wire.arrival(0.0) is None for _ in range(10_000))
    assert 2300 < lost < 2700
    assert Wire(0.0, 0.0, 0.0, random.Random(1)).arrival(7.0) == 7.0


def test_a_jitter_beyond_the_delay_never_sends_into_the_past() -> None:
    wire = Wire(delay=0.01, jitter=1.0, loss=0.0, rng=random.Random(1))
    assert all((wire.arrival(now) or 0.0) >= now for now in range(100))


@pytest.mark.slow
def test_a_connection_through_it_is_late_and_whole() -> None:
    if problem := preflight.namespace_problem():
        pytest.skip(problem)
    environment = {**os.environ, "PATH": preflight.search_path(), "PYTHONPATH": str(WORLD.parents[2])}
    done = subprocess.run(
        [*preflight.sandbox_argv(), sys.executable, str(WORLD), "150"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert all(told[when]["whole"] for when in ("before", "during", "after"))
    assert told["during"]["connect"] >= 0.145  # the lower bound holds on a busy machine too
    assert told["ended"]
