"""Starting the measured processes of `timing/`, and going on after one that died."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.bench.tables import REPOSITORY

TIMING = REPOSITORY / "tests" / "bench" / "timing"
MEMORY = 6 * 2**30
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Timing:
    """`cpu` and `wall` in seconds; None where `error` says why. `beyond`: stopped at its limit, so `cpu` is a bound."""

    name: str
    cpu: float | None = None
    wall: float | None = None
    answer: str = ""
    error: str = ""
    beyond: bool = False


def ours(python: str, case: Path, names: Sequence[str], limit: float) -> Iterator[Timing]:
    """Our methods on a saved incident or a case; `python` is this project's interpreter."""
    environment = {"PYTHONPATH": str(REPOSITORY)}
    yield from _timings([python, str(TIMING / "ours.py"), str(case), f"{limit:g}"], names, limit, environment)


def theirs(python: Path, case: Path, names: Sequence[str], limit: float) -> Iterator[Timing]:
    """The public code on a case in its layout; `python` is the interpreter of its environment."""
    environment = {"PYTHONHASHSEED": "0", "MPLBACKEND": "Agg"}
    yield from _timings([str(python), str(TIMING / "theirs.py"), str(case), f"{limit:g}"], names, limit, environment)


def _timings(
    command: Sequence[str], names: Sequence[str], limit: float, environment: dict[str, str]
) -> Iterator[Timing]:
    waiting = list(names)
    while waiting:
        with tempfile.TemporaryFile("w+") as errors:
            process = _start([*command, *waiting], environment, errors)
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    timing = Timing(**json.loads(line))
                    waiting.remove(timing.name)
                    yield timing
            finally:
                process.kill()
                code = process.wait()
            if waiting:
                errors.seek(0)
                yield _stopped(waiting.pop(0), code, limit, errors.read())


def _start(command: Sequence[str], environment: dict[str, str], errors: IO[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=errors,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **dict.fromkeys(_THREADS, "1"), **environment},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY)),
    )


def _stopped(name: str, code: int, limit: float, errors: str) -> Timing:
    if code == -signal.SIGXCPU:
        return Timing(name, cpu=limit, beyond=True, answer=f"stopped after {limit:g} s")
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    last = errors.strip().splitlines()[-1:] or [""]
    return Timing(name, error=f"its process ended: {how} {last[0]}".strip()[:300])
