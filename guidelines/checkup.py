"""All checks over one survey, and the faults and methods that their failures affect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from cluster.display import Displayable
from cluster.text.plain import plain
from guidelines import catalog
from guidelines.blind_spots import MODES
from guidelines.survey import Survey
from guidelines.types import Finding, Guideline, Verdict, unknown

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Checked:
    """A check and its answer."""

    guideline: Guideline
    finding: Finding

    @property
    def blind(self) -> tuple[str, ...]:
        """Faults that the finding hides unless it is a pass."""
        return self.guideline.faults if self.finding.blind is None else self.finding.blind

    @property
    def modes(self) -> tuple[int, ...]:
        """Failure modes that the finding hides unless it is a pass."""
        return self.guideline.modes if self.finding.modes is None else self.finding.modes


@dataclass(frozen=True)
class Report(Displayable):
    """The answers of all checks to one survey.

    Attributes:
        name: of the deployment or incident.
        live: read from a live deployment, not from a saved incident.
        checked: every check, in the order of the list.
    """

    name: str
    live: bool
    checked: tuple[Checked, ...]

    def count(self, verdict: Verdict) -> int:
        return sum(c.finding.verdict is verdict for c in self.checked)

    @property
    def score(self) -> str:
        """Passes over all checks; an unknown answer is not a pass."""
        return f"{self.count(Verdict.PASS)} of {len(self.checked)}"

    @property
    def blind_faults(self) -> Mapping[str, tuple[str, ...]]:
        """Faults that cannot be diagnosed with this telemetry -> the checks that fail."""
        return self._checks_by(Verdict.FAIL, lambda each: each.blind)

    @property
    def doubtful_faults(self) -> Mapping[str, tuple[str, ...]]:
        """Faults of unknown checks -> those checks; without the faults in `blind_faults`."""
        doubtful = self._checks_by(Verdict.UNKNOWN, lambda each: each.blind)
        return {fault: checks for fault, checks in doubtful.items() if fault not in self.blind_faults}

    @property
    def blind_methods(self) -> Mapping[str, tuple[str, ...]]:
        """Methods that lack an input -> the checks that fail."""
        return self._checks_by(Verdict.FAIL, lambda each: each.guideline.methods)

    @property
    def blind_modes(self) -> Mapping[int, tuple[str, ...]]:
        """Numbers of `guidelines.blind_spots` that leave no trace here -> the checks that fail."""
        return dict(sorted(self._checks_by(Verdict.FAIL, lambda each: each.modes).items()))

    def _checks_by(self, verdict: Verdict, what: Callable[[Checked], Iterable[_T]]) -> dict[_T, tuple[str, ...]]:
        found: dict[_T, list[str]] = {}
        for each in self.checked:
            if each.finding.verdict is verdict:
                for name in what(each):
                    found.setdefault(name, []).append(each.guideline.name)
        return {name: tuple(checks) for name, checks in found.items()}


def run(survey: Survey, guidelines: Sequence[Guideline] | None = None) -> Report:
    """Run every check, or those given, on the survey. A check that raises is UNKNOWN."""
    chosen = catalog.entries() if guidelines is None else guidelines
    return Report(survey.name, survey.live, tuple(Checked(g, _answer(g, survey)) for g in chosen))


def _answer(guideline: Guideline, survey: Survey) -> Finding:
    try:
        return guideline.look(survey)
    except Exception as error:  # also code of other packages: one failing check must not hide the others
        return unknown(plain(f"the check itself failed: {type(error).__name__}: {error}"))


def as_data(report: Report) -> dict[str, Any]:
    """The shape of `rca-tui check --json`."""
    return {
        "name": report.name,
        "live": report.live,
        "checks": len(report.checked),
        **{verdict.value: report.count(verdict) for verdict in Verdict},
        "cannot_diagnose": {fault: list(checks) for fault, checks in report.blind_faults.items()},
        "not_known_whether": {fault: list(checks) for fault, checks in report.doubtful_faults.items()},
        "blind_methods": {method: list(checks) for method, checks in report.blind_methods.items()},
        "blind_modes": [
            {"number": number, "name": MODES[number].name, "checks": list(checks)}
            for number, checks in report.blind_modes.items()
        ],
        "results": [
            {
                "number": each.guideline.number,
                "name": each.guideline.name,
                "title": each.guideline.title,
                "status": each.finding.verdict.value,
                "verdict": each.finding.verdict.value,
                "saw": each.finding.saw,
                "change": [{"where": c.where, "setting": c.setting} for c in each.guideline.change],
                "faults": list(each.blind),
                "methods": list(each.guideline.methods),
                "modes": list(each.modes),
            }
            for each in report.checked
        ],
    }
