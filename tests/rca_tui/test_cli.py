from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from commands import refusal, run
from typer.testing import CliRunner

from cluster.incident.model import Incident
from cluster.window import Window
from methods.telemetry import onset
from rca_tui.__main__ import app

HOSTILE = "[red]x[/red]\x1b[31m\u202e"
FAULT_AT = 90


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def case(folder: Path, start: float = 1_700_000_000.0, bad: str = "cart") -> Path:
    """A case in the RCAEval layout: 150 s, from second 90 on `cart` is busy and the front door slow."""
    folder.mkdir()
    services = ("frontend", "cart", HOSTILE)
    lines = [",".join(["time", *(f"{s}_{m}" for s in services for m in ("cpu", "latency"))])]
    for i in range(150):
        late = i >= FAULT_AT
        noise = 0.01 * math.sin(i * 1.7)
        cells = [start + i]
        for service in services:
            cells += [0.2 + noise + (0.7 if late and service == bad else 0.0)]
            cells += [
                0.1 + noise / 10 + (0.6 if late and service == bad else 0.4 if late and service == "frontend" else 0)
            ]
        lines.append(",".join(f"{cell:.6f}" for cell in cells))
    (folder / "data.csv").write_text("\n".join(lines) + "\n")
    (folder / "edges.csv").write_text(f"source,destination\nfrontend,cart\nfrontend,{HOSTILE}\n")
    (folder / "inject_time.txt").write_text(f"{start + FAULT_AT}\n")
    (folder / "truth.json").write_text(json.dumps({"service": bad, "fault": "cpu"}))
    return folder


def quiet(folder: Path) -> Path:
    """The same without the trouble, and without a truth."""
    raw = case(folder)
    table = raw / "data.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:FAULT_AT]) + "\n")
    for truth in ("inject_time.txt", "truth.json"):
        (raw / truth).unlink()
    return raw


@pytest.mark.parametrize(
    "command",
    [("diagnose", "--method", "baro"), ("explain", "--method", "baro"), ("contrast", "--method", "baro")],
)
def test_an_onset_that_is_not_there_is_searched_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    searches: list[str] = []

    def estimate(incident: Incident) -> onset.OnsetEstimate:
        searches.append(incident.id)
        return onset.OnsetEstimate(None, "nothing got worse")

    monkeypatch.setattr(onset, "estimate", estimate)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    name, *options = command
    run(name, str(quiet(tmp_path / "raw")), *options)
    assert len(searches) == 1


@pytest.mark.slow
def test_diagnose_without_an_onset_says_that_nothing_may_be_wrong(tmp_path: Path) -> None:
    raw = quiet(tmp_path / "raw")
    printed = run("diagnose", str(raw), "--method", "granger_pagerank", "--method", "granger_randomwalk")
    assert "No onset found" in printed
    assert "perhaps nothing is wrong" in " ".join(printed.split())


@pytest.mark.parametrize("answered", [0, 1])
def test_an_interrupted_diagnosis_shows_what_it_has_and_the_verdict_so_far(
    monkeypatch: pytest.MonkeyPatch, answered: int
) -> None:
    from methods.running import runner

    real = runner.run

    def interrupted(*arguments: object, **options: object) -> Iterator[runner.Result]:
        yield from list(real(arguments[0], ["nsigma"]))[:answered]
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run", interrupted)
    text = " ".join(run("diagnose", "drill-05", code=130).split())
    assert ("nsigma metric" in text) is bool(answered)
    assert "Verdict so far: replica-2" in text
    printed = json.loads(run("diagnose", "drill-05", "--json", code=130))
    assert printed["interrupted"] is True
    assert len(printed["results"]) == answered
    assert printed["verdict"]["components"][0]["component"] == "replica-2"


def test_import_then_diagnose_blames_the_faulty_service(tmp_path: Path) -> None:
    printed = json.loads(run("import", str(case(tmp_path / "raw")), "x", "--json"))
    assert printed["front_door"] == "frontend"
    assert printed["sealed"] is True
    found = json.loads(run("diagnose", "x", "--method", "baro", "--onset", f"+{FAULT_AT}", "--json"))
    assert found["onset"] == 1_700_000_000.0 + FAULT_AT
    (result,) = found["results"]
    assert set(result) == {"method", "family", "status", "reason", "seconds", "components", "signals"}
    assert (result["method"], result["family"], result["status"], result["reason"]) == (
        "baro",
        "metric",
        "ranked",
        None,
    )
    assert result["components"][0]["component"] == "cart"
    assert result["components"][0]["rank"] == 1
    assert set(result["signals"][0]) == {"component", "signal", "score"}


def test_a_case_is_diagnosed_without_an_import_and_text_is_harmless(tmp_path: Path) -> None:
    raw = str(case(tmp_path / "raw", bad=HOSTILE))
    text = run("diagnose", raw, "--method", "baro", "--onset", f"+{FAULT_AT}")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[red]x[/red]" in text
    for line in text.splitlines():
        assert len(line) <= 80


def test_explain_shows_steps_and_json_has_them_all(tmp_path: Path) -> None:
    raw = str(case(tmp_path / "raw"))
    printed = json.loads(run("explain", raw, "--method", "nsigma", "--onset", f"+{FAULT_AT}", "--json"))
    assert printed["method"] == "nsigma"
    assert printed["components"][0]["component"] == "cart"
    steps = printed["explanation"]["steps"]
    assert steps
    text = run("explain", raw, "--method", "nsigma", "--onset", f"+{FAULT_AT}")
    for step in steps:
        assert step["title"] in text


def test_replay_without_a_terminal_says_what_was_recorded(tmp_path: Path) -> None:
    raw = str(case(tmp_path / "raw"))
    printed = json.loads(run("replay", raw, "--json"))
    assert printed["front_door"] == "frontend"
    assert printed["samples"] == 150
    assert {c["id"] for c in printed["components"]} == {"frontend", "cart", HOSTILE}
    assert "\x1b" not in run("replay", raw)


@pytest.fixture
def none_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A library with saved incidents only."""
    monkeypatch.setattr("cluster.incident.library.SHIPPED", tmp_path / "none")


@pytest.mark.usefixtures("none_shipped")
def test_record_saves_the_last_seconds_and_incidents_lists_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cluster.incident import rcaeval
    from cluster.local.deployment import LocalDeployment
    from cluster.replay import ReplayDeployment

    recorded, _ = rcaeval.read_case(case(tmp_path / "raw", start=time.time() - 150.0))
    monkeypatch.setattr(LocalDeployment, "connect", lambda: ReplayDeployment(recorded, "local"))
    printed = json.loads(run("record", "--seconds", "100", "--json"))
    assert Path(printed["path"]).parent == tmp_path / "state" / "rca-tui" / "incidents"
    (listed,) = json.loads(run("incidents", "--json"))
    assert listed["name"] == Path(printed["path"]).stem
    assert listed["seconds"] == pytest.approx(100)
    assert (listed["shipped"], listed["sealed"], listed["problem"]) == (False, False, None)
    shown = json.loads(run("replay", listed["name"], "--json"))
    assert shown["samples"] == 100


@pytest.mark.usefixtures("none_shipped")
def test_words_narrow_the_list_and_never_by_the_truth(tmp_path: Path) -> None:
    saved = tmp_path / "state" / "rca-tui" / "incidents"
    raw = str(case(tmp_path / "raw"))
    run("import", raw, str(saved / f"monday{HOSTILE.replace('/', '')}.zip"))
    run("import", raw, str(saved / "tuesday.zip"))
    names = [row["name"] for row in json.loads(run("incidents", "MONDAY", "rcaeval", "here", "--json"))]
    assert len(names) == 1 and names[0].startswith("monday")
    assert "\x1b" not in run("incidents", "monday")
    assert len(json.loads(run("incidents", "frontend", "3 components", "--json"))) == 2
    (row,) = json.loads(run("incidents", "tuesday", "--json"))
    assert row["sealed"] and row["tags"] == ["3 components"]
    assert json.loads(run("incidents", "cpu", "--json")) == []
    assert "none match" in run("incidents", "tuesday", "monday")


@pytest.mark.usefixtures("none_shipped")
def test_there_is_nothing_to_replay() -> None:
    result = CliRunner().invoke(app, ["replay"])
    assert result.exit_code == 2
    assert "no incident to replay" in result.stderr


@pytest.mark.usefixtures("none_shipped")
def test_only_reveal_shows_the_truth_and_a_broken_incident_does_not_hide_the_others(tmp_path: Path) -> None:
    saved = tmp_path / "state" / "rca-tui" / "incidents"
    run("import", str(case(tmp_path / "raw")), str(saved / "a.zip"))
    (saved / "b.zip").write_bytes(b"not a zip")
    first, second = json.loads(run("incidents", "--json"))
    assert "truth" not in first
    assert first["problem"] is None
    assert "not a .zip" in second["problem"]
    first, _ = json.loads(run("incidents", "--json", "--reveal"))
    assert (first["truth"]["components"], first["truth"]["fault"]) == (["cart"], "cpu")
    assert "cpu on cart" not in run("incidents")
    assert "cpu on cart" in run("incidents", "--reveal")
    assert json.loads(run("reveal", "a", "--json"))["truth"] == first["truth"]
    assert "cpu on cart" in run("reveal", "a")


def test_lists_are_lists_of_objects_with_names() -> None:
    methods = json.loads(run("methods", "--json"))
    assert {"dummy", "nsigma", "baro"} <= {entry["name"] for entry in methods}
    faults = json.loads(run("faults", "--json"))
    assert "cpu-stress" in {entry["name"] for entry in faults}
    for entry in faults:
        assert entry["available"] is False
        assert "rca-tui up" in entry["reason"]


def test_no_deployment() -> None:
    assert json.loads(run("status", "--json", code=1))["status"] == "DOWN"
    assert "no deployment is up" in run("status", code=1)
    assert json.loads(run("down", "--json"))["ended"] is False
    assert json.loads(run("recover", "--json")) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["diagnose", "nowhere"], "no incident"),
        (["explain", "nowhere", "--method", "baro"], "no incident"),
        (["diagnose", "nowhere", "--method", "wizard"], "no method 'wizard'"),
        (["explain", "nowhere", "--method", "wizard"], "no method 'wizard'"),
        (["replay", "."], "not a saved incident"),
        (["import", "nowhere", "x"], "not a folder"),
        (["import", ".", "x"], "has none of metrics"),
        (["record", "x.zip"], "no deployment"),
        (["drill", "wizardry", "--target", "head", "--yes"], "no fault 'wizardry'"),
        (["drill", "cpu-stress", "--target", "head"], "--yes"),
        (["drill", "cpu-stress", "--target", "head", "--yes"], "no deployment"),
        (["drill", "cpu-stress", "--target", "head", "--yes", "--param", "workers"], "NAME=VALUE"),
        (["drill", "cpu-stress", "--yes"], "or --blind"),
        (["drill", "cpu-stress", "--blind", "--yes"], "--blind without them"),
        (["drill", "--blind", "--yes"], "no deployment"),
        (["reveal", "nowhere"], "no incident"),
        (["up", "--engine", "abacus"], "abacus"),
        (["up", "--rate", "1e9"], "rate"),
        ([], "needs a terminal"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments: list[str], says: str) -> None:
    assert says in refusal(*arguments)


@pytest.mark.parametrize("name", ["5", "05", "drill-5", "drill5", "drill-005"])
def test_a_number_is_enough_to_be_told_the_name(name: str) -> None:
    assert refusal("diagnose", name).endswith("did you mean drill-05?\n")


def test_the_consensus_is_explained_by_who_added_what(monkeypatch: pytest.MonkeyPatch) -> None:
    from methods import catalog

    kept = tuple(entry for entry in catalog.entries() if entry.name in ("baro", "nsigma", "dummy"))
    monkeypatch.setattr(catalog, "entries", lambda: kept)
    text = run("explain", "drill-05", "--method", "consensus")
    assert "2 of 2 methods that ranked blame replica-2 first" in text
    assert "Each method's part of that lead" in text
    printed = json.loads(run("explain", "drill-05", "--method", "consensus", "--json"))
    assert printed["components"][0]["component"] == "replica-2"
    assert set(printed["explanation"]["contributions"]) == {"baro", "nsigma"}


def test_a_dry_run_without_a_deployment_plans_on_paper() -> None:
    asked = ("drill", "cpu-stress", "--target", "replica-1", "--param", "workers=8", "--dry-run")
    text = " ".join(run(*asked).split())
    assert "on paper, for no deployment is up: cpu-stress on replica-1 for 60 s, workers 8, load 100" in text
    assert "should show: " in text
    printed = json.loads(run(*asked, "--json"))
    assert printed["parameters"] == {"workers": 8, "load": 100}
    assert printed["effects"][0]["component"] == "replica-1"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("cpu-stress", "--target", "replica-9"), "targets: head, replica-0"),
        (("cpu-stress", "--target", "replica-1", "--param", "workers=99"), "workers"),
        (("cpu-stress", "--target", "replica-1", "--seconds", "1e9"), "a fault lasts"),
    ],
)
def test_what_cannot_be_planned_is_refused(arguments: tuple[str, ...], says: str) -> None:
    assert says in refusal("drill", *arguments, "--dry-run")


@pytest.mark.parametrize(
    "arguments",
    [["diagnose"], ["nonsense"], ["diagnose", "x", "--seed", "many"], ["drill", "cpu-stress"], ["methods", "--xml"]],
)
def test_usage_errors_are_exit_code_2(arguments: list[str]) -> None:
    assert run(*arguments, code=2) == ""


@pytest.mark.parametrize(
    ("onset", "time"),
    [
        ("+30", 1_700_000_030.0),
        ("1700000031.5", 1_700_000_031.5),
        ("2023-11-14T22:13:52Z", 1_700_000_032.0),
        ("2023-11-14 22:13:53", 1_700_000_033.0),
        ("2023-11-14T23:13:54+01:00", 1_700_000_034.0),
        ("2023-11-14 22:13:55 UTC", 1_700_000_035.0),
        ("22:13:56", 1_700_000_036.0),
        ("22:13:57 UTC", 1_700_000_037.0),
        ("23:13:58+01:00", 1_700_000_038.0),
        ("+1m", 1_700_000_060.0),
        ("-30s", 1_700_000_070.0),
        ("-30", 1_700_000_070.0),
    ],
)
def test_onset_in_each_spelling(tmp_path: Path, onset: str, time: float) -> None:
    from rca_tui.when import time_within

    assert time_within(onset, Window(1_700_000_000.0, 1_700_000_100.0)) == time


def test_a_time_of_day_is_the_one_in_the_window() -> None:
    """Also after midnight; in a window of two days the day must be said."""
    from rca_tui.when import WhenError, time_within

    midnight = 1_699_920_000.0
    assert time_within("00:01:00", Window(midnight - 600, midnight + 600)) == midnight + 60
    assert time_within("23:59", Window(midnight - 600, midnight + 600)) == midnight - 60
    assert time_within("2023-11-14 00:01 UTC", Window(midnight - 1e5, midnight + 1e5)) == midnight + 60
    with pytest.raises(WhenError, match=r"comes 3 times in the incident, .*: say the day"):
        time_within("00:01:00", Window(midnight - 1e5, midnight + 1e5))


def test_what_the_command_line_prints_as_the_onset_it_reads() -> None:
    """The sentence has the time with its zone, an interval around it, and the seconds from the start."""
    said = " ".join(run("diagnose", "drill-05", "--method", "nsigma").split())
    told = re.search(
        r"began about (\S+ UTC) \(probability 0\.\d\d, between (\S+) and (\S+)\): its latency went from .* "
        r"That is (\+\d+) s from the window's start\.",
        said,
    )
    assert told is not None, said
    clock, earliest, latest, after = told.groups()
    assert earliest <= clock.removesuffix(" UTC") <= latest
    for text in (clock, clock.removesuffix(" UTC"), after):
        again = json.loads(run("diagnose", "drill-05", "--method", "nsigma", "--onset", text, "--json"))
        assert datetime.fromtimestamp(again["onset"], UTC).strftime("%H:%M:%S UTC") == clock


@pytest.mark.parametrize(
    "onset",
    [
        "soon",
        "",
        "+",
        "nan",
        "+nan",
        "inf",
        "-500",
        "+-1",
        "--5",
        "12:00",
        "25:00",
        "22:13 CET",
        "+0",
        "+150",
        "2020-01-01",
        "+1e300",
    ],
)
def test_bad_onsets(tmp_path: Path, onset: str) -> None:
    assert "--onset" in refusal("diagnose", str(case(tmp_path / "raw")), "--method", "baro", f"--onset={onset}")


@pytest.mark.parametrize("arguments", [["--help"], ["drill", "--help"], ["--version"]])
def test_help_needs_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from rca_tui.__main__ import main\n"
        f"sys.argv = ['rca-tui', *{arguments!r}]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'pandas', 'numpy', 'textual', 'rich', 'pyarrow', 'scipy', 'httpx'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_a_reader_that_leaves_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "rca_tui", "methods", "--json"],
        stdout=writing, stderr=subprocess.PIPE, text=True, timeout=120,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 141


def test_a_real_process_says_one_sentence_and_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rca_tui", "diagnose", "no\x1b[31mwhere"],
        capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rca-tui: there is no incident")
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr


def test_evaluate_scores_saved_and_raw_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run("import", str(case(tmp_path / "one")), "saved.zip")
    cases = tmp_path / "cases"
    cases.mkdir()
    case(cases / "two", start=1_600_000_000.0)
    printed = json.loads(run("evaluate", "saved.zip", "cases", "--method", "baro", "--method", "dummy", "--json"))
    assert (printed["cases"], printed["candidates"]) == (2, 3)
    assert printed["guessing"]["ac@1"] == pytest.approx(1 / 3, abs=1e-4)
    rows = {row["method"]: row for row in printed["methods"]}
    assert set(rows) == {"baro", "dummy"}
    expected = {
        "method",
        "family",
        "cases",
        "no_ranking",
        "ac@1",
        "ac@3",
        "ac@5",
        "avg@5",
        "mrr",
        "ci",
        "seconds",
        "blamed",
    }
    assert expected <= set(rows["baro"])
    assert rows["baro"]["given"]["ac@1"] == 1.0
    assert (tmp_path / "cache" / "rca-tui" / "answers.jsonl").exists()
    text = run("evaluate", "saved.zip", "cases", "--method", "baro", "--method", "dummy")
    assert "guessing" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_evaluate_needs_a_truth_and_each_incident_once(tmp_path: Path) -> None:
    raw = case(tmp_path / "raw")
    assert "twice" in refusal("evaluate", str(raw), str(raw), "--method", "baro")
    (raw / "inject_time.txt").unlink()
    assert "no truth" in refusal("evaluate", str(raw), "--method", "baro")
    assert "no method" in refusal("evaluate", str(raw), "--method", "wizard")


@pytest.mark.slow
def test_contrast_belongs_to_no_method_and_says_how_far_they_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    raw = str(case(tmp_path / "raw"))
    asked = ("contrast", raw, "--onset", f"+{FAULT_AT}", "--method", "nsigma")
    printed = json.loads(run(*asked, "--json"))
    assert printed["method"] == "contrast"
    assert printed["components"][0]["component"] == "cart"
    assert printed["agreement_by_chance"] < printed["agreement"]["nsigma"] <= 1.0
    text = run(*asked)
    assert "Are they different?" in text
    assert f"{printed['agreement']['nsigma']:.2f}" in text


def test_the_onset_is_told_in_one_zone_wherever_the_reader_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the command line, by the estimate's claim, and by the incident in a notebook."""
    from cluster.display import document, to_text
    from cluster.incident import library
    from methods.telemetry.onset import estimate
    from rca_tui.commands.analysis import onset_line

    incident = library.load("drill-05")
    found = estimate(incident)
    placed = incident.at(found.onset)
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        told = [found.claim, onset_line(placed), to_text(document(placed), 200)]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found.onset is not None
    moment = datetime.fromtimestamp(found.onset.time, UTC).strftime("%H:%M:%S UTC")
    assert all(moment in text for text in told)
