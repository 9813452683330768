"""What the tool's own method is worth: `python -m tests.bench serving` writes docs/measured/serving.md anew.

--cases FOLDER...    sets of cases of other systems, such as ../shared/data/petshop
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean, median

import numpy as np

from cluster.incident.model import Incident
from guidelines.removals import ENGINE, every, serving, without, without_edges, without_spans
from methods.evaluation import evaluate
from methods.evaluation.cases import Case, load_cases
from methods.evaluation.evaluate import ESTIMATED
from methods.evaluation.measures import calibration, difference, guessing, interval, score
from methods.peers.evidence import Part, Weights
from methods.serving import Serving
from tests.bench import synthetic
from tests.bench.serving_cases import HEALTHY, Answer, Trial, answers, by_simple_rule, trials
from tests.bench.serving_fit import unseen
from tests.bench.tables import REPOSITORY, command, markdown, tell

DOCUMENT = REPOSITORY / "docs" / "measured" / "serving.md"
OTHERS = ("microscope", "monitorrank", "nsigma")
BESIDE = ("nsigma", "baro")
POD = ("cpu_usage", "cpu_throttled", "memory_working_set", "memory_limit_ratio", "network_receive", "network_transmit")
SIZES = (1, 2, 100, 1000)
POORER: Mapping[str, Callable[[Incident], Incident]] = {
    "a sample every 5 s": every(5),
    "a sample every 15 s": every(15),
    "a sample every 30 s": every(30),
    "without traces": without_spans,
    "without what callers measure": without_edges,
    "without engine metrics": without(ENGINE, serving),
    "without the pods' CPU, memory, network": without(POD, lambda incident: incident.topology.ids),
}
_COLUMNS = ("", "drills", "AC@1 (95 %)", "AC@3", "set score", "nobody, wrong", "nobody, right", "upstream blamed")
_PAGE = """# What the tool's own method is worth

Written by `{command}`: [`serving`](../reference/methods/serving.md) on {drills} shipped drills and on the {healthy}
healthy stretches before their faults. No onset is given. Ties are scored by expectation, no ranking is a miss.

- **Set score**: F1 of the named components, 0 where a faulty one is not among them; means over drills with a cause.
- **Nobody, wrong**: nobody was named, though a component is at fault. **Nobody, right**: load changes and healthy
  stretches in which nobody was named.
- **Upstream blamed**: gateway or head stands first for the fault of a replica.
- **Simple rule**: the callee whose calls are slowest beside those of the others (90th percentile, mean of the window).
- Other methods get the onset that is estimated from the gateway's SLI, and were not run on the healthy stretches.

!!! warning "In-sample figures"
    The structure of `serving` was chosen while looking at what it got wrong on the first 66 drills. The part "A kind of
    fault that it has not seen" leaves each kind out of the fit of the parameters, not out of the choice of the
    structure.
"""


def run(options: argparse.Namespace) -> None:
    found, cases = trials()
    tell(f"{len(found)} trials")
    parts = [*_parts(found, cases), *_beside(options.cases), *_sizes()]
    drills = sum(trial.kind != HEALTHY for trial in found)
    head = _PAGE.format(command=command(), drills=drills, healthy=len(found) - drills)
    DOCUMENT.write_text("\n".join([head, *parts]) + "\n", encoding="utf-8")
    tell(f"{DOCUMENT.relative_to(REPOSITORY)} is written")


def _parts(found: Sequence[Trial], cases: Sequence[Case]) -> Iterator[str]:
    plain = answers(found, Weights())
    yield from _compared(found, cases, plain)
    tell("kinds left out")
    left_out = list(unseen(found))
    yield from _unseen(left_out)
    yield from _calibrated(plain, [answer for _, _, some in left_out for answer in some])
    tell("parts taken away")
    yield "\n## Each part taken away\n"
    rows = [_row("whole", plain)]
    rows += [_row(f"without: {part}", answers(found, Weights(without=frozenset({part})))) for part in Part]
    yield from markdown(_COLUMNS, rows)
    tell("poorer telemetry")
    yield "\n## Poorer telemetry\n"
    yield "\nMeans over the interval, levels at its end. Traces are not used.\n"
    changed = {name: [trial.changed(how) for trial in found] for name, how in POORER.items()}
    poorer = [_row(name, answers(some, Weights())) for name, some in changed.items()]
    yield from markdown(_COLUMNS, [_row("as recorded, 1 s", plain), *poorer])


def _compared(found: Sequence[Trial], cases: Sequence[Case], plain: Sequence[Answer]) -> Iterator[str]:
    drills = [trial for trial in found if trial.kind != HEALTHY]
    rows = [_row("`serving`", plain)]
    if any(trial.scored for trial in drills):
        for name, scored in (("not only to be scored", False), ("scored only", True)):
            rows.append(_row(f"`serving`, {name}", [a for a in plain if a.trial.scored == scored]))
    rows.append(_row("simple rule", [by_simple_rule(trial) for trial in drills]))
    by_case = {case.id: trial for case, trial in zip(cases, drills, strict=True)}
    records = list(evaluate.run(cases, OTHERS, cache_path=evaluate.answers_path(), modes=(ESTIMATED,)))
    for name in OTHERS:
        some = []
        for record in (record for record in records if record.method == name):
            some.append(Answer(by_case[record.case], record.places, frozenset(record.blamed)))
        rows.append(_row(f"`{name}`", some))
    yield from markdown(_COLUMNS, [*rows, _guessing(drills)])


def _row(name: str, some: Sequence[Answer]) -> tuple[str, ...]:
    caused = [answer for answer in some if answer.trial.true]
    quiet = [answer for answer in some if not answer.trial.true]
    if not caused:
        return (name, "0", *[""] * 4, _share([a.right for a in quiet]), "")
    first = [answer.accuracy(1) for answer in caused]
    low, high = interval(first)
    return (
        name,
        str(len(caused)),
        f"{fmean(first):.2f} ({low:.2f}–{high:.2f})",
        f"{fmean(answer.accuracy(3) for answer in caused):.2f}",
        f"{fmean(answer.set_score for answer in caused):.2f}",
        _share([not answer.named for answer in caused]),
        _share([answer.right for answer in quiet]),
        f"{sum(answer.blames_upstream for answer in caused):.3g}",
    )


def _guessing(drills: Sequence[Trial]) -> tuple[str, ...]:
    caused = [(len(trial.topology.ids), len(trial.true)) for trial in drills if trial.true]
    scores = [guessing(*pair) for pair in caused]
    alone = fmean(1 / candidates if true == 1 else 0.0 for candidates, true in caused)
    ac = [f"{fmean(s.ac[k - 1] for s in scores):.2f}" for k in (1, 3)]
    return ("guessing", str(len(caused)), *ac, f"{alone:.2f}", "0", "0", "")


def _share(values: Sequence[bool]) -> str:
    return f"{sum(values)} of {len(values)}" if values else ""


def _unseen(left_out: Sequence[tuple[str, Weights, list[Answer]]]) -> Iterator[str]:
    yield "\n## A kind of fault that it has not seen\n"
    yield (
        "Each kind of fault is scored with parameters that are the likeliest on all others that are not only to be "
        "scored, and on the healthy stretches of their drills (`tests/bench/serving_fit.py`); nobody, right: on "
        "its own healthy stretches.\n"
    )
    names = ("share", "slab", "tails", "floor", "follow", "nobody", "several")
    rows = []
    for kind, weights, some in left_out:
        fitted = ", ".join(f"{name} {value:g}" for name in names if (value := getattr(weights, name)))
        rows.append((*_row(kind, some)[:7], fitted))
    together = _row("all", [answer for _, _, some in left_out for answer in some])[:7]
    yield from markdown((*_COLUMNS[:7], "parameters"), [*rows, (*together, "")])


def _calibrated(plain: Sequence[Answer], left_out: Sequence[Answer]) -> Iterator[str]:
    yield "\n## Calibration\n"
    yield "Probability of the answer, against how often exactly the faulty components, or nobody, were named.\n"
    for name, some in (("shipped parameters", plain), ("parameters fitted without the kind", left_out)):
        found = calibration([(answer.sure, answer.right) for answer in some if answer.sure is not None])
        yield f"\nExpected calibration error with {name}: {found.error:.3f}.\n"
        rows = ((str(b.count), f"{b.probability:.2f}", f"{b.right:.2f}") for b in found.bins)
        yield from markdown(("answers", "mean probability", "share that was right"), rows)


def _beside(folders: Sequence[str]) -> Iterator[str]:
    if not folders:
        return
    yield "\n## Incidents of other systems\n"
    yield (
        "None of them is an LLM deployment, and hardly any component has peers. AC@1 and AC@3; the onset is the "
        "method's own: `serving` needs none, the others estimate it. Difference: of AC@1, `serving` less the better of "
        "the two, with its 95 % interval.\n"
    )
    rows = []
    for folder in folders:
        tell(folder)
        cases = load_cases([folder])
        true = {case.id: case.cause.components for case in cases}
        scores: dict[str, dict[str, tuple[float, ...]]] = defaultdict(dict)
        names = ("serving", *BESIDE)
        for record in evaluate.run(cases, names, cache_path=evaluate.answers_path(), modes=(ESTIMATED,)):
            scores[record.method][record.case] = score(record.places, true[record.case]).ac
        first = {name: {case: ac[0] for case, ac in some.items()} for name, some in scores.items()}
        better = max(BESIDE, key=lambda name: fmean(first[name].values()))
        beyond = difference(first["serving"], first[better])
        cells = [f"{fmean(first[n].values()):.2f}, {fmean(ac[2] for ac in scores[n].values()):.2f}" for n in names]
        candidates = fmean(len(case.topology.ids) for case in cases)
        chance = fmean(guessing(len(case.topology.ids), len(case.cause.components)).ac[0] for case in cases)
        rows.append(
            (
                folder.rstrip("/").rpartition("/")[2],
                str(len(cases)),
                f"{candidates:.0f}",
                f"{chance:.2f}",
                *cells,
                f"{beyond.loss:+.2f} ({beyond.low:+.2f} to {beyond.high:+.2f})",
            )
        )
    yield from markdown(
        ("set", "cases", "candidates", "guessing", "`serving`", "`nsigma`", "`baro`", "difference"), rows
    )


def _sizes() -> Iterator[str]:
    yield "\n## Replicas, time and memory\n"
    yield (
        "A made-up deployment, 300 samples of ten signals a replica, one of them slow; time of `rank` with its "
        "explanation, the median of three, measured on a busy machine: the ratios tell more than the seconds. Memory: "
        "the most that Python and numpy held beyond the incident.\n"
    )
    rows = []
    base: tuple[float, float] | None = None
    for replicas in SIZES:
        tell(f"{replicas} replicas")
        incident = synthetic.make(_components(replicas)).at(None)
        taken = []
        for _ in range(3):
            began = time.process_time()
            Serving().rank(incident, np.random.default_rng(0))
            taken.append(time.process_time() - began)
        tracemalloc.start()
        Serving().rank(incident, np.random.default_rng(0))
        memory = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        seconds = median(taken)
        base = base or (seconds, memory)
        rows.append(
            (str(replicas), f"{seconds:.2f}", f"{seconds / base[0]:.1f}", f"{memory:.0f}", f"{memory / base[1]:.1f}")
        )
    yield from markdown(("replicas", "CPU seconds", "× one replica", "MiB", "× one replica"), rows)


def _components(replicas: int) -> int:
    """Components of a made-up deployment with so many replicas: a gateway, and a node for every ten components."""
    return next(n for n in range(replicas + 2, 2 * replicas + 4) if n - 1 - max(1, n // 10) == replicas)
