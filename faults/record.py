"""Record a set of drills: the command that recorded the shipped incidents.

    python -m faults.record --out FOLDER cpu-stress:head:3 cpu-stress:replica-0:3 …
    python -m faults.record --out FOLDER --seed 7 --first 67 --holds 3

Each PLAN is FAULT:TARGET:TIMES; a seed draws a whole set (`faults.recording.recipe`), also stretches without a fault.
The drills run one after the other in random order, each from a steady state, and are saved as drill-01.zip,
drill-02.zip …: only their sealed truth says which is which. Run it again with the same arguments to continue after an
interruption: drills that are in the folder are not recorded again. With a seed, `split.json` names those to develop on
and those that are only to be scored: nothing is tuned on them.

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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from cluster.deployment import DeploymentError
from cluster.incident.seal import Seal
from cluster.incident.truth import NO_FAULT
from cluster.text.times import clock_time
from faults import catalog, clock, drill, preflight, recover
from faults.effects import Landing, Measured
from faults.engine import Engine
from faults.errors import FaultError, Refused
from faults.preflight import Check
from faults.recording import recipe
from faults.recording.conditions import Following, company
from faults.recording.recipe import Recording
from faults.states import Phase
from faults.steady import NotSteady

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


class _Common(TypedDict):
    """What a drill with and one without a fault are told alike."""

    baseline: float
    seconds: float
    aftermath: float
    save: Path
    progress: Callable[[drill.Progress], None]
    conditions: Mapping[str, Any]
    seal: Seal


@dataclass(frozen=True, slots=True)
class Task:
    """A drill, and the file that it becomes."""

    path: Path
    recording: Recording


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


def of_plans(folder: Path, jobs: Counter[Job], seed: int | None = None) -> list[Task]:
    """The drills that the folder lacks, in random order, each under the next free name."""
    missing = list((jobs - _recorded(folder)).elements())
    random.Random(seed).shuffle(missing)  # noqa: S311  an order, no secret
    names = (folder / f"drill-{number:02d}.zip" for number in itertools.count(1))
    return [
        Task(path, Recording(fault, target))
        for path, (fault, target) in zip((name for name in names if not name.exists()), missing, strict=False)
    ]


def of_seed(folder: Path, seed: int, first: int, holds: float = recipe.STEADY) -> list[Task]:
    """The drills of the recipe that the folder lacks; the first of them is number `first`. Writes `split.json`.

    Args:
        holds: requests/s with which a drill begins at most, see `faults.recording.recipe.draw`.
    """
    tasks = numbered(folder, recipe.draw(seed, holds), first)
    parts = {
        part: [task.path.stem for task in tasks if task.recording.scored == scored]
        for part, scored in (("developed", False), ("scored", True))
    }
    split = {"seed": seed, **parts}
    (folder / recipe.SPLIT).write_text(json.dumps(split, indent=2) + "\n")
    return [task for task in tasks if not task.path.exists()]


def numbered(folder: Path, drills: Sequence[Recording], first: int = 1) -> list[Task]:
    """A file for each of them, whether it is there or not."""
    return [Task(folder / f"drill-{first + i:02d}.zip", drill) for i, drill in enumerate(drills)]


def record(
    deployment: Deployment,
    tasks: Sequence[Task],
    times: Times,
    *,
    log: Callable[[str], None] = print,
    engine: Engine | None = None,
) -> int:
    """Record them. Returns how many are still missing in the end.

    Args:
        log: called with a line for each drill, without fault or target.
    """
    engine = engine or Engine(deployment, armed=True)
    log(f"drills to record: {len(tasks)}")
    ahead = deque((task, 1) for task in tasks)
    left = in_a_row = 0
    while ahead and in_a_row < MAX_IN_A_ROW:
        task, attempt = ahead.popleft()
        _undo_what_is_left(engine, log)  # the last drill, too, may have ended before the service was healthy
        if _one(deployment, engine, task, times, log):
            in_a_row = 0
            _write_manifest(task.path.parent, times)
            continue
        in_a_row += 1
        if attempt < MAX_ATTEMPTS:
            ahead.append((task, attempt + 1))
        else:
            left += 1
    _undo_what_is_left(engine, log)
    return left + len(ahead)


def _one(deployment: Deployment, engine: Engine, task: Task, times: Times, log: Callable[[str], None]) -> bool:
    """Run one drill. Returns whether it is saved and its fault landed."""
    from cluster.incident.store import IncidentError

    recording, path = task.recording, task.path
    most = QUIET_PATIENCE + times.baseline + times.seconds + times.aftermath
    try:
        with Following(deployment, recording.conditions) as load, company(recording.conditions.busy, most):
            _become_steady(engine, recording, lambda doubt: log(f"{path.stem}: waiting, since {doubt}"))
            common: _Common = {
                "baseline": times.baseline,
                "seconds": times.seconds,
                "aftermath": times.aftermath,
                "save": path,
                "progress": lambda progress: _follow(load, progress.phase, times.aftermath),
                "conditions": recording.conditions.as_json(),
                "seal": Seal.ALL,  # recorded to be published
            }
            if recording.fault == NO_FAULT:
                report = drill.without_fault(deployment, **common)
            else:
                fault, target, parameters = recording.fault, recording.target, recording.parameters
                report = drill.run(deployment, fault, target, parameters, armed=True, engine=engine, **common)
            if report.saved is None:
                log(f"{path.stem}: not recorded: {report.aborted or report.detail}")
                return False
    except (FaultError, NotSteady, DeploymentError, IncidentError) as error:
        log(f"{path.stem}: not recorded: {error}")
        return False
    log(_line(path, report.landing, report.sli))
    if report.landing is Landing.ABSENT:
        path.unlink()
        return False
    return True


def _follow(load: Following, phase: Phase, aftermath: float) -> None:
    if phase is Phase.INJECTING:
        load.baseline_ended()
    elif phase is Phase.REVERTING:
        load.fault_ended(aftermath + drill.LAG)


def _undo_what_is_left(engine: Engine, log: Callable[[str], None]) -> None:
    """A fault that is STUCK would make preflight refuse every later drill."""
    for undone in recover.recover(folder=engine.folder):
        log(f"an injection that was left over is {undone.state}")


def _recorded(folder: Path) -> Counter[Job]:
    """The drills in the folder, by their sealed truths. Raises IncidentError for a file that is none."""
    from cluster.incident import envelope

    found: Counter[Job] = Counter()
    for path in sorted(folder.iterdir()):
        truth = envelope.load_truth(path) if NAME.fullmatch(path.name) else None
        if truth is not None:
            found[truth.fault, truth.target or ",".join(truth.components)] += 1
    return found


def _become_steady(engine: Engine, recording: Recording, waits: Callable[[str], None]) -> None:
    """Wait until a drill can begin; `waits` is told once why the service is not steady. Raises Refused after that."""
    ends = clock.now().after(QUIET_PATIENCE)
    told = False
    while doubt := _doubt(engine, recording):
        if ends.remaining() <= 0:
            raise Refused(f"refused, nothing was touched: {doubt.detail}")
        if doubt.name == preflight.STEADY and not told:  # any other may name the target, which stays sealed
            waits(doubt.detail)
            told = True
        time.sleep(5.0)


def _doubt(engine: Engine, recording: Recording) -> Check | None:
    """Why a drill cannot begin now; None where it can."""
    if recording.fault != NO_FAULT:
        fault = catalog.load(recording.fault, engine.deployment.kind)
        return next((check for check in engine.check(fault, recording.target).checks if not check.ok), None)
    try:
        preflight.require_steady(engine.deployment)
    except NotSteady as error:
        return Check(preflight.STEADY, False, str(error))
    return None


def _line(path: Path, landing: Landing, sli: Sequence[Measured]) -> str:
    latency = next((one for one in sli if one.signal == "latency_p90"), None)
    values = (latency.before, latency.during, latency.after) if latency else ()
    shown = " / ".join("-" if value is None else f"{value:.2f}" for value in values)
    did = "not recorded: its fault did not land" if landing is Landing.ABSENT else "recorded"
    return f"{path.stem}: {did}; p90 latency before / during / after: {shown} s"


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
    parser.add_argument("plans", nargs="*", metavar="PLAN", help="FAULT:TARGET:TIMES")
    parser.add_argument("--seed", type=int, metavar="N", help="of a whole set of drills, in place of plans")
    parser.add_argument("--first", type=int, default=1, metavar="N", help="number of the first drill of that set")
    parser.add_argument(
        "--holds",
        type=_rate,
        default=recipe.STEADY,
        metavar="RATE",
        help="requests/s that this machine holds: no drill of a set begins with more",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--baseline", type=float, default=usual.baseline, metavar="S")
    parser.add_argument("--seconds", type=float, default=usual.seconds, metavar="S")
    parser.add_argument("--aftermath", type=float, default=usual.aftermath, metavar="S")
    chosen = parser.parse_args(arguments)
    if bool(chosen.plans) == (chosen.seed is not None):
        parser.error("either plans or a seed")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        jobs = parse_plans(chosen.plans)
        deployment = LocalDeployment.connect()
        chosen.out.mkdir(parents=True, exist_ok=True)
        seed = chosen.seed
        tasks = of_plans(chosen.out, jobs) if seed is None else of_seed(chosen.out, seed, chosen.first, chosen.holds)
        times = Times(chosen.baseline, chosen.seconds, chosen.aftermath)
        missing = record(deployment, tasks, times, log=_say)
    except (FaultError, DeploymentError, IncidentError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: everything is undone; run it again to go on", file=sys.stderr)
        return 130
    if missing:
        print(f"{missing} drills are missing; run it again to go on", file=sys.stderr)
    return 1 if missing else 0


def _rate(text: str) -> float:
    """Requests/s of an option, as plans of campaigns may have them."""
    rate = float(text)
    if not 0.1 <= rate <= 100:
        raise argparse.ArgumentTypeError(f"{text} is no rate from 0.1 to 100 requests/s")
    return rate


def _say(line: str) -> None:
    print(f"{clock_time(time.time())} {line}", flush=True)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
