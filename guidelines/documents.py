"""A checkup and the page of a check as documents, for terminals, files and notebooks alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cluster.display import Block, Cell, Code, Document, Grid, Line, Title, Tone, document
from guidelines.checkup import Report
from guidelines.modes import MODES
from guidelines.prices import measured
from guidelines.types import Finding, Guideline, Verdict

GLYPHS = {Verdict.PASS: "●", Verdict.FAIL: "✖", Verdict.UNKNOWN: "○"}
BLIND = "Faults you cannot diagnose with this telemetry"


@document.register
def summary(shown: Report) -> Document:
    """Score, one row a check, and whom the failures leave blind."""
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
        Line(f"Score: {shown.score} checks pass, {fail} fail, {unknown} are not known. Not known is no pass."),
        Grid.of(("#", "check", "answer", "seen"), rows, whole="answer"),
        *blindness(shown),
    )


def blindness(shown: Report) -> Document:
    """What cannot be diagnosed, what may not be, and which methods and failure modes that touches."""
    blocks: list[Block] = [Title(BLIND)]
    if shown.blind_faults:
        blocks.append(_by_checks("fault", shown.blind_faults))
    else:
        blocks.append(Line("None that a failed check names."))
    if shown.doubtful_faults:
        blocks += [
            Title("Not known whether you could"),
            _by_checks("fault", shown.doubtful_faults),
        ]
    if shown.blind_methods:
        blocks += [Title("Methods that miss what they read"), _by_checks("method", shown.blind_methods)]
    if shown.blind_modes:
        named = {f"{number} {MODES[number].name}": checks for number, checks in shown.blind_modes.items()}
        blocks += [Title("Failure modes that leave no trace, or not enough of one"), _by_checks("mode", named)]
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
    """One check: what was seen, what it looks for, what to change, why, what it hides, what its absence has cost."""
    blocks: list[Block] = [Title(f"{shown.number}. {shown.title}")]
    if finding is not None:
        tone = Tone.WARNING if finding.verdict is Verdict.FAIL else Tone.PLAIN
        blocks.append(Line(f"{finding.verdict.value.capitalize()}: {finding.saw}.", tone))
    blocks += [Line(shown.what), *changes(shown), Line(shown.why), *(Line(seen, Tone.QUIET) for seen in shown.evidence)]
    return (*blocks, *hides(shown), *price(shown))


def changes(shown: Guideline) -> Document:
    return tuple(block for change in shown.change for block in (Line(f"{change.where}:"), Code(change.setting)))


def hides(shown: Guideline) -> Document:
    """Whom it leaves blind when it fails, and what it was derived from."""
    modes = "; ".join(f"{number} {MODES[number].name}" for number in shown.modes)
    return (
        Line(f"When it fails it hides {', '.join(shown.faults)}, and the failure modes {modes}."),
        Line(f"Methods that then miss what they read: {', '.join(shown.methods)}."),
        Line(f"From {shown.origin.value}.", Tone.QUIET),
    )


def price(shown: Guideline) -> Document:
    """The ablation: what taking it away has cost on recorded drills, guessing beside it."""
    if shown.not_removed:
        return (Line(f"Not measured: {shown.not_removed}.", Tone.QUIET),)
    table = measured()
    prices = table.of(shown.name) if table else ()
    if table is None or not prices:
        return (Line("Not measured yet: rca-tui ablate does that.", Tone.QUIET),)
    kinds = ", ".join(f"{count} {fault}" for fault, count in table.faults.items())
    rows: list[tuple[Cell, ...]] = [("guessing", table.guessing, table.guessing, None, None, None)]
    rows += [
        (p.removal, p.before, p.after, f"{p.cost:+.2f}", f"{p.low:+.2f} to {p.high:+.2f}", p.methods) for p in prices
    ]
    columns = ("without it", "AC@1 whole", "AC@1 without", "cost", "95 %", "methods")
    return (
        Line(f"Taken away from {table.incidents} recorded drills ({kinds}) and ranked again (rca-tui ablate):"),
        Grid.of(columns, rows, right="cost methods"),
        *(Line(p.claim, Tone.QUIET) for p in prices),
    )


def _by_checks(what: str, found: Mapping[str, Sequence[str]]) -> Grid:
    """Those that share their failed checks stand in one row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for name, checks in found.items():
        rows.setdefault(tuple(checks), []).append(name)
    return Grid.of((f"{what}s", "because of"), ((", ".join(names), ", ".join(c)) for c, names in rows.items()))
