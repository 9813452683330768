"""Record a set of drills: the command that recorded the shipped incidents.

    python -m faults.record --out FOLDER cpu-stress:head:3 cpu-stress:replica-0:3 …

Each PLAN is FAULT:TARGET:TIMES. The drills run one after the other in random order, each from a steady state, and are
saved as drill-01.zip, drill-02.zip …: only their sealed truth says which is which. Run it again with the same plans to
continue after an interruption: drills that are in the folder are not recorded again.

It runs unattended for hours. A drill that fails, or whose fault did not land, is undone and tried again later, a few
times. The recording ends early only when many attempts in a row fail.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import re
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.deployment import DeploymentError
from cluster.text.times import clock_time
from faults import catalog, drill, recover
from faults.drill import DrillReport
from faults.effects import Landing
from faults.engine import Engine
from faults.errors import FaultError, Refused

if TYPE_CHECKING:
    from cluster.deployment import Deployment

NAME = re.compile(r"drill-([0-9]+)\.zip")
QUIET_PATIENCE = 600.0  # s that the service may take to be steady again between two drills
MAX_ATTEMPTS = 3  # at one drill, before it is given up
MAX_IN_A_ROW = 6  # failures without one success between them: it is not the drills then

Job = tuple[str, str]  # fault, target


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of baseline, fault and aftermath."""

    baseline: float = 120.0
    seconds: float = 60.0
    aftermath: float = 60.0


def parse_plans(plans: Iterable[str]) -> Counter[Job]:
    """`FAULT:TARGET:TIMES` each. Raises FaultError."""
    jobs: Counter[Job] = Counter()
    for plan in plans:
        fault, _, rest = plan.partition(":")
        target, _, times = rest.partition(":")
        if not target or not times.isdigit() or not 1 <= int(times) <= 100:
            raise Refused(f"{plan!r} is no plan: it must be FAULT:TARGET:TIMES, with 1 to 100 times")
        catalog.entry(fault)
        jobs[fault, target] += int(times)
    return jobs


def record(
    deployment: Deployment,
    jobs: Counter[Job],
    folder: Path,
    times: Times,
    *,
    seed: int | None = None,
    log: Callable[[str], None] = print,
    engine: Engine | None = None,
) -> int:
    """Run the missing drills. Returns how many are still missing in the end.

    Args:
        jobs: (fault, target) -> how many drills the folder should have.
        seed: of the order; by default random.
        log: called with a line for each drill, without fault or target.
    """
    engine = engine or Engine(deployment, armed=True)
    folder.mkdir(parents=True, exist_ok=True)
    missing = list((jobs - _recorded(folder)).elements())
    random.Random(seed).shuffle(missing)  # noqa: S311  an order, no secret
    log(f"{len(missing)} drills to record into {folder}")
    ahead = deque((job, 1) for job in missing)
    left = in_a_row = 0
    while ahead and in_a_row < MAX_IN_A_ROW:
        job, attempt = ahead.popleft()
        if _one(deployment, engine, job, _next_name(folder), times, log):
            in_a_row = 0
            _write_manifest(folder, times)
            continue
        in_a_row += 1
        _undo_what_is_left(engine, log)
        if attempt < MAX_ATTEMPTS:
            ahead.append((job, attempt + 1))
        else:
            left += 1
    return left + len(ahead)


def _one(
    deployment: Deployment, engine: Engine, job: Job, path: Path, times: Times, log: Callable[[str], None]
) -> bool:
    """Run one drill. Returns whether it is saved and its fault landed."""
    from cluster.incident.store import IncidentError

    fault, target = job
    try:
        _become_steady(engine, fault, target)
        report = drill.run(
            deployment,
            fault,
            target,
            armed=True,
            baseline=times.baseline,
            seconds=times.seconds,
            aftermath=times.aftermath,
            save=path,
            engine=engine,
        )
    except (FaultError, DeploymentError, IncidentError) as error:
        log(f"{path.stem}: not recorded: {error}")
        return False
    log(_line(path, report))
    if report.saved is not None and report.landing is not Landing.ABSENT:
        return True
    path.unlink(missing_ok=True)
    return False


def _undo_what_is_left(engine: Engine, log: Callable[[str], None]) -> None:
    """A fault that is STUCK would make preflight refuse every later drill."""
    for undone in recover.recover(folder=engine.folder):
        log(f"an injection that was left over is {undone.state}")


def _recorded(folder: Path) -> Counter[Job]:
    """The drills in the folder, by their sealed truths. Raises IncidentError for a file that is none."""
    from cluster.incident import store

    found: Counter[Job] = Counter()
    for path in sorted(folder.iterdir()):
        truth = store.load_truth(path) if NAME.fullmatch(path.name) else None
        if truth is not None:
            found[truth.fault, truth.target or ",".join(truth.components)] += 1
    return found


def _next_name(folder: Path) -> Path:
    taken = {int(match[1]) for path in folder.iterdir() if (match := NAME.fullmatch(path.name))}
    number = next(number for number in itertools.count(1) if number not in taken)
    return folder / f"drill-{number:02d}.zip"


def _become_steady(engine: Engine, fault: str, target: str) -> None:
    """Wait until preflight passes. Raises Refused when it does not in time."""
    until = time.monotonic() + QUIET_PATIENCE
    chosen = catalog.load(fault, engine.deployment.kind)
    while not (report := engine.check(chosen, target)).ok:
        if time.monotonic() >= until:
            report.require()
        time.sleep(5.0)


def _line(path: Path, report: DrillReport) -> str:
    latency = next((one for one in report.sli if one.signal == "latency_p90"), None)
    values = (latency.before, latency.during, latency.after) if latency else ()
    shown = " / ".join("-" if value is None else f"{value:.2f}" for value in values)
    why = f", {report.aborted}" if report.aborted else ""
    return f"{path.stem}: {report.state}, {report.landing}{why}; p90 latency before / during / after: {shown} s"


def _write_manifest(folder: Path, times: Times) -> None:
    """How many there are and how long they are: nothing that identifies one of them."""
    drills = sum(1 for path in folder.iterdir() if NAME.fullmatch(path.name))
    manifest = {"drills": drills, "baseline": times.baseline, "seconds": times.seconds, "aftermath": times.aftermath}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    from cluster.incident.store import IncidentError
    from cluster.local.deployment import LocalDeployment

    usual = Times()
    parser = argparse.ArgumentParser(prog="python -m faults.record", description="Record drills on this machine.")
    parser.add_argument("plans", nargs="+", metavar="PLAN", help="FAULT:TARGET:TIMES")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--baseline", type=float, default=usual.baseline, metavar="S")
    parser.add_argument("--seconds", type=float, default=usual.seconds, metavar="S")
    parser.add_argument("--aftermath", type=float, default=usual.aftermath, metavar="S")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        jobs = parse_plans(chosen.plans)
        deployment = LocalDeployment.connect()
        times = Times(chosen.baseline, chosen.seconds, chosen.aftermath)
        missing = record(deployment, jobs, chosen.out, times, log=_say)
    except (FaultError, DeploymentError, IncidentError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: everything is undone; run it again to go on", file=sys.stderr)
        return 130
    if missing:
        print(f"{missing} drills are missing; run it again to go on", file=sys.stderr)
    return 1 if missing else 0


def _say(line: str) -> None:
    print(f"{clock_time(time.time())} {line}", flush=True)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
