"""The report of an incident: what it holds, that nothing in it acts, and how it is written."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import synthetic
from commands import refusal, run
from driving import app_over, running, settle
from html5 import parsed
from markdown_it import MarkdownIt

from cluster import Truth
from cluster.incident.model import Incident
from cluster.incident.truth import NO_FAULT
from cluster.window import Onset, OnsetSource
from faults.journal import Header, Journal
from faults.states import State
from methods.answer.types import Family, NoRanking, Reason, SeriesPointer
from methods.running import runner
from methods.running.runner import Result
from methods.verdict.types import Action, Answer, Evidence, Hop, Suspect, Trouble, Verdict
from rca_tui.places import PlaceError
from rca_tui.report import files
from rca_tui.report.build import build
from rca_tui.report.files import Format, render
from rca_tui.report.types import Context, Event, Report

END = synthetic.START + synthetic.LENGTH
HOSTILE = "</p><script>alert(1)</script><!--]]>[x](http://evil.example)|`\x1b]52;c;aGk=\x07\u202e ![i](//e) a@b.example"
REPLICA = "replica-1"


def verdict(named: str = REPLICA, signal: str = "latency_p90") -> Verdict:
    pointer = SeriesPointer(named, signal, synthetic.ONSET, END)
    suspects = (Suspect(named, 0.97), Suspect("head", 0.02))
    hop = Hop(named, "gateway", synthetic.ONSET + 4)
    return Verdict(
        Answer.COMPONENTS,
        (named,),
        suspects,
        0.01,
        Trouble.CPU,
        synthetic.ONSET + 1,
        f"{named}: latency 600 ms → 2.2 s.",
        path=(hop,),
        supporting=(Evidence(f"{named} got slow.", pointer),),
        opposing=(Evidence("head got busy.", SeriesPointer("head", "cpu_usage", synthetic.ONSET, END)),),
    )


def results(named: str = REPLICA) -> list[Result]:
    blamed = (("baro", named), ("nsigma", named), ("circa", "head"), ("dummy", "head"))
    ranked = [
        Result(name, Family.METRIC, synthetic.ranking(first, 9.0), 0.1) for name, first in blamed if first in SERVING
    ]
    return [*ranked, Result("microrank", Family.TRACE, NoRanking(Reason.NOT_APPLICABLE, f"no spans {named}"), 0.1)]


SERVING = synthetic.SERVING


def located(incident: Incident | None = None) -> Incident:
    return (incident or synthetic.incident()).searched(Onset(synthetic.ONSET, OnsetSource.ESTIMATED))


def report(**context: Any) -> Report:
    return build(located(), "drill-01", verdict(), results(), Context(**context))


def test_it_has_all_that_a_postmortem_begins_with() -> None:
    text = render(report(events=(Event(synthetic.ONSET + 30, "the alert SlowFrontDoor fires"),)), Format.MARKDOWN)
    titles = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert titles == [
        "Summary",
        "Timeline",
        "Verdict",
        "Who dissents",
        "Rankings of all methods",
        "Checks that failed",
        "What was missing",
        "How to reproduce this",
    ]
    summary = text.partition("## Timeline")[0]
    assert "latency 600 ms → 2.2 s" in summary
    assert "strong, 97 %" in summary
    assert "2023-11-14 22:15:21 UTC" in summary
    assert "the alert SlowFrontDoor fires" in text
    assert "the trouble of replica-1 reaches gateway" in text


def test_the_timeline_is_in_order_and_tells_of_the_recovery() -> None:
    found = report(events=(Event(float("nan"), "an alert without a time"), Event(synthetic.ONSET + 9, "an alert")))
    times = [event.time for event in found.timeline]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (synthetic.START, END)
    assert "an alert without a time" not in [event.what for event in found.timeline]
    assert found.recovered == pytest.approx(synthetic.ONSET + 60, abs=3)
    unhealed = synthetic.incident()
    metrics = synthetic.metrics(seconds=500)
    unhealed = dataclasses.replace(unhealed, telemetry=dataclasses.replace(unhealed.telemetry, metrics=metrics))
    still = build(located(unhealed), "drill-01", verdict(), results())
    assert still.recovered is None
    assert "not back to its baseline" in still.timeline[-1].what


@pytest.mark.parametrize("source", OnsetSource)
def test_the_timeline_tells_where_the_onset_comes_from(source: OnsetSource) -> None:
    found = build(synthetic.incident().at(Onset(synthetic.ONSET, source)), "drill-01", verdict(), results())
    assert any(event.time == synthetic.ONSET for event in found.timeline)


def test_a_stretch_without_a_fault_is_told_as_that() -> None:
    truth = Truth((), NO_FAULT, synthetic.ONSET, conditions={"shape": "ramp"})
    context = Context(sealed=True, revealed=True, truth=truth)
    found = build(located(), "drill-01", verdict(), results(), context)
    assert "This was a drill: no fault, from" in render(found, Format.MARKDOWN)
    assert "ramp" in render(found, Format.MARKDOWN)
    assert not any("fault" in event.what for event in found.timeline)


def test_only_a_part_of_a_chart_is_shaded() -> None:
    pointer = SeriesPointer(REPLICA, "cpu_usage", synthetic.START, END)
    whole = dataclasses.replace(verdict(), opposing=(Evidence("circa blames head first.", pointer),))
    *others, last = build(located(), "drill-01", whole, results()).charts
    assert last.plot.shade is None
    assert all(chart.plot.shade for chart in others)


def test_dissent_is_about_the_verdict_and_guessing_does_not_count() -> None:
    found = report()
    assert [(d.blamed, d.methods) for d in found.dissent] == [(("head",), ("circa",))]
    nobody = dataclasses.replace(verdict(), answer=Answer.NOBODY, named=(), nobody=0.95, kind=Trouble.NONE)
    text = render(build(located(), "drill-01", nobody, results()), Format.MARKDOWN)
    assert "The verdict names nobody." in text


def test_what_was_missing_is_said() -> None:
    missing = " ".join(report().missing)
    assert "no spans" in missing
    assert "no log lines" in missing
    assert "tracerca" in missing
    unknown = build(synthetic.incident().searched(None), "x", verdict(), results())
    assert "No onset was found" in " ".join(unknown.missing)
    assert unknown.recovered is None


def test_commands_reproduce_it_and_can_be_pasted() -> None:
    given = located().at(Onset(synthetic.ONSET, OnsetSource.OPERATOR))
    found = build(given, "it's; rm -rf ~.zip", verdict(), results())
    assert found.commands[1].startswith("rca-tui diagnose 'it'\"'\"'s; rm -rf ~.zip' --onset 1700000120.0")
    assert "--method baro" in found.commands[1]
    assert "--onset" not in report().commands[1]


@pytest.mark.parametrize("form", [Format.MARKDOWN, Format.HTML])
def test_the_way_to_the_logs_of_the_culprit_is_told(form: Format) -> None:
    made = report()
    assert made.commands[-1] == "rca-tui replay drill-01"
    assert "opens the app on the verdict. There l shows the logs of replica-1, t" in render(made, form)
    nobody = dataclasses.replace(made, verdict=dataclasses.replace(verdict(), answer=Answer.NOBODY, named=()))
    assert "There l shows the logs, t the traces" in render(nobody, form)


@pytest.mark.parametrize("form", Format)
def test_it_does_not_tell_where_its_maker_keeps_files(form: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/jane.doe")
    monkeypatch.setenv("XDG_STATE_HOME", "/srv/secret/state")
    monkeypatch.setenv("XDG_CONFIG_HOME", "")
    private = dataclasses.replace(
        verdict(),
        actions=(
            Action("Read the log", "tail /srv/secret/state/rca-tui/local/run/a.log /srv/secret/states"),
            Action("Mend the runbook", "vi /home/jane.doe/.config/rca-tui/runbooks/a.md"),
        ),
    )
    failed = Result("circa", Family.METRIC, NoRanking(Reason.ERROR, "no file /home/jane.doe/x.zip"), 0.1)
    noted = dataclasses.replace(located(), notes=("imported from /home/jane.doe/case",))
    context = Context(sealed=True, alert="/home/jane.doe/page.json")
    text = render(build(noted, "/home/jane.doe/monday.zip", private, [failed], context), form).replace("\\~", "~")
    assert "jane" not in text
    assert "/srv/secret/state/" not in text
    assert "$XDG_STATE_HOME/rca-tui/local/run/a.log /srv/secret/states" in text
    for kept in ("Incident monday.zip", "rca-tui check monday.zip", "--alert page.json", "imported from ~/case"):
        assert kept in text or (form is Format.JSON and kept.startswith("Incident"))


@pytest.mark.parametrize("form", [Format.MARKDOWN, Format.HTML])
def test_the_cause_of_a_drill_is_told_only_when_it_is_revealed(form: Format) -> None:
    truth = Truth(("replica-2",), "queue-jam", synthetic.ONSET, synthetic.ONSET + 60, {"workers": 4711})
    text = render(report(sealed=True, truth=truth), form)
    assert "sealed" in text
    assert "rca-tui reveal drill-01" in text
    for word in ("queue-jam", "4711"):
        assert word not in text
        assert word in render(report(sealed=True, truth=truth, revealed=True), form)


def journal(fault: str, start: float) -> None:
    """A journal of this machine whose fault was active for a minute."""
    plan = {"injection": "20231114T221520-00000001"}
    header = Header(plan["injection"], "local", "local", "3f2c", fault, "replica-2", plan, 60.0, (1, 1), {})
    Journal.create(header)
    path = next(Path.cwd().rglob("*.jsonl"))
    lines = []
    states = ((State.PLANNED, 0), (State.ARMED, 0), (State.INJECTING, 0), (State.ACTIVE, 1), (State.REVERTING, 60))
    first = json.loads(path.read_text())
    for state, after in (*states, (State.RECOVERED, 62)):
        data = first["data"] if state is State.PLANNED else {"deadline": 9e9, "clean": state is State.RECOVERED}
        lines.append(json.dumps(first | {"state": state, "wall": start + after, "data": data}))
    path.write_text("\n".join(lines) + "\n")


def test_the_journal_of_a_fault_is_told_only_when_it_is_revealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    journal("queue-jam", synthetic.ONSET)
    assert "queue-jam" not in render(report(), Format.JSON)
    told = report(revealed=True)
    assert "the fault queue-jam is active on replica-2" in [event.what for event in told.timeline]
    other = Truth(("head",), "other", synthetic.ONSET + 1)
    assert "queue-jam" not in render(report(revealed=True, truth=other), Format.JSON)
    same = Truth(("replica-2",), "queue-jam", synthetic.ONSET + 1)
    assert "the injection of queue-jam into replica-2 begins" in [
        event.what for event in report(revealed=True, truth=same).timeline
    ]


def hostile() -> Report:
    truth = Truth((HOSTILE,), HOSTILE, synthetic.ONSET, None, {HOSTILE: HOSTILE})
    context = Context((Event(synthetic.ONSET, HOSTILE),), HOSTILE, True, True, truth)
    incident = dataclasses.replace(located(synthetic.hostile(HOSTILE)), notes=(HOSTILE,))
    return build(incident, HOSTILE, verdict(HOSTILE, HOSTILE), results(HOSTILE), context)


def test_hostile_names_do_nothing_in_html() -> None:
    text = render(hostile(), Format.HTML)
    page = parsed(text)
    known = {"html", "head", "meta", "title", "style", "body", "main", "section", "h1", "h2", "p", "b", "div", "pre"}
    drawn = {"figure", "figcaption", "svg", "path", "rect", "text", "span"}
    assert page.tags <= known | drawn | page.of_tables
    assert "<script>alert(1)</script>" in page.text
    assert not {"\x1b", "\u202e", "\x07"} & set(text)


def test_hostile_names_do_nothing_in_markdown() -> None:
    text = render(hostile(), Format.MARKDOWN)
    assert not {"\x1b", "\u202e", "\x07"} & set(text)
    page = parsed(MarkdownIt("gfm-like").render(text))
    assert page.tags <= {"h1", "h2", "h3", "p", "pre", "code", *page.of_tables}
    assert "<script>alert(1)</script>" in page.text


@pytest.mark.parametrize("line", ["- a", "1. a", "+ a", "12) a", "=== a", "www.evil.example", "https://evil.example"])
def test_a_line_of_markdown_is_a_paragraph(line: str) -> None:
    from cluster import pages
    from cluster.display import Line

    page = parsed(MarkdownIt("gfm-like").render(pages.markdown((Line(line),))))
    assert page.tags == {"p"}
    assert page.text.strip() == line


@pytest.mark.parametrize("start", [0.0, 1e300])
def test_times_far_from_today_are_no_error(start: float) -> None:
    incident = synthetic.incident()
    metrics = incident.telemetry.metrics.iloc[:1].copy()
    metrics.index = metrics.index * 0 + start
    far = dataclasses.replace(incident, telemetry=dataclasses.replace(incident.telemetry, metrics=metrics))
    for form in Format:
        assert render(build(far.searched(None), "far", verdict(), results()), form)


def test_json_has_the_shapes_of_diagnose_and_triage() -> None:
    printed = json.loads(render(report(), Format.JSON))
    assert printed["onset"] == synthetic.ONSET
    assert printed["verdict"]["components"] == [{"component": REPLICA, "probability": 0.97}]
    assert printed["results"][0]["components"][0]["component"] == REPLICA
    assert printed["truth"] is None
    assert {c["name"] for c in printed["checks"]} <= {c["name"] for c in printed["checks"] if c["saw"]}


def test_a_file_is_written_whole_and_never_over_another(tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    files.write("a\n", path)
    assert path.read_text() == "a\n"
    with pytest.raises(PlaceError, match="exists already"):
        files.write("b\n", path)
    assert path.read_text() == "a\n"
    with pytest.raises(PlaceError, match="not a folder"):
        files.write("b\n", tmp_path / "none" / "x.md")
    assert [p.name for p in tmp_path.iterdir()] == ["x.md"]


def test_new_paths_are_unused_and_their_names_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    first = files.new_path("../a b\x1b;.zip", Format.HTML)
    assert first.name == "a-b-01.html"
    files.write("x", first)
    assert files.new_path("../a b\x1b;.zip", Format.HTML).name == "a-b-02.html"
    assert files.new_path("..", Format.JSON).name == "incident-01.json"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Methods that answer at once; their names as they run."""
    ran: list[str] = []

    def answer(incident: Incident, names: list[str], **_: object) -> Any:
        for name in names:
            ran.append(name)
            yield Result(name, Family.METRIC, synthetic.ranking("replica-1", 9.0), 0.1)

    monkeypatch.setattr(runner, "run", answer)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return ran


@pytest.mark.slow
def test_it_is_printed_or_written_in_the_format_that_the_name_says(quick: list[str], tmp_path: Path) -> None:
    asked = ("report", "drill-05", "--method", "baro")
    assert run(*asked).startswith("# Incident drill-05")
    assert json.loads(run(*asked, "--json")) == json.loads(run(*asked, "--format", "json"))
    assert run(*asked, "--out", "a.html") == ""
    assert (tmp_path / "a.html").read_text().startswith("<!doctype html>")
    run(*asked, "--out", "b.txt", "--format", "markdown")
    assert (tmp_path / "b.txt").read_text() == run(*asked)
    assert quick == ["baro"], "a ranking that is known is not made again"
    assert "exists already" in refusal(*asked, "--out", "a.html")
    assert "which format" in refusal(*asked, "--out", "c.txt")
    assert "two formats" in refusal(*asked, "--json", "--format", "html")
    assert "not a folder" in refusal(*asked, "--out", "none/c.html")
    assert "no method" in refusal("report", "drill-05", "--method", "wizard")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.html", "b.txt", "cache"]


def test_the_command_does_not_tell_the_cause_unless_asked(quick: list[str]) -> None:
    truth = json.loads(run("reveal", "drill-05", "--json"))["truth"]
    asked = ("report", "drill-05", "--method", "baro", "--json")
    sealed, revealed = json.loads(run(*asked)), json.loads(run(*asked, "--reveal"))
    assert (sealed["sealed"], sealed["truth"]) == (True, None)
    assert truth["fault"] not in json.dumps(sealed["timeline"])
    assert revealed["truth"] == truth


def test_an_interrupted_report_leaves_nothing(
    quick: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*_: object, **__: object) -> Any:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(runner, "run", interrupted)
    run("report", "drill-05", "--out", "a.html", code=130)
    assert not list(tmp_path.glob("*.html"))


def page(path: Path, starts: str) -> str:
    """A file with one alert."""
    alert = {"labels": {"alertname": "SlowFrontDoor"}, "annotations": {"for": "30s"}, "startsAt": starts}
    path.write_text(json.dumps({"version": "4", "groupKey": "g", "alerts": [{**alert, "status": "firing"}]}))
    return path.name


def test_an_alert_stands_in_the_timeline(quick: list[str], tmp_path: Path) -> None:
    near = page(tmp_path / "near.json", "2026-11-22T19:09:45Z")
    found = json.loads(run("report", "drill-05", "--method", "baro", "--alert", near, "--json"))
    assert {"time": 1795374585.0, "what": "the alert SlowFrontDoor fires"} in found["timeline"]
    assert "rca-tui triage drill-05 --alert near.json" in found["commands"]
    far = page(tmp_path / "far.json", "2026-11-21T19:09:45Z")
    assert "outside the incident" in refusal("report", "drill-05", "--alert", far)


@pytest.mark.usefixtures("steady", "ranked_here", "no_estimate")
@pytest.mark.parametrize("key", ["4", "5"])
async def test_w_writes_a_new_report_of_what_is_on_the_screen(key: str, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "rca-tui" / "reports"
    async with running(app_over(synthetic.Live())) as pilot:
        await pilot.press("1", "w")
        await settle(pilot)
        assert not folder.exists()
        await pilot.press("4", "R")
        await settle(pilot)
        await pilot.press(key, "w")
        await settle(pilot)
        await pilot.press("w")
        await settle(pilot)
        assert [path.name for path in sorted(folder.iterdir())] == ["reported-01-01.html", "reported-02-01.html"]
        text = (folder / "reported-01-01.html").read_text()
        assert "rca-tui diagnose reported-01" in text
        assert "replica-1" in text
        assert any("reported-02-01.html" in note.message for note in pilot.app._notifications)
    assert (tmp_path / "state" / "rca-tui" / "incidents" / "reported-01.zip").is_file()
