"""Fuzz every parser of the table and report: what `make fuzz` runs.

    python -m tests.fuzz --inputs 100000 --out docs/measured/fuzz.md

The inputs are shared out evenly. Memory is the most that Python's allocator held while an input was read.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import tempfile
import time
import tracemalloc
import warnings
from itertools import islice
from pathlib import Path

from tests.fuzz.mutate import mutants
from tests.fuzz.parsers import Parser
from tests.fuzz.table import PARSERS


def fuzz(parser: Parser, inputs: int, seed: int, folder: Path) -> tuple[int, int, float, int, collections.Counter[str]]:
    """Refused, crashes, slowest (s), most memory (bytes), and how often each kind of crash."""
    rng = random.Random(f"{parser.name} {seed}")
    refused, slowest, most = 0, 0.0, 0
    crashes: collections.Counter[str] = collections.Counter()
    for content in islice(mutants(parser.valid(folder), rng), inputs):
        tracemalloc.reset_peak()
        before, began = tracemalloc.get_traced_memory()[0], time.perf_counter()
        try:
            parser.read(folder, content)
        except parser.allowed as error:
            refused += 1
            if "\n" in str(error) or "\x1b" in str(error):
                crashes["a message with control characters"] += 1
        except Exception as error:  # what is looked for
            crashes[f"{type(error).__name__}: {error}"[:80].replace("|", "/").replace("\n", " ")] += 1
        slowest = max(slowest, time.perf_counter() - began)
        most = max(most, tracemalloc.get_traced_memory()[1] - before)
    return refused, crashes.total(), slowest, most, crashes


def main() -> int:
    chosen = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz every parser, and report.")
    chosen.add_argument("--inputs", type=int, default=100_000, metavar="N", help="of all parsers together")
    chosen.add_argument("--seed", type=int, default=0, metavar="N")
    chosen.add_argument("--out", type=Path, metavar="FILE")
    given = chosen.parse_args()
    each = max(1, given.inputs // len(PARSERS))
    lines = [
        "# Fuzzing",
        "",
        f"`python -m tests.fuzz --inputs {given.inputs} --seed {given.seed}`: {each:,} mutated inputs for each parser "
        "of files and answers. They come from a valid input by seed: values replaced, moved and dropped, bytes "
        "flipped. A crash is any exception but the sentence that a person gets, or a sentence with control characters. "
        "Memory is what Python's and NumPy's allocators held at most while one input was read.",
        "",
        "| parser | inputs | refused | crashes | slowest | most memory |",
        "|---|---|---|---|---|---|",
    ]
    found = 0
    tracemalloc.start()
    warnings.simplefilter("ignore")
    for parser in PARSERS:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XDG_STATE_HOME"] = folder
            refused, crashed, slowest, most, crashes = fuzz(parser, each, given.seed, Path(folder))
        found += crashed
        row = f"| {parser.name} | {each:,} | {refused:,} | {crashed} | {1000 * slowest:.0f} ms | {most / 1e6:.1f} MB |"
        lines.append(row)
        print(row, flush=True)
        for kind, times in crashes.most_common(5):
            print(f"    {times} × {kind}", flush=True)
    if given.out:
        given.out.write_text("\n".join(lines) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
