"""Reports and the pages of checks as documents, for terminals, files and notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cluster.display import Block, Cell, Code, Document, Grid, Line, Title, Tone, document
from guidelines.blind_spots import MODES
from guidelines.checkup import Report
from guidelines.prices import measured
from guidelines.types import Finding, Guideline, Verdict

GLYPHS = {Verdict.PASS: "●", Verdict.FAIL: "✖", Verdict.UNKNOWN: "○"}
BLIND = "Faults you cannot diagnose with this telemetry"


@document.register
def summary(shown: Report) -> Document:
    """The score, one row a check, and what the failures hide."""
    fail, unknown = shown.count(Verdict.FAIL), shown.count(Verdict.UNKNOWN)
    rows = (
        (
            each.guideline.number,
            each.guideline.title,
            f"{GLYPHS[each.finding.verdict]} {each.finding.verdict.value}",
            each.finding.saw,
        )
        for each in shown.checked
    )
    return (
        Title(f"Observability of {shown.name}"),
        Line(f"Score: {shown.score} checks pass, {fail} fail, {unknown} are unknown. Unknown is not a pass."),
        Grid.of(("#", "check", "answer", "evidence"), rows, whole="answer"),
        *blindness(shown),
    )


def blindness(shown: Report) -> Document:
    """What cannot be diagnosed, what perhaps cannot, and the methods and failure modes that are affected."""
    blocks: list[Block] = [Title(BLIND)]
    if shown.blind_faults:
        blocks.append(_by_checks("fault", shown.blind_faults))
    else:
        blocks.append(Line("None: no failed check names a fault."))
    if shown.doubtful_faults:
        blocks += [
            Title("Unknown whether you can diagnose"),
            _by_checks("fault", shown.doubtful_faults),
        ]
    if shown.blind_methods:
        blocks += [Title("Methods that lack an input"), _by_checks("method", shown.blind_methods)]
    if shown.blind_modes:
        named = {f"{number} {MODES[number].name}": checks for number, checks in shown.blind_modes.items()}
        blocks += [Title("Failure modes that leave no trace, or too little"), _by_checks("mode", named)]
    return tuple(blocks)


def whole(shown: Report) -> Document:
    """The summary, then the page of every check that does not pass."""
    pages = (
        block
        for each in shown.checked
        if each.finding.verdict is not Verdict.PASS
        for block in page(each.guideline, each.finding)
    )
    return (*summary(shown), *pages)


def fixes(shown: Report) -> Document:
    """What to change for each check that fails."""
    blocks: list[Block] = []
    for each in shown.checked:
        if each.finding.verdict is Verdict.FAIL:
            blocks += [Title(f"Fix {each.guideline.number}, {each.guideline.title}"), *changes(each.guideline)]
    return tuple(blocks)


def page(shown: Guideline, finding: Finding | None = None) -> Document:
    """One check: what was found, what to set, what it looks for, why, what a failure hides, and its measured cost."""
    blocks: list[Block] = [Title(f"{shown.number}. {shown.title}")]
    if finding is not None:
        tone = Tone.WARNING if finding.verdict is Verdict.FAIL else Tone.PLAIN
        blocks.append(Line(f"{finding.verdict.value.capitalize()}: {finding.saw}.", tone))
    first, then = ((Line(shown.what),), changes(shown)) if finding is None else (changes(shown), (Line(shown.what),))
    blocks += [*first, *then, Line(shown.why), *(Line(seen, Tone.QUIET) for seen in shown.evidence)]
    return (*blocks, *hides(shown), *price(shown))


def changes(shown: Guideline) -> Document:
    return tuple(block for change in shown.change for block in (Line(f"{change.where}:"), Code(change.setting)))


def hides(shown: Guideline) -> Document:
    """What it hides when it fails, and what it was derived from."""
    modes = "; ".join(f"{number} {MODES[number].name}" for number in shown.modes)
    return (
        Line(f"A failure hides the faults {', '.join(shown.faults)} and the failure modes {modes}."),
        Line(f"Methods that then lack an input: {', '.join(shown.methods)}."),
        Line(f"Derived from {shown.origin.value}.", Tone.QUIET),
    )


def price(shown: Guideline) -> Document:
    """The ablation: AC@1 lost on recorded drills when its telemetry is removed, beside guessing."""
    if shown.not_removed:
        return (Line(f"Not measured: {shown.not_removed}.", Tone.QUIET),)
    table = measured()
    prices = table.of(shown.name) if table else ()
    if table is None or not prices:
        return (Line("Not measured yet: run `rca-tui ablate`.", Tone.QUIET),)
    kinds = ", ".join(f"{count} {fault}" for fault, count in table.faults.items())
    rows: list[tuple[Cell, ...]] = [("guessing", table.guessing, table.guessing, None, None, None)]
    rows += [
        (p.removal, p.before, p.after, f"{p.cost:+.2f}", f"{p.low:+.2f} to {p.high:+.2f}", p.methods) for p in prices
    ]
    columns = ("without it", "AC@1 whole", "AC@1 without", "cost", "95 %", "methods")
    return (
        Line(f"Removed from {table.incidents} recorded drills ({kinds}) and ranked again (`rca-tui ablate`):"),
        Grid.of(columns, rows, right="cost methods"),
        *(Line(p.claim, Tone.QUIET) for p in prices),
    )


def _by_checks(what: str, found: Mapping[str, Sequence[str]]) -> Grid:
    """One row for all names with the same failed checks."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for name, checks in found.items():
        rows.setdefault(tuple(checks), []).append(name)
    return Grid.of((f"{what}s", "because of"), ((", ".join(names), ", ".join(c)) for c, names in rows.items()))
