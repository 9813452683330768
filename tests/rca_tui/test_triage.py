"""`rca-tui triage`, on shipped drills and on a made-up live deployment."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
import synthetic
from commands import refusal, run
from typer.testing import CliRunner

from cluster import moment as moments
from cluster.capture import capture_around
from cluster.deployment import DeploymentError, Samples
from cluster.incident import library
from cluster.window import OnsetSource, Window
from methods import catalog
from methods.verdict.types import Answer
from rca_tui import triage
from rca_tui.__main__ import app
from rca_tui.commands import connection
from rca_tui.commands import triage as triage_command
from rca_tui.commands.errors import Interrupted
from rca_tui.when import parse_time

SLOW_FOR = 500
VERDICT = {"components", "nobody", "kind", "path", "for", "against", "unknown", "next", "actions"}


class Paged(synthetic.Live):
    """Measured for twenty minutes up to now; replica-1 has been slow for the last `SLOW_FOR` seconds."""

    def __init__(self, slow_for: float = SLOW_FOR) -> None:
        super().__init__()
        self.now = float(int(time.time()))
        self.onset = self.now - slow_for
        self.measured = synthetic.metrics(self.now - 1200, 1200, self.onset, 10_000)
        self.edges = synthetic.edge_metrics(self.now - 1200, 1200)

    def samples(self, window: Window, step: float, signals: Sequence[str] | None = None) -> Samples:
        kept = (self.measured.index >= window.start) & (self.measured.index < window.end)
        every = round(step)
        return Samples(self.measured.loc[kept].iloc[::every], self.edges.loc[kept].iloc[::every])


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Paged:
    deployment = Paged()
    monkeypatch.setattr(connection, "connect", lambda context: deployment)
    return deployment


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def keep(monkeypatch: pytest.MonkeyPatch, names: Sequence[str]) -> None:
    """Leave these methods in the catalogue, and the tool's own."""
    kept = tuple(entry for entry in catalog.entries() if entry.name in names)
    monkeypatch.setattr(catalog, "entries", lambda: kept)


@pytest.fixture
def only_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other methods than those that answer first."""
    keep(monkeypatch, triage.FIRST)


def page(fired: float, **labels: str) -> str:
    """A webhook's payload of version 4."""
    alert = {
        "status": "firing",
        "labels": {"alertname": "GatewaySlow", **labels},
        "annotations": {"for": "5m"},
        "startsAt": datetime.fromtimestamp(fired, UTC).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph?g0.expr=rate%28vllm%3Anum_requests_waiting%5B2m%5D%29",
        "fingerprint": "1a30ba71cca2921f",
    }
    return json.dumps({"version": "4", "groupKey": "{}:{}", "status": "firing", "alerts": [alert]})


def test_a_drill_is_answered_in_the_shape_that_is_promised() -> None:
    printed = json.loads(run("triage", "drill-05", "--json"))
    assert set(printed) >= {"incident", "onset", "seconds", "verdict", "methods"}
    assert printed["incident"] == "drill-05"
    verdict = printed["verdict"]
    assert set(verdict) >= VERDICT
    assert [set(one) for one in verdict["components"]] == [{"component", "probability"}]
    assert set(printed["methods"]) == set(triage.FIRST)
    assert printed["methods"]["serving"]["components"][0] == {
        "component": verdict["components"][0]["component"],
        "score": verdict["components"][0]["probability"],
        "rank": 1,
    }


def test_an_alert_that_waited_five_minutes_is_captured_with_its_baseline_and_saved(live: Paged, tmp_path: Path) -> None:
    (tmp_path / "page.json").write_text(page(live.onset + 330))
    printed = json.loads(run("triage", "--alert", "page.json", "--json"))
    assert printed["onset"] == pytest.approx(live.onset, abs=15)
    assert [one["component"] for one in printed["verdict"]["components"]] == ["replica-1"]
    assert printed["incident"] == "triage-01"
    saved = library.load("triage-01")
    before = int((saved.telemetry.metrics.index < printed["onset"]).sum())
    after = len(saved.telemetry.metrics) - before
    assert before >= 100
    assert after >= 100
    assert live.closed
    (alert,) = saved.telemetry.events.to_dict("records")
    assert (alert["source"], alert["reason"], alert["message"]) == ("alert", "GatewaySlow", "fires")
    assert alert["time"] == pytest.approx(live.onset + 330, abs=1)


def test_alerts_in_the_window_are_events_and_their_text_is_harmless() -> None:
    from cluster.alerts import parse

    start = synthetic.START
    alerts = parse(page(start + 100, severity="page\x1b[31m" + "x" * 5000))
    told = triage.with_alerts(synthetic.incident(), alerts).telemetry.events
    assert told["time"].tolist() == [start + 100]
    assert not set(told["severity"][0]) & {"\x1b"} and len(told["severity"][0]) <= 80
    late = parse(page(start + 9000))
    assert triage.with_alerts(synthetic.incident(), late).telemetry.events.empty


def test_a_deployment_that_evaluates_the_rule_is_asked_and_may_fail(
    live: Paged, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def pending_since(labels: Mapping[str, str], at: float) -> float | None:
        asked.append(labels["alertname"])
        if len(asked) > 1:
            raise DeploymentError("it took too long")
        return live.onset + 20

    monkeypatch.setattr(Paged, "pending_since", staticmethod(pending_since), raising=False)
    for _ in range(2):
        printed = json.loads(run("triage", "--alert", "-", "--json", input=page(live.onset + 330)))
        assert printed["onset"] == pytest.approx(live.onset, abs=15)
    assert asked == ["GatewaySlow", "GatewaySlow"]


def test_an_alert_comes_on_standard_input_too(live: Paged) -> None:
    printed = json.loads(run("triage", "--alert", "-", "--json", input=page(live.onset + 330)))
    assert printed["verdict"]["components"][0]["component"] == "replica-1"


def test_what_the_alert_names_is_evidence(live: Paged) -> None:
    printed = json.loads(run("triage", "--alert", "-", "--json", input=page(live.onset + 330, pod="replica-1")))
    assert printed["verdict"]["for"][-1] == "The alert GatewaySlow is about replica-1."
    printed = json.loads(run("triage", "--alert", "-", "--json", input=page(live.onset + 330, pod="replica-2")))
    assert printed["verdict"]["against"][0] == "The alert GatewaySlow is about replica-2."
    sentence = "queue_length of replica-2: the alert GatewaySlow is computed from that."
    assert printed["verdict"]["next"][-1] == sentence


def test_a_baseline_that_holds_the_trouble_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    older = Paged(slow_for=5000)
    monkeypatch.setattr(connection, "connect", lambda context: older)
    printed = json.loads(run("triage", "--alert", "-", "--json", input=page(older.now - 60)))
    doubt = printed["verdict"]["unknown"][0]
    assert "shows no onset" in doubt
    assert "the baseline holds it, too" in doubt
    saved = library.load("triage-01")
    assert doubt in saved.notes
    assert saved.onset is not None
    assert saved.onset.source is OnsetSource.NOTICED


def quiet(frame: pd.DataFrame) -> pd.DataFrame:
    """The same, where users notice nothing."""
    kept = frame.copy()
    for signal in ("latency_p90", "ttft_p90", "error_ratio"):
        kept["gateway", signal] = 0.0 if signal == "error_ratio" else 0.1
    return kept


@pytest.mark.parametrize("noticed", [True, False])
def test_trouble_that_was_over_before_what_was_asked_for_is_blamed_on_nobody(noticed: bool) -> None:
    deployment = Paged()
    began = deployment.now - 300.0
    deployment.measured = synthetic.metrics(deployment.now - 1200, 1200, began, 60.0)
    if not noticed:
        deployment.measured = quiet(deployment.measured)

    older, same = asked(deployment, 120.0), asked(deployment, 400.0)
    assert same.verdict.named == ("replica-1",)
    assert older.verdict.answer is Answer.NOBODY
    assert any("over before and is left out" in sentence for sentence in older.verdict.unknown)


def asked(deployment: Paged, seconds: float) -> triage.Triage:
    moment = moments.since(deployment.now, seconds)
    return triage.first_answer(capture_around(deployment, moment, deployment.now), moment)


@pytest.mark.parametrize("lasts", [200.0, 10_000.0])
def test_trouble_that_no_user_notices_and_that_goes_on_is_not_over(lasts: float) -> None:
    """The stretch that tells most of it is the first 40 s."""
    deployment = Paged()
    deployment.measured = quiet(synthetic.metrics(deployment.now - 1200, 1200, deployment.now - 300, lasts))
    found = asked(deployment, 120.0)
    assert found.verdict.named == ("replica-1",)
    assert not any("left out" in sentence for sentence in found.doubts)


@pytest.mark.parametrize("noticed", [True, False])
def test_trouble_in_which_telemetry_ends_is_not_over(noticed: bool) -> None:
    deployment = Paged()
    measured = synthetic.metrics(deployment.now - 1200, 1200, deployment.now - 300, 10_000)
    until = measured.index < deployment.now - 180
    deployment.measured = (measured if noticed else quiet(measured)).loc[until]
    deployment.edges = deployment.edges.loc[until]
    found = asked(deployment, 120.0)
    assert found.verdict.named == ("replica-1",)
    assert not any("left out" in sentence for sentence in found.doubts)


@pytest.mark.parametrize("factors", [{"request_rate": 0.0}, {"request_rate": 2.2, "latency_p90": 1.75}])
def test_a_pause_or_an_overload_that_was_over_before_what_was_asked_for_is_left_out(factors: dict[str, float]) -> None:
    deployment = Paged(slow_for=-10_000)
    times = deployment.measured.index - deployment.now
    for component in ("gateway", *synthetic.SERVING):
        for signal, factor in factors.items():
            deployment.measured.loc[(times >= -300) & (times < -240), (component, signal)] *= factor
    found = asked(deployment, 120.0)
    assert found.verdict.answer is Answer.NOBODY
    assert any("A trouble of all components alike" in doubt and "left out" in doubt for doubt in found.doubts)


@pytest.mark.parametrize("options", [(), ("--since", "9m"), ("--at",)])
def test_without_an_alert_the_last_minutes_or_the_given_ones_are_read(live: Paged, options: tuple[str, ...]) -> None:
    live.onset = live.now - 200
    live.measured = synthetic.metrics(live.now - 1200, 1200, live.onset, 10_000)
    if options == ("--at",):
        options = ("--at", datetime.fromtimestamp(live.now - 150, UTC).strftime("%H:%M:%S"))
    printed = json.loads(run("triage", *options, "--json"))
    assert printed["onset"] == pytest.approx(live.onset, abs=15)
    assert library.load(printed["incident"]).window.start <= live.onset - 240


@pytest.mark.usefixtures("only_quick")
def test_the_text_has_the_verdict_and_that_it_stands(live: Paged) -> None:
    result = CliRunner().invoke(app, ["triage", "--since", "10m"])
    assert result.exit_code == 0, result.output
    assert "replica-1" in result.stdout
    assert "the verdict stands" in result.stdout
    assert "\x1b" not in result.stdout
    assert "saved" in result.stderr


@pytest.mark.slow
def test_all_methods_are_waited_for_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    keep(monkeypatch, (*triage.FIRST, "microrca"))
    printed = json.loads(run("triage", "drill-05", "--all", "--json"))
    assert set(printed["methods"]) == {*triage.FIRST, "microrca"}
    assert set(printed["verdict"]["methods"]) <= set(printed["methods"])


def test_it_cannot_tell_where_nothing_was_measured_and_the_exit_code_says_so(
    live: Paged, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.measured = live.measured.iloc[-3:]
    live.edges = live.edges.iloc[-3:]
    printed = json.loads(run("triage", "--json", code=1))
    assert printed["verdict"]["answer"] == "cannot tell"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("drill-05", "--since", "5m"), "a saved incident has ended"),
        (("--since", "5m", "--at", "03:02"), "exclude each other"),
        (("--since", "5 apples"), "no length of time"),
        (("--since", "90d"), "between"),
        (("--at", "yesterday"), "no time"),
        (("drill-05", "--tui", "--json"), "exclude each other"),
        (("--alert", "missing.json"), "missing.json"),
        (("drill-05", "--at", "1000"), "outside the incident"),
        (("no-such-incident",), "there is no incident"),
        (("drill-05", "--tui"), "needs a terminal"),
        (("--tui", "--since", "5 apples"), "no length of time"),
        (("--tui", "--alert", "missing.json"), "missing.json"),
        (("drill-05", "--tui", "--since", "5m"), "a saved incident has ended"),
    ],
)
@pytest.mark.usefixtures("live")
def test_what_cannot_be_is_refused_in_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    assert sentence in refusal("triage", *arguments)


def test_a_time_that_lies_ahead_is_refused_before_anything_is_connected_to() -> None:
    assert "lies ahead of now" in refusal("triage", "--at", "2999-01-01")


@pytest.mark.usefixtures("live")
def test_a_file_that_is_no_alert_is_refused_and_nothing_is_saved(tmp_path: Path) -> None:
    (tmp_path / "page.json").write_bytes(b"\x00{")
    assert "no alerts of an Alertmanager" in refusal("triage", "--alert", "page.json")
    assert [listing for listing in library.listings() if not listing.shipped] == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("03:02", -3480.0),
        ("04:00:30", 30.0 - 86400),
        ("1970-01-01T02:00:00Z", -7200.0 + 0),
        ("12.5", 12.5 - 14400),
        ("-5m", -300.0),
        ("-120", -120.0),
        ("3:02:00 UTC", -3480.0),
    ],
)
def test_a_time_of_day_is_the_last_one_before(text: str, seconds: float) -> None:
    assert parse_time(text, 14_400.0) == 14_400.0 + seconds


def test_quick_methods_stop_when_they_compute_long(monkeypatch: pytest.MonkeyPatch) -> None:
    used = iter(float(i) for i in range(100))
    monkeypatch.setattr(triage.time, "thread_time", lambda: next(used))
    first = triage.first_answer(synthetic.incident())
    assert [result.method for result in first.results] == ["serving", "nsigma", "baro"]
    assert triage.remaining(first) == len(catalog.entries()) - 3


def test_the_first_answer_always_has_the_tools_own_method(monkeypatch: pytest.MonkeyPatch) -> None:
    used = iter(100.0 * i for i in range(100))
    monkeypatch.setattr(triage.time, "thread_time", lambda: next(used))
    assert [result.method for result in triage.first_answer(synthetic.incident()).results] == ["serving"]


def test_on_a_busy_machine_the_quick_methods_still_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes take the cores: the clock goes on, this one computes no more than before."""
    clock = iter(60.0 * i for i in range(100))
    monkeypatch.setattr(triage.time, "monotonic", lambda: next(clock))
    first = triage.first_answer(synthetic.incident())
    assert [result.method for result in first.results] == list(triage.FIRST)


def test_an_interruption_clears_the_count_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def answers(first: triage.Triage) -> Generator[triage.Triage]:
        yield first
        raise KeyboardInterrupt

    terminal = Terminal()
    monkeypatch.setattr(triage, "refine", answers)
    monkeypatch.setattr(sys, "stderr", terminal)
    first = triage.first_answer(synthetic.incident())
    with pytest.raises(Interrupted, match="the other methods were stopped"):
        triage_command._refined(first)
    assert "more methods have answered" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")
