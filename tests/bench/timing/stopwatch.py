"""CPU seconds of calls, told line by line; run inside the process that is measured, with the standard library alone.

The better of two calls counts, so that neither side pays for what it loads once; a call that took long is not repeated.
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
    cpu = wall = float("inf")
    answer = ""
    for _ in range(2):
        began_cpu, began = time.process_time(), time.perf_counter()
        try:
            answer = call(name)
        except Exception as error:
            return {"name": name, "error": f"{type(error).__name__}: {error}"[:300]}
        took = time.process_time() - began_cpu
        cpu, wall = min(cpu, took), min(wall, time.perf_counter() - began)
        if took > LONG:
            break
    return {"name": name, "cpu": cpu, "wall": wall, "answer": answer}
