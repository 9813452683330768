"""What the methods answer, as documents: `python -m tests.bench.evaluation` writes both anew.

    docs/measured/methods-evaluation.md  the shipped drills, every set of ../shared/data, the public code beside ours
    notebooks/answers.jsonl              each answer on the shipped drills, for notebook 6

The figures are those of `rca-tui evaluate --json`, which takes from its cache what it has answered before: a run that
was stopped continues where it was.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from cluster.incident import library
from methods.evaluation import evaluate
from methods.evaluation.cases import load_cases
from methods.evaluation.measures import interval, score
from tests.bench import agreement
from tests.bench.serving_cases import HEALTHY, by_simple_rule, drawn_drills, trials
from tests.bench.tables import REPOSITORY, markdown

DOCUMENT = REPOSITORY / "docs" / "measured" / "methods-evaluation.md"
ANSWERS = REPOSITORY / "notebooks" / "answers.jsonl"
DEADLINE = 60.0
_COLUMNS = ("AC@1 (95 %)", "AC@3", "Avg@5", "MRR", "no ranking", "AC@1, onset given", "seconds", "blamed instead")
_INTRODUCTION = """# What the methods answer

Written by `python -m tests.bench.evaluation`; each part names the command that gives its figures alone. All scores:
ties by expectation, no ranking is a miss, intervals are 95 % bootstrap over cases. First stand guessing, the callee
whose calls are slowest beside those of the others (*simple rule*, on the drills), and the Borda count of all methods
that ranked (`methods/answer/consensus.py`). The onset is estimated from the front door's SLI, as in operation; one
column has the score with the true onset. "Blamed instead" counts the cases in which another component stood first, a
tie in shares. Methods are ordered by MRR. Seconds are those of the clock, on a machine that may have done other work.

All answers are from one machine. Another processor rounds differently: `git diff notebooks/answers.jsonl` after the
command above shows where that changes an order; it is known of `causalrca`, which trains a network, and of
`lingam_randomwalk`.

Only the drills are shipped. Cases of other systems are read from folders of cases in RCAEval's layout under
`../shared/data` or `$RCA_SHARED_DATA`; a set that is missing is left out when this page is written again.
"""
_SETS = """**By how a drill came about**

AC@1 (95 %), onset estimated, of the drills with a cause. *Chosen*: fault, target and intensity by hand, at one steady
load. *Drawn*: all of it from a seed, weak to crushing, half while the load changes; see `faults.recording.recipe`:
one part is for development, nothing is tuned on the scored one."""
_BESIDE = """## Beside the public code

`python -m tests.bench agreement`: the same cases, the same four metrics a service, and the onset given, as the study's
published code had them. Its answers are recorded; only cases that it answered count.
"""


def main() -> None:
    drills = _evaluate()
    _keep_answers()
    shown = _part(drills, "rca-tui evaluate", _simple_rule())
    parts = [_INTRODUCTION, "## The shipped drills", *shown, *_sets()]
    data = Path(os.environ.get("RCA_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    for folder in sorted(path for path in data.iterdir() if path.is_dir()) if data.is_dir() else ():
        summary = _evaluate(str(folder))
        parts += [f"## {folder.name}", *_part(summary, f"rca-tui evaluate ../shared/data/{folder.name}")]
    parts += [_BESIDE, *_beside()]
    DOCUMENT.write_text("\n\n".join(part.strip("\n") for part in parts) + "\n")


def _evaluate(*named: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "rca_tui", "evaluate", "--json", "--deadline", f"{DEADLINE:g}", *named]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=REPOSITORY)
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def _keep_answers() -> None:
    """What `_evaluate` has just put into its cache."""
    records = evaluate.run(load_cases([]), deadline=DEADLINE, cache_path=evaluate.answers_path())
    lines = [json.dumps(asdict(record)) for record in sorted(records, key=lambda r: (r.case, r.method, r.mode))]
    ANSWERS.write_text("\n".join(lines) + "\n")


def _simple_rule() -> list[str]:
    """The row of the simple rule on the shipped drills: it needs no onset, and answers always."""
    answers = [by_simple_rule(trial) for trial in trials()[0] if trial.kind != HEALTHY and trial.true]
    scores = [score(answer.places, answer.trial.true) for answer in answers]
    first = [one.ac[0] for one in scores]
    low, high = interval(first)
    measured = (fmean(one.ac[2] for one in scores), fmean(one.avg for one in scores), fmean(one.mrr for one in scores))
    accuracy = f"{fmean(first):.2f} ({low:.2f}–{high:.2f})"
    return ["*simple rule*", "", accuracy, *(f"{m:.2f}" for m in measured), "0%", f"{fmean(first):.2f}", "", ""]


def _part(summary: dict[str, Any], command: str, *beside: list[str]) -> Iterator[str]:
    onset = summary["onset"]
    without = f", {quiet} without" if (quiet := summary["no_cause"]["cases"]) else ""
    counted = f"{summary['cases']} incidents with a cause{without}, {summary['candidates']} candidates each on average"
    yield f"`{command}`: {counted}. {_onset(onset)}"
    yield "\n".join(_table(summary, beside))
    yield "AC@1 by fault, onset estimated:"
    yield "\n".join(_by_fault(summary["by_fault"]))
    if quiet:
        nobody = f"Nobody is to blame in {quiet} more (the load changes, or nothing does)"
        yield f"{nobody}, where the right answer is no ranking:"
        yield "\n".join(_no_cause(summary["no_cause"]["methods"]))


def _sets() -> Iterator[str]:
    """The same answers, apart for the drills that people chose and the two parts that a seed drew."""
    drawn = drawn_drills()
    if not drawn:
        return
    shipped = [listing.name for listing in library.listings() if listing.shipped]
    chosen = [name for name in shipped if not any(name in part for part in drawn.values())]
    columns: dict[str, dict[str, str]] = {}
    for title, names in (("chosen", chosen), *((f"drawn, {part}", sorted(names)) for part, names in drawn.items())):
        summary = _evaluate(*names)
        column = {"*guessing*": f"{summary['guessing']['ac@1']:.2f}"}
        for row in (summary["consensus"], *summary["methods"]):
            low, high = row["ci"]["ac@1"]
            column[f"`{row['method']}`"] = f"{row['ac@1']:.2f} ({low:.2f}–{high:.2f})"
        columns[f"{title}: {summary['cases']}"] = column
    yield _SETS
    names = dict.fromkeys(name for column in columns.values() for name in column)
    yield "\n".join(markdown(("", *columns), ([name, *(c[name] for c in columns.values())] for name in names)))


def _onset(onset: dict[str, Any]) -> str:
    if not onset["estimated"]:
        return "No onset was found in any."
    earliest, latest = onset["range_s"]
    return (
        f"Of all {onset['estimated'] + onset['not_found']} the onset was found in {onset['estimated']}, "
        f"{onset['median_error_s']:+.0f} s off in the median ({onset['median_absolute_error_s']:.0f} s absolute, "
        f"{earliest:+.0f} to {latest:+.0f} s), and not found in {onset['not_found']}."
    )


def _table(summary: dict[str, Any], beside: Sequence[list[str]]) -> Iterator[str]:
    guess = summary["guessing"]
    chance = [f"{guess[m]:.2f}" for m in ("ac@1", "ac@3", "avg@5", "mrr")]
    joint = summary["consensus"]
    rows = [["*guessing*", "", *chance, "", chance[0], "", ""], *beside]
    for row in (joint, *sorted(summary["methods"], key=lambda r: (-r["mrr"], r["method"]))):
        low, high = row["ci"]["ac@1"]
        blamed = [f"{who} {count:.3g}" for who, count in row["blamed"].items() if count and who != "none"]
        rows.append(
            [
                f"*{row['method']}*" if row is joint else row["method"],
                row.get("family", ""),
                f"{row['ac@1']:.2f} ({low:.2f}–{high:.2f})",
                *(f"{row[m]:.2f}" for m in ("ac@3", "avg@5", "mrr")),
                f"{row['no_ranking']:.0%}",
                f"{row['given']['ac@1']:.2f}",
                "" if row is joint else f"{row['seconds']:.2g}",
                ", ".join(blamed) or "–",
            ]
        )
    yield from markdown(("method", "family", *_COLUMNS), rows)


def _by_fault(faults: Sequence[dict[str, Any]]) -> Iterator[str]:
    rows: dict[str, list[str]] = {
        "cases": [str(fault["cases"]) for fault in faults],
        "*guessing*": [f"{fault['guessing']['ac@1']:.2f}" for fault in faults],
        "*consensus*": [f"{fault['consensus']['ac@1']:.2f}" for fault in faults],
    }
    for fault in faults:
        for row in fault["methods"]:
            rows.setdefault(row["method"], []).append(f"{row['ac@1']:.2f}")
    yield from markdown(("", *(fault["fault"] for fault in faults)), ([name, *cells] for name, cells in rows.items()))


def _no_cause(methods: Sequence[dict[str, Any]]) -> Iterator[str]:
    rows = [
        [
            row["method"],
            f"{row['blamed_somebody']} of {row['cases']}",
            ", ".join(f"{who} {count:.3g}" for who, count in row["blamed"].items() if count) or "–",
        ]
        for row in methods
    ]
    yield from markdown(("method", "blames somebody", "whom first"), rows)


def _beside() -> Iterator[str]:
    causes: dict[str, str] = {}
    for one in agreement.comparisons((), DEADLINE):
        yield f"**{one.title}**"
        yield "\n".join(markdown(agreement.COLUMNS, one.rows))
        causes |= one.causes
    yield "\n".join(f"- {remark}" for remark in agreement.REMARKS)
    yield "Why they differ:"
    yield "\n".join(f"- `{method}`: {why}." for method, why in sorted(causes.items()))


if __name__ == "__main__":
    main()
