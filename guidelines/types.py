"""Guideline, Finding, Verdict: the shapes that all checks share.

How a check is written. One module `guidelines/checks/<name>.py` with one constant `GUIDELINE` and the function that it
names, its name in `guidelines.catalog`, held to `tests/guidelines/test_guideline_contract.py`. The constant is the
page: `why` says what is not visible without it, `evidence` where that was observed, `change` what to set and where.
Faults and methods are named as in the catalogues of `faults` and `methods`, which are not imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from cluster.incident.model import Incident
from guidelines.blind_spots import MODES
from guidelines.survey import Survey


class Verdict(StrEnum):
    """The answer of a check. UNKNOWN: the telemetry does not say; it never counts as a pass."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    UNKNOWN = "unknown"


class Origin(StrEnum):
    """What a check was derived from."""

    STUDY = "the study's themes"
    CODE = "the study's published code"
    FIELD = "field reports"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of a check, and the evidence `saw`: one or two sentences.

    `blind` and `modes` are the faults and failure modes that this finding hides, if it is not all of the check's.
    """

    verdict: Verdict
    saw: str
    blind: tuple[str, ...] | None = None
    modes: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What to set: `where` is the program or file, `setting` the exact text, one setting a line."""

    where: str
    setting: str


@dataclass(frozen=True, slots=True)
class Removal:
    """Removes from an incident what a check asks for. `does` completes the sentence "ranked again …"."""

    name: str
    does: str
    apply: Callable[[Incident], Incident]


@dataclass(frozen=True, slots=True)
class Guideline:
    """One check and its page.

    Attributes:
        number: its place in the list; the catalogue numbers those of other packages.
        name: what `--json` and the command line call it.
        title: the desired state, in a few words.
        origin: what it was derived from.
        what: what the check looks for, one sentence.
        why: what goes wrong without it.
        evidence: where that was observed.
        change: what to set.
        faults: catalogue names of the faults that cannot be diagnosed when it fails.
        methods: catalogue names of the methods that lack an input when it fails.
        modes: numbers of the failure modes (`guidelines.blind_spots.MODES`) that leave no trace when it fails.
        signals: canonical signals that it asks for.
        look: answers the check from a survey.
        removals: empty if recorded drills contain nothing to remove; `not_removed` then says why.

    Raises:
        ValueError: a failure mode has no such number.
    """

    number: int
    name: str
    title: str
    origin: Origin
    what: str
    why: str
    evidence: tuple[str, ...]
    change: tuple[Change, ...]
    faults: tuple[str, ...]
    methods: tuple[str, ...]
    modes: tuple[int, ...]
    look: Callable[[Survey], Finding]
    signals: tuple[str, ...] = ()
    removals: tuple[Removal, ...] = ()
    not_removed: str = ""

    def __post_init__(self) -> None:
        if strange := set(self.modes) - set(MODES):
            raise ValueError(f"{self.name}: there is no failure mode {min(strange)}")


def passes(saw: str) -> Finding:
    """A pass; `saw` is the evidence, one or two sentences."""
    return Finding(Verdict.PASS, saw)


def fails(saw: str, blind: Iterable[str] | None = None, modes: Iterable[int] | None = None) -> Finding:
    """A failure; `blind` and `modes` as in `Finding`, in any order and several times."""
    return Finding(
        Verdict.FAIL,
        saw,
        None if blind is None else tuple(dict.fromkeys(blind)),
        None if modes is None else tuple(dict.fromkeys(modes)),
    )


def unknown(saw: str) -> Finding:
    """No answer: `saw` says what is missing to tell."""
    return Finding(Verdict.UNKNOWN, saw)
