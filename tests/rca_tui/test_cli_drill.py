from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import held
from typer.testing import CliRunner

from faults import blind, catalog, drill, recover, scenario_drill
from faults.drill import DrillReport, Progress
from faults.effects import Landing, Measured
from faults.errors import BadParameters, InjectionFailed, Refused
from faults.states import Phase, State, Undone
from faults.types import Direction, Role
from rca_tui.__main__ import app
from rca_tui.commands import confirmation, connection

MEASURED = Measured(Role.TARGET, "replica-1", "cpu_usage", Direction.UP, 2.0, 0.5, 1.5, None, Landing.LANDED)
WHOLE = DrillReport(
    injection="20260101T000000-00000000",
    fault="cpu-stress",
    target="replica-1",
    parameters={"workers": 8},
    state=State.RECOVERED,
    clean=True,
    detail="",
    command="",
    aborted="",
    landing=Landing.LANDED,
    effects=(MEASURED,),
    sli=(),
    injected_at=1.0,
    reverted_at=2.0,
    saved=None,
)
DRILL = ("drill", "cpu-stress", "--target", "replica-1", "--yes")


class Deployment:
    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    from cluster.local.deployment import LocalDeployment

    connected = Deployment()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(LocalDeployment, "connect", lambda: connected)
    return connected


@pytest.fixture
def drilled(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., DrillReport]], None]:
    return lambda fake: monkeypatch.setattr(drill, "run", fake)


def test_states_are_told_as_they_happen_and_the_report_follows(
    drilled: Any, deployment: Deployment, tmp_path: Path
) -> None:
    asked: dict[str, Any] = {}

    def fake(*arguments: Any, progress: Callable[[Progress], None], **options: Any) -> DrillReport:
        asked.update(options, arguments=arguments)
        for phase in (Phase.BASELINE, Phase.INJECTING, Phase.ACTIVE, Phase.ACTIVE, Phase.REVERTING):
            progress(Progress(phase, 30.0))
        return dataclasses.replace(WHOLE, saved=options["save"])

    drilled(fake)
    target = tmp_path / "x.zip"
    result = CliRunner().invoke(
        app, [*DRILL, "--seconds", "5", "--param", "workers=8", "--param", "how=hard", "--save", str(target)]
    )
    assert result.exit_code == 0, result.output
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == [
        "BASELINE",
        "INJECTING",
        "ACTIVE",
        "REVERTING",
    ]
    assert "RECOVERED" in result.stdout.upper()
    assert "cpu_usage" in result.stdout
    assert asked["arguments"] == (deployment, "cpu-stress", "replica-1", {"workers": 8, "how": "hard"})
    assert (asked["armed"], asked["seconds"], asked["save"]) == (True, 5.0, target)
    assert deployment.closed


def test_json_goes_to_stdout_alone(drilled: Any) -> None:
    drilled(lambda *_, **options: dataclasses.replace(WHOLE, saved=options["save"]))
    result = CliRunner().invoke(app, [*DRILL, "--json"])
    told = held("drill", result.stdout)
    assert (told["state"], told["landing"], told["whole"]) == ("RECOVERED", "landed", True)
    assert re.search(r"/incidents/drill-\d+\.zip$", told["saved"])


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_blind_drill_tells_neither_fault_nor_component(
    drilled: Any, monkeypatch: pytest.MonkeyPatch, as_json: tuple[str, ...]
) -> None:
    monkeypatch.setattr(blind, "draw", lambda deployment: ("cpu-stress", "replica-1"))

    def fake(*arguments: Any, progress: Callable[[Progress], None], **options: Any) -> DrillReport:
        assert arguments[1:] == ("cpu-stress", "replica-1", {})
        for phase in Phase:
            progress(Progress(phase, 3.0))
        return dataclasses.replace(WHOLE, saved=options["save"])

    drilled(fake)
    result = CliRunner().invoke(app, ["drill", "--blind", "--yes", *as_json])
    assert result.exit_code == 0, result.output
    assert "RECOVERED" in result.stdout
    assert re.search(r"drill-\d+\.zip", result.stdout)
    for word in ("cpu", "stress", "replica", "workers"):
        assert word not in result.output
    if as_json:
        held("drill", result.stdout, which=1)


def test_stuck_is_exit_code_1_with_the_command_for_a_person(drilled: Any) -> None:
    drilled(lambda *_, **__: dataclasses.replace(WHOLE, state=State.STUCK, clean=False, detail="no", command="kill 7"))
    result = CliRunner().invoke(app, DRILL)
    assert result.exit_code == 1
    assert "kill 7" in result.stderr


@pytest.mark.parametrize("error", [Refused("refused: replica-1 is under a fault"), BadParameters("workers: too many")])
def test_what_is_refused_is_one_sentence(drilled: Any, error: Exception) -> None:
    def fake(*_: Any, **__: Any) -> DrillReport:
        raise error

    drilled(fake)
    result = CliRunner().invoke(app, DRILL)
    assert result.exit_code == 2
    assert result.stderr == f"rca-tui: {error}\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_undoes_and_says_so(drilled: Any, number: signal.Signals) -> None:
    def fake(*_: Any, cancelled: Callable[[], bool], **__: Any) -> DrillReport:
        assert not cancelled()
        os.kill(os.getpid(), number)
        assert cancelled()
        return dataclasses.replace(WHOLE, aborted="cancelled")

    before = signal.getsignal(number)
    drilled(fake)
    result = CliRunner().invoke(app, DRILL)
    assert result.exit_code == 130
    assert "the fault is undone" in result.stderr
    assert signal.getsignal(number) == before


def test_a_signal_before_the_injection(drilled: Any) -> None:
    def fake(*_: Any, **__: Any) -> DrillReport:
        os.kill(os.getpid(), signal.SIGINT)
        raise Refused("the drill was cancelled before anything was touched")

    drilled(fake)
    result = CliRunner().invoke(app, DRILL)
    assert result.exit_code == 130
    assert "before anything was touched" in result.stderr


def test_the_typed_confirmation(drilled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmation, "at_terminal", lambda: True)
    ran: list[int] = []
    drilled(lambda *_, **__: ran.append(1) or WHOLE)
    question = [part for part in DRILL if part != "--yes"]
    for typed in ("yes\n", "\n", "replica-2\n"):
        result = CliRunner().invoke(app, question, input=typed)
        assert result.exit_code == 2
        assert "nothing was touched" in result.stderr
    assert not ran
    assert CliRunner().invoke(app, question, input="replica-1\n").exit_code == 0
    assert ran


@pytest.mark.parametrize("width", [60, 80])
def test_no_word_of_what_is_confirmed_stands_alone_on_a_line(
    drilled: Any, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr(confirmation, "at_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    drilled(lambda *_, **__: WHOLE)
    longest = max((entry.name for entry in catalog.entries()), key=len)
    for drawn in (["--blind"], [longest, "--target", "replica-1"]):
        for seconds in ("60", "599"):
            result = CliRunner().invoke(app, ["drill", *drawn, "--seconds", seconds], input="no\n")
            told, question = result.stderr.split("Type ", 1)
            lines = told.splitlines()
            assert len(lines) == 1 if width == 80 else len(lines) <= 2
            assert all(len(line) <= width and len(line.split()) > 1 for line in lines)
            assert question.startswith(f"{drawn[-1].replace('--', '')} to continue:")


def test_a_signal_never_hides_what_is_stuck(drilled: Any) -> None:
    def fake(*_: Any, **__: Any) -> DrillReport:
        os.kill(os.getpid(), signal.SIGINT)
        raise InjectionFailed("nsenter was interrupted", Undone("x", State.STUCK, False, "no", "kill 7"))

    drilled(fake)
    result = CliRunner().invoke(app, DRILL)
    assert result.exit_code != 0
    assert "kill 7" in result.stderr
    assert "before anything was touched" not in result.stderr


def test_undone_but_not_well_is_exit_code_1_with_what_to_do_next(drilled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sick = {
        "state": State.STUCK,
        "detail": "the fault is gone but the service is not well",
        "command": "rca-tui recover",
    }
    drilled(lambda *_, **__: dataclasses.replace(WHOLE, **sick))
    result = CliRunner().invoke(app, DRILL)
    assert result.exit_code == 1
    assert "the service is not well; next: rca-tui recover" in result.stderr
    left = Undone("20260101T000000-00000000", State.STUCK, True, str(sick["detail"]), "rca-tui recover")
    monkeypatch.setattr(recover, "recover", lambda progress: [left])
    assert CliRunner().invoke(app, ["recover"]).exit_code == 1


def test_a_blind_drill_that_ends_early_does_not_say_who_was_replaced(
    drilled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blind, "draw", lambda deployment: ("freeze", "replica-1"))
    drilled(lambda *_, **__: dataclasses.replace(WHOLE, aborted="replica-1 was replaced"))
    result = CliRunner().invoke(app, ["drill", "--blind", "--yes"])
    assert result.exit_code == 1
    assert "ended early; the fault is undone" in result.stderr
    assert "replica" not in result.output


@pytest.mark.parametrize("seconds", ["inf", "nan", "0", "601"])
def test_a_time_out_of_bounds_is_one_sentence_before_anything_is_asked(
    drilled: Any, monkeypatch: pytest.MonkeyPatch, seconds: str
) -> None:
    monkeypatch.setattr(confirmation, "at_terminal", lambda: True)
    result = CliRunner().invoke(app, [part for part in DRILL if part != "--yes"] + ["--seconds", seconds])
    assert result.exit_code == 2
    assert result.stderr.startswith("rca-tui: a fault lasts 1 to 600 s, not ")


def test_a_parameter_is_read_as_json_or_as_text_however_deep(drilled: Any) -> None:
    asked: list[Any] = []
    drilled(lambda *arguments, **_: asked.append(arguments[3]) or WHOLE)
    deep = "[" * 100_000
    for text in ("8", "hard", deep):
        assert CliRunner().invoke(app, [*DRILL, "--param", f"workers={text}"]).exit_code == 0
    assert asked == [{"workers": 8}, {"workers": "hard"}, {"workers": deep}]


@pytest.mark.parametrize("blind", [False, True])
def test_an_injection_that_failed_and_is_stuck_shows_the_exact_command(
    drilled: Any, monkeypatch: pytest.MonkeyPatch, blind: bool
) -> None:
    monkeypatch.setattr("faults.blind.draw", lambda deployment: ("cpu-stress", "replica-1"))
    command = f"kill {' '.join(str(pid) for pid in range(1000))}"

    def fake(*_: Any, **__: Any) -> DrillReport:
        raise InjectionFailed("nsenter died", Undone("20260101T000000-00000000", State.STUCK, False, "no", command))

    drilled(fake)
    words = ("drill", "--blind", "--yes", "--json") if blind else (*DRILL, "--json")
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    payload = json.loads(result.stdout)
    assert (payload["state"], payload["clean"], payload["command"]) == ("STUCK", False, command)
    assert f"undo it with: {command}\n" in result.stderr
    assert "nsenter died" in result.stderr


def test_a_blind_injection_that_failed_and_was_undone_tells_no_component(
    drilled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blind, "draw", lambda deployment: ("cpu-stress", "replica-1"))

    def fake(*_: Any, **__: Any) -> DrillReport:
        raise InjectionFailed("replica-1 is gone", Undone("x", State.RECOVERED, True, "replica-1 is gone"))

    drilled(fake)
    result = CliRunner().invoke(app, ["drill", "--blind", "--yes", "--json"])
    assert result.exit_code == 1
    assert "replica" not in result.output
    assert json.loads(result.stdout)["state"] == "RECOVERED"


def test_recover_shows_each_command_on_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    command = f"kill {' '.join(str(pid) for pid in range(1000))}"
    left = [Undone("20260101T000000-00000000", State.STUCK, False, "no", command)]
    monkeypatch.setattr(recover, "recover", lambda progress: left)
    result = CliRunner().invoke(app, ["recover"])
    assert result.exit_code == 1
    assert f"20260101T000000-00000000: undo it with: {command}\n" in result.stdout


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_scenario_does_not_tell_whether_anything_went_wrong(
    monkeypatch: pytest.MonkeyPatch, as_json: tuple[str, ...]
) -> None:
    quiet = dataclasses.replace(WHOLE, injection="", fault="none", landing=Landing.UNKNOWN)
    said = []
    for report in (WHOLE, quiet):
        fake = lambda *_, save, report=report, **__: dataclasses.replace(report, saved=save)  # noqa: E731
        monkeypatch.setattr(scenario_drill, "run", fake)
        result = CliRunner().invoke(app, ["drill", "--scenario", "false-alarm", "--yes", "--save", "x.zip", *as_json])
        assert result.exit_code == 0, result.output
        said.append(result.output)
    assert said[0] == said[1]


def test_a_scenario_draws_by_itself() -> None:
    for more in (("cpu-stress",), ("--target", "head"), ("--blind",), ("--param", "a=1"), ("--dry-run",)):
        result = CliRunner().invoke(app, ["drill", "--scenario", "false-alarm", *more])
        assert result.exit_code == 2
        assert "draws fault, component and parameters itself" in result.stderr
    result = CliRunner().invoke(app, ["drill", "--scenario", "false-alrm", "--yes"])
    assert "did you mean false-alarm" in result.stderr


@pytest.mark.parametrize("how", ["--play", "--screen"])
def test_what_is_played_goes_with_nothing_else(how: str) -> None:
    for more in (("cpu-stress",), ("--target", "head"), ("--blind",), ("--dry-run",), ("--json",)):
        result = CliRunner().invoke(app, ["drill", how, *more])
        assert result.exit_code == 2
        assert "--play and --screen go with" in result.stderr
    result = CliRunner().invoke(app, ["drill", how, "--player", "a\nb"])
    assert "cannot be a player's name" in result.stderr
    assert "add --play" in CliRunner().invoke(app, ["drill", "--replay", "drill-01"]).stderr


def test_recover_returns_the_load_before_it_undoes_the_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    from rca_tui.commands import drills

    order: list[str] = []
    monkeypatch.setattr(drills, "_load_returned", lambda: order.append("load") or True)
    monkeypatch.setattr(recover, "recover", lambda progress: order.append("faults") or [])
    result = CliRunner().invoke(app, ["recover"])
    assert order == ["load", "faults"]
    assert "the load from before it is sent again" in result.stderr


def test_a_story_of_several_lines_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenario_drill, "run", lambda *given, **more: WHOLE)
    told = CliRunner().invoke(app, ["drill", "--scenario", "one-replica-starves", "--yes", "--save", "x.zip"]).stderr
    assert "\ufffd" not in told
    assert "Look at the service while it is healthy" in " ".join(told.split())


@pytest.mark.parametrize("named", [("--context", "prod"), ("--targets", "http://127.0.0.1:9/metrics")])
def test_a_recording_is_not_played_in_place_of_a_deployment_that_was_named(named: tuple[str, str]) -> None:
    for play in ("--play", "--screen"):
        result = CliRunner().invoke(app, ["drill", play, "--replay", "any", *named])
        assert result.exit_code == 2
        assert "a recording needs no deployment" in result.stderr


def test_a_drill_on_endpoints_waits_until_they_have_been_scraped(drilled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from cluster.endpoints.deployment import ScrapedDeployment

    class Scraped(ScrapedDeployment):
        history = 3.0  # type: ignore[assignment]

        def __init__(self) -> None: ...

    slept: list[float] = []
    monkeypatch.setattr(connection, "connect", lambda named: Scraped())
    monkeypatch.setattr(connection.time, "sleep", slept.append)
    drilled(lambda *_, **__: WHOLE)
    CliRunner().invoke(app, DRILL)
    assert slept == [connection.FIRST - 3.0]
