"""The steps of the way, each a command with what it must answer, and the report about them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

_ENGINE = re.compile(r"(?:.*-)?(?:replicas?|decode|worker)-\d+")
_LONGEST = 3600.0  # s of one command; a drill takes five minutes, a chart twenty
_TAIL = 400  # characters of an error that a report repeats

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One command that was run.

    Attributes:
        wrong: why it did not do what it must, "" when it did.
        ended: whether it ended by itself, and was not stopped.
    """

    name: str
    seconds: float
    wrong: str = ""
    ended: bool = True


@dataclass
class Story:
    """Runs the steps and keeps what each answered in `folder`.

    Args:
        program: how rca-tui is called.
        say: is told of each step before it runs, and how it ended.
    """

    context: str
    folder: Path
    fault: str
    target: str
    seconds: float
    program: Sequence[str]
    say: Say
    steps: list[Step] = field(default_factory=list)

    def commands(self) -> list[str]:
        """What `run` will run, for a person; the target is found in the status unless it was named."""
        way = (self._doctor(), self._status(), self._drill(), self._diagnose(), self._recover())
        return [shlex.join(argv) for argv in way]

    def run(self) -> None:
        """All steps, as far as they go. What was injected is undone whatever happens."""
        try:
            self._answer("doctor", self._doctor(), _healthy)
            status = self._answer("status", self._status(), _live)
            self.target = self.target or _engine(status)
            if not self.target:
                self.steps.append(Step("target", 0.0, "no replica is among the components: name one with --target"))
                return
            self._answer("drill", self._drill(), lambda said: "" if said.get("whole") else str(said.get("detail")))
            if self._incident.exists():
                self._answer("diagnose", self._diagnose(), self._right)
        finally:
            self.shell("recover", self._recover())

    def await_live(self, seconds: float) -> None:
        """Wait until the deployment is LIVE, so long at most; it is no step."""
        self.say(f"waiting until the deployment is live, {seconds:.0f} s at most")
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            try:
                done = _run(self._status(), 60.0)
                if not _live(json.loads(done.stdout)):
                    return
            except (OSError, subprocess.TimeoutExpired, ValueError, AttributeError):
                pass  # not yet
            time.sleep(min(10.0, max(0.0, ends - time.monotonic())))

    def shell(self, name: str, argv: Sequence[str], kind: str = "txt", cwd: Path | None = None) -> str:
        """Run a command as a step; its output, which is kept in a file as well, and so is what it says of errors."""
        command = shlex.join(argv)
        self.say(f"{name}: {command}")
        began, ended = time.monotonic(), True
        try:
            done = _run(argv, _LONGEST, cwd)
            content, said = done.stdout, done.stderr
            wrong = f"exit code {done.returncode}: {said[-_TAIL:]}" if done.returncode else ""
        except (OSError, subprocess.TimeoutExpired) as error:
            content, said, wrong, ended = "", "", str(error)[-_TAIL:], False
        file = self.folder / f"{len(self.steps):02}-{name}.{kind}"
        file.write_text(content, encoding="utf-8")
        if said:
            file.with_suffix(".err").write_text(said, encoding="utf-8")
        self.steps.append(Step(name, time.monotonic() - began, wrong, ended))
        return content

    @property
    def passed(self) -> bool:
        """Whether every step so far did what it must."""
        return not any(step.wrong for step in self.steps)

    def report(self) -> str:
        """Markdown without names of the cluster: those stand in the files beside it."""
        rows = [
            f"| {step.name} | {'failed' if step.wrong else 'passed'} | {step.seconds:.0f} s |" for step in self.steps
        ]
        verdict = [step for step in self.steps if step.name == "diagnose"]
        found = "did not blame it" if any(step.wrong for step in verdict) else "blamed it"
        drilled = (
            f"{self.fault} for {self.seconds:g} s on one replica; the verdict {found}." if verdict else "No drill."
        )
        doctor = self.folder / "doctor.md"
        return "\n".join(
            (
                "# The whole way on a cluster",
                "",
                drilled if verdict else "No drill.",
                "",
                "| step | result | took |",
                "|---|---|---|",
                *rows,
                "",
                doctor.read_text(encoding="utf-8") if doctor.exists() else "The doctor wrote no report.",
            )
        )

    # -- the commands -------------------------------------------------------------------------------------------

    @property
    def _incident(self) -> Path:
        return self.folder / "incident.zip"

    def _doctor(self) -> list[str]:
        return [*self._in_cluster(), "doctor", "--report", str(self.folder / "doctor.md"), "--json"]

    def _status(self) -> list[str]:
        return [*self._in_cluster(), "status", "--json"]

    def _drill(self) -> list[str]:
        lasting = ("--seconds", f"{self.seconds:g}", "--save", str(self._incident), "--yes", "--json")
        return [*self._in_cluster(), "drill", self.fault, "--target", self.target or "REPLICA", *lasting]

    def _diagnose(self) -> list[str]:
        return [*self.program, "diagnose", str(self._incident), "--json"]

    def _recover(self) -> list[str]:
        return [*self.program, "recover", "--json"]

    def _in_cluster(self) -> list[str]:
        return [*self.program, "--context", self.context]

    # -- what they answer ---------------------------------------------------------------------------------------

    def _answer(self, name: str, argv: Sequence[str], judge: Callable[[dict[str, Any]], str]) -> dict[str, Any]:
        """Run it and judge its JSON; where there is none, its exit code and error stand."""
        content = self.shell(name, argv, "json")
        try:
            said = json.loads(content)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            return {}
        wrong = str(said["error"]) if "error" in said else judge(said)
        self.steps[-1] = replace(self.steps[-1], wrong=wrong or self.steps[-1].wrong)
        return said

    def _right(self, said: dict[str, Any]) -> str:
        named = _named(said.get("verdict") or {})
        return "" if self.target in named else f"the verdict names {', '.join(named) or 'nobody'}, not {self.target}"


def _run(argv: Sequence[str], seconds: float, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Without an input: nobody is there to answer. Raises OSError and subprocess.TimeoutExpired."""
    return subprocess.run(
        argv, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace",
        timeout=seconds, check=False,
    )  # fmt: skip


def _healthy(said: dict[str, Any]) -> str:
    checks = [one for one in said.get("checks") or [] if isinstance(one, dict)]
    failed = ", ".join(str(one.get("name")) for one in checks if one.get("verdict") == "fail")
    return "" if said.get("ok") else f"these checks fail: {failed}"


def _live(status: dict[str, Any]) -> str:
    return "" if status.get("liveness") == "LIVE" else f"the deployment is {status.get('liveness', 'not there')}"


def _engine(status: dict[str, Any]) -> str:
    names = [str(one.get("component", "")) for one in status.get("components") or [] if isinstance(one, dict)]
    return next((name for name in sorted(names) if _ENGINE.fullmatch(name)), "")


def _named(verdict: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(one.get("component")) for one in verdict.get("components") or [] if isinstance(one, dict))
