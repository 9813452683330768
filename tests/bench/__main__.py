"""`python -m tests.bench [PART...]`: tables of timings and agreement; without a PART, all of them."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from pathlib import Path

PARTS = {
    "start": "first paint, first ranking and quick commands, beside an empty app and an empty Python",
    "targets": "from `rca-tui --targets` to the first rows and the first sample",
    "up": "the start of a deployment, what it costs while it serves, and a look of the live screen",
    "methods": "all methods on one incident",
    "evaluate": "`rca-tui evaluate --fresh` over 66 drills",
    "public": "CPU time beside the public implementation",
    "growth": "10, 100 and 1,000 components",
    "cluster": "a look and a window of 10, 100 and 1,000 pods from a real Prometheus",
    "room": "a workshop: memory of the players' apps, and seconds from a key to what it shows",
    "delay": "the round trip that network-delay adds, beside what was asked (live deployment)",
    "kills": "kills while a fault is in: what is left, with docs/measured/kills.md (live deployment)",
    "onset": "how well the onset is found",
    "deviation": "what each rule of nsigma and baro is worth",
    "verdict": "the verdict on the shipped drills, with docs/measured/verdict.md",
    "serving": "the tool's own method, with docs/measured/serving.md",
    "agreement": "accuracy beside the public implementation's recorded answers",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"{name:10} {what}" for name, what in PARTS.items()),
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--components", type=int, nargs="+", default=[10, 100, 1000], help="growth, cluster: how many")
    parser.add_argument("--deadline", type=float, default=60.0, help="growth, agreement: seconds for each answer")
    parser.add_argument("--limit", type=float, default=120.0, help="methods, public: CPU seconds for each method")
    parser.add_argument("--methods", nargs="+", default=[], metavar="METHOD", help="public, agreement: these only")
    parser.add_argument(
        "--cases",
        nargs="+",
        default=[],
        metavar="FOLDER",
        help="onset, deviation: these incidents, not the shipped drills; serving: these beside them",
    )
    parser.add_argument("--players", type=int, default=12, help="room: how many")
    parser.add_argument(
        "--runs", type=int, help="kills: how many in all, those of earlier calls included; by default a hundred more"
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=Path(__file__).with_name("kills.jsonl"),
        metavar="FILE",
        help="kills: those that were carried out",
    )
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; there are: {', '.join(PARTS)}")
    # A deployment that a part has started ends with it, and what it mounted. The shell lets a job in the background
    # ignore Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for part in options.parts or PARTS:
        importlib.import_module(f"tests.bench.{part}").run(options)


if __name__ == "__main__":
    main()
