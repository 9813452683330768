"""Kills at random, in every state of a fault on the live deployment: what is left?

    python -m tests.bench kills --runs 1000

Goes on where it was interrupted, here or on another machine: each run has its number, which draws it, and its line in
the state file, which is committed. The report in docs/measured/kills.md is written anew after each.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cluster.errors import RcaError
from cluster.local import lifecycle
from cluster.local.deployment import LocalDeployment
from cluster.local.load_plan import LoadPlan
from cluster.local.options import Options
from tests.bench import live
from tests.bench.killing import PODS, VICTIMS, Kill, Outcome, carry_out
from tests.bench.tables import REPOSITORY, command, markdown, tell
from tests.bench.victim import RECOVERING, STATES

TARGETS = {
    "bandwidth": PODS,
    "cpu-stress": PODS,
    "cpu-throttle": PODS,
    "crash": PODS,
    "freeze": PODS,
    "gateway-slow": ("gateway",),
    "head-overload": ("head",),
    "hot-replica": PODS,
    "kv-leak": PODS,
    "kv-pressure": PODS,
    "load-surge": ("gateway",),
    "long-prefill": PODS,
    "memory-stress": PODS,
    "network-delay": PODS,
    "network-loss": PODS,
    "partition": PODS,
    "retry-storm": ("gateway",),
    "slow-start": PODS,
    "telemetry-loss": PODS,
    "two-at-once": PODS,
}
SEED = 134
"""All classes are among the first 17 runs, all faults among the first 45: a machine may be there for so many only."""
REPORT = REPOSITORY / "docs" / "measured" / "kills.md"
# To start the deployment again, or Ray, takes minutes: these are drawn less often than the others.
WEIGHTS = {"supervisor": 1, "head": 2}
USUAL = 6
MORE = 100
"""Kills of a call that does not say how many there shall be."""
LOAD = LoadPlan(rate=1.0)
"""A quarter of the usual one: pods that fill a machine of two cores make each kill take twice as long."""


@dataclass(frozen=True, slots=True)
class Run:
    """One kill and what came of it; `error` where it could not be carried out; `commit`: the code that was run."""

    number: int
    kill: Kill
    outcome: Outcome | None
    error: str = ""
    commit: str = ""
    date: str = ""


def drawn(number: int) -> Kill:
    """The kill of that number: always the same one."""
    rng = random.Random(f"{SEED} {number}")
    fault = rng.choice(tuple(TARGETS))
    target = rng.choice(TARGETS[fault])
    # Nothing starts the gateway's pod again: its death is an outage, not a fault that could be undone.
    victims = [victim for victim in VICTIMS if victim != "target" or target in PODS]
    victim = rng.choices(victims, [WEIGHTS.get(victim, USUAL) for victim in victims])[0]
    return Kill(fault, target, rng.choice(RECOVERING if victim == "recovering" else STATES), victim)


def done(state: Path) -> list[Run]:
    """What an earlier call has carried out. A last line that was cut off is not counted."""
    if not state.exists():
        return []
    text = state.read_text()
    return [_read(json.loads(line)) for line in text[: text.rfind("\n") + 1].splitlines()]


def go_on(state: Path, runs: int, carry: Callable[[Kill], Outcome]) -> Iterator[list[Run]]:
    """Carry out what is missing of that many; all runs so far, after each."""
    whole = done(state)
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text("".join(_line(run) for run in whole))  # without a line that was cut off
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True
    ).stdout.strip()
    for number in range(len(whole), runs):
        kill, outcome, error = drawn(number), None, ""
        try:
            outcome = carry(kill)
        except (RcaError, RuntimeError) as problem:
            error = str(problem)
        run = Run(number, kill, outcome, error, commit, time.strftime("%Y-%m-%d", time.gmtime()))
        whole.append(run)
        with state.open("a") as file:
            file.write(_line(run))
        yield whole


def report(runs: list[Run]) -> str:
    """The page: a row for each class of victim, for each fault, and for each commit and day."""
    lines = [
        "# Kills",
        "",
        f"`{command()}`: each run injects a fault drawn at random into a pod of the deployment on this machine, and "
        "in a state drawn at random kills the victim, sets its clock by an hour, fills its disk or takes its memory. "
        "What is not undone by itself within two minutes `rca-tui recover` undoes; then the target is read back. "
        "Up to 9a7518d the deployment served the usual 4 requests/s, since then 1. "
        "The runs of all machines are in `tests/bench/kills.jsonl`, one a line; those before it was kept are told in "
        "[what the faults do](faults.md).",
        "",
    ]
    titles: dict[str, tuple[Callable[[Run], str], Iterable[str]]] = {
        "victim": (lambda run: run.kill.victim, VICTIMS),
        "fault": (lambda run: run.kill.fault, TARGETS),
        "commit, day": (_code, dict.fromkeys(map(_code, runs))),
    }
    for title, (of, order) in titles.items():
        count: dict[str, Counter[str]] = defaultdict(Counter)
        for run in runs:
            for row in (of(run), "all"):
                count[row].update(("runs", _end(run)))
        names = [name for name in order if name in count]
        rows = [(name, *(str(count[name][end]) for end in ENDS)) for name in (*names, "all")]
        lines += [*markdown((title, *ENDS.values()), rows), ""]
    lines += [f"- {run.kill}: {run.outcome.left}" for run in runs if run.outcome and run.outcome.left]
    lines += [f"- not carried out: {run.kill}: {run.error}" for run in runs if run.error]
    return "\n".join(lines).rstrip("\n") + "\n"


ENDS = {
    "runs": "runs",
    "by itself": "recovered by itself",
    "by recover": "recovered by `rca-tui recover`",
    "left": "left behind",
    "not run": "not carried out",
}


def _end(run: Run) -> str:
    if run.outcome is None:
        return "not run"
    return "left" if run.outcome.left else "by itself" if run.outcome.by_itself else "by recover"


def _code(run: Run) -> str:
    return f"{run.commit}, {run.date}"


def _line(run: Run) -> str:
    return json.dumps(asdict(run)) + "\n"


def _read(line: dict[str, Any]) -> Run:
    outcome = None if line["outcome"] is None else Outcome(**line["outcome"])
    return Run(**{**line, "kill": Kill(**line["kill"]), "outcome": outcome})


def run(options: argparse.Namespace) -> None:
    before = len(done(options.state))
    wanted = before + MORE if options.runs is None else options.runs
    if wanted <= before:
        tell(f"kills: {before} of {wanted} are on record already")
        return
    with ExitStack() as opened:
        deployment = opened.enter_context(live.deployment(LOAD))

        def carry(kill: Kill) -> Outcome:
            nonlocal deployment
            if lifecycle.status() is None:  # a run before this one killed it
                lifecycle.down()
                deployment = LocalDeployment(lifecycle.up(Options(), tell, LOAD))
            return carry_out(deployment, kill)

        for runs in go_on(options.state, wanted, carry):
            tell(f"{len(runs)} of {wanted}: {runs[-1].kill}: {runs[-1].outcome or runs[-1].error}")
            REPORT.write_text(report(runs))
