"""CPU seconds of calls, told line by line; run inside the process that is measured, with the standard library alone.

The first call does not count, so that neither side pays for what it loads once, unless it took long. Those after it are
repeated until the clock, which ticks in milliseconds on some machines, has something to show; their mean counts.
A call beyond the limit ends the process with SIGXCPU: whoever started it knows which call that was.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import time
from collections.abc import Callable, Sequence

LONG = 10.0
"""CPU seconds of a first call that is not repeated."""
ENOUGH = 0.3
"""CPU seconds that the repeated calls take together, at least."""
MOST_CALLS = 200


def serve(names: Sequence[str], limit: float, call: Callable[[str], str]) -> None:
    """One JSON object a name on stdout: {"name", "cpu", "wall", "answer"} or {"name", "error"}.

    Args:
        limit: CPU seconds for each name.
        call: does the work and returns what came out, in a few words.
    """
    channel = sys.stdout
    for name in names:
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + limit) + 1, resource.RLIM_INFINITY))
        # What is measured may print; its words must not mix with ours.
        with contextlib.redirect_stdout(sys.stderr):
            told = _measure(name, call)
        channel.write(json.dumps(told) + "\n")
        channel.flush()


def _measure(name: str, call: Callable[[str], str]) -> dict[str, object]:
    try:
        cpu, wall, answer = _timed(name, call, 1)
        if cpu <= LONG:
            calls = 1
            cpu, wall, answer = _timed(name, call, calls)
            while cpu * calls < ENOUGH and calls < MOST_CALLS:
                calls *= 2
                cpu, wall, answer = _timed(name, call, calls)
    except Exception as error:
        return {"name": name, "error": f"{type(error).__name__}: {error}"[:300]}
    return {"name": name, "cpu": cpu, "wall": wall, "answer": answer}


def _timed(name: str, call: Callable[[str], str], calls: int) -> tuple[float, float, str]:
    """Mean CPU and wall seconds of so many calls, and what the last one answered."""
    began_cpu, began = time.process_time(), time.perf_counter()
    for _ in range(calls):
        answer = call(name)
    return (time.process_time() - began_cpu) / calls, (time.perf_counter() - began) / calls, answer
