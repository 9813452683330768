from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import held, refusal, run
from typer.testing import CliRunner

from cluster.incident import store, tiny
from cluster.incident.model import Incident
from cluster.incident.seal import Seal
from cluster.incident.truth import Truth
from cluster.text.times import instant
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
    assert "whether anything is wrong" in " ".join(printed.split())


def test_import_then_diagnose_blames_the_faulty_service(tmp_path: Path) -> None:
    printed = held("import", run("import", str(case(tmp_path / "raw")), "x", "--json"))
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
    printed = held("record", run("record", "--seconds", "100", "--json"))
    assert Path(printed["path"]).parent == tmp_path / "state" / "rca-tui" / "incidents"
    (listed,) = json.loads(run("incidents", "--json"))
    assert listed["name"] == Path(printed["path"]).stem
    assert listed["seconds"] == pytest.approx(100)
    assert (listed["shipped"], listed["sealed"], listed["problem"]) == (False, False, None)
    shown = json.loads(run("replay", listed["name"], "--json"))
    assert shown["samples"] == 100


def test_record_says_that_a_name_is_taken_before_anything_is_connected_to(tmp_path: Path) -> None:
    (tmp_path / "monday.zip").write_text("mine")
    assert "exists already" in refusal("record", str(tmp_path / "monday.zip"))
    assert (tmp_path / "monday.zip").read_text() == "mine"


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
    assert instant(first["truth"]["injected_at"]) in run("reveal", "a")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_replaced_truth_is_shown_and_ends_with_code_2(tmp_path: Path, options: tuple[str, ...]) -> None:
    given = tiny.slow_replica()
    truth = Truth((given.topology.ids[0],), "freeze", given.window.start)
    sealed, replaced = tmp_path / "sealed.zip", tmp_path / "replaced.zip"
    store.save(given, sealed, truth)
    store.save(given, replaced, truth, Seal.ALL)
    assert "freeze" in run("reveal", str(sealed), *options)
    result = CliRunner().invoke(app, ["reveal", str(replaced), *options])
    assert result.exit_code == 2 and "freeze" in result.stdout
    assert "proves nothing: its seal is open to all" in result.stderr
    if options:
        assert json.loads(result.stdout)["seal"] == "all"


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
        (["import", "nowhere", "x"], "there is nothing at nowhere"),
        (["import", ".", "x"], "is none of what can be imported"),
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


@pytest.mark.parametrize(
    "arguments",
    [["diagnose"], ["nonsense"], ["diagnose", "x", "--seed", "many"], ["drill", "cpu-stress"], ["methods", "--xml"]],
)
def test_usage_errors_are_exit_code_2(arguments: list[str]) -> None:
    assert run(*arguments, code=2) == ""


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


@pytest.mark.slow
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
