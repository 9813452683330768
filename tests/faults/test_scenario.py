"""Scenarios: every one that is shipped is usable, and a bad file is told with its line and field."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_deployment import FakeDeployment

from cluster import paths
from cluster.incident.truth import NO_FAULT
from faults import catalog
from faults import scenario_library as library
from faults.errors import Refused
from faults.recording.yaml_lines import LARGEST, BadFile
from faults.scenario import Cause, Hint, Opens, PageText, Scenario, load
from faults.scenario_library import UnknownScenario
from rca_tui.commands.scenarios import known

GOOD = """title: One
difficulty: 1
page:
  text: slow
story: a story
may:
  - fault: cpu-stress
    targets: [replica]
    parameters: {workers: [2, 8]}
hints:
  - text: look
    opens: {guideline: limits}
    costs: 5
learn: [a]
debrief: b
"""
SHIPPED = sorted(library.SHIPPED.glob("*.yaml"))


def scenario(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def test_at_least_14_are_shipped() -> None:
    assert len(SHIPPED) >= 14


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_scenario_is_valid_and_does_not_tell(path: Path) -> None:
    read = load(path, known())
    told = f"{read.title} {read.page.text} {read.page.labels} {read.story}"
    assert not [entry.name for entry in catalog.entries() if entry.name in told]
    title = set(read.title.casefold().split())
    if len(read.may) == 1:  # whoever knows the title knows no component and no fault
        assert not title & {"gateway", "head", "router", "nobody", *read.may[0].fault.split("-")}
    for cause in read.may:
        if cause.fault != NO_FAULT:
            assert "local" in catalog.entry(cause.fault).deployments


def test_what_may_go_wrong_is_drawn_by_chance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from faults.local.cpu_stress import CpuStress
    from faults.types import Availability

    deployment = FakeDeployment.start(tmp_path)
    monkeypatch.setattr(CpuStress, "available", lambda self, deployment: Availability(True))
    read = load(scenario(tmp_path, GOOD))
    drawn = [read.draw(deployment, random.Random(seed)) for seed in range(40)]
    assert {one.fault for one in drawn} == {"cpu-stress"}
    assert {one.target for one in drawn} == {"replica-0", "replica-1"}
    assert {one.parameters["workers"] for one in drawn} == {2, 8}
    monkeypatch.setattr(CpuStress, "available", lambda self, deployment: Availability(False, "no"))
    with pytest.raises(Refused, match="none of what may go wrong"):
        read.draw(deployment)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "difficulty: 1",
            "difficulty: 9",
            "mine.yaml, line 2, field difficulty: must be at most 5",
        ),
        ("  text: slow", "  texts: slow", "mine.yaml, line 4, field page.texts: there is no such field"),
        ("story: ", "storey: ", "mine.yaml, line 5, field storey: there is no such field"),
        ("fault: cpu-stress", "fault: cpu", r"mine.yaml, line 7, field may\[0\].fault: there is no fault 'cpu'"),
        ("[replica]", "[gateway]", r"mine.yaml, line 8, field may\[0\].targets: cpu-stress cannot hit a gateway"),
        (
            "[2, 8]",
            "[2, 99]",
            r"mine.yaml, line 9, field may\[0\].parameters: cpu-stress: workers must be at most 16",
        ),
        (
            "guideline: limits",
            "guideline: x",
            r"mine.yaml, line 12, field hints\[0\].opens.guideline: there is no guideline 'x'",
        ),
        (
            "guideline: limits",
            "signal: x",
            r"mine.yaml, line 12, field hints\[0\].opens.signal: there is no signal 'x'",
        ),
        (
            "guideline: limits",
            "step: 2",
            r"mine.yaml, line 12, field hints\[0\].opens: name one of guideline, signal and method",
        ),
        ("debrief: b", "debrief: b\nlimit: 1x", "mine.yaml, line 16, field limit: '1x' is not a duration"),
        (
            "debrief: b",
            "debrief: b\nlimit: 8m\nbaseline: 9x",
            "mine.yaml, line 17, field baseline: '9x' is not a duration",
        ),
        ("text: slow", "text: slow\n  latest: 9m", "mine.yaml, line 1: page.latest and limit are 840 s together"),
        ("[replica]", "[replicas]", r"line 8, field may\[0\].targets: there is no kind of component 'replicas'"),
        ("debrief: b", "debrief: b\nload: no.csv", "line 16, field load: the trace .*no.csv cannot be read: No such"),
        ("debrief: b", "debrief: b\nload: ../x.csv", "line 16, field load: '../x.csv' is not beside this file"),
        ("debrief: b", "debrief: b\nload: /etc/x.csv", "line 16, field load: '/etc/x.csv' is not beside this file"),
        ("debrief: b", 'debrief: b\nload: "a\\0.csv"', "line 16, field load: .* is not beside this file"),
        ("difficulty: 1", "difficulty: easy", "line 2, field difficulty: must be a whole number"),
        ("learn: [a]", "learn: []", "line 14, field learn: must not be empty"),
        ("  text: slow", "  text: slow\n  severity: bad", "field page.severity: must be critical, warning or info"),
        ("costs: 5", "costs: 5\n    cost: 5", r"line 14, field hints\[0\].cost: there is no such field"),
        (
            "{workers: [2, 8]}",
            "{workers: {a: 1}}",
            r"line 9, field may\[0\].parameters.workers: must be a number",
        ),
        ("debrief: b", "debrief: b\nload: wild", "mine.yaml, line 16, field load: 'wild' is no load"),
        ("debrief: b", "debrief: b\ntitle: two", "mine.yaml, line 16: title is given twice"),
        ("story: a story", "story: [", "mine.yaml, line .*: expected"),
        ("debrief: b", "debrief: &b b\nname: *b", "mine.yaml, line 16: aliases"),
        (
            "story: a story",
            "story: " + "[" * 30 + "]" * 30,
            "mine.yaml, line 5: lists and mappings are nested too deep",
        ),
        (
            "debrief: b",
            "debrief: !!python/object/apply:os.system [true]",
            "mine.yaml, line 15, column 10: could not determine",
        ),
    ],
)
def test_a_wrong_file_is_told_with_line_and_field(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        load(scenario(tmp_path, GOOD.replace(old, new)), known())


WRONG = (
    None,
    [],
    {},
    [[]],
    {"a": {}},
    -1,
    1e308,
    True,
    "",
    "x" * 5000,
    "\x1b[2J",
    b"\x00",
    float("nan"),
    date(2026, 1, 1),
)


def places(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of each value."""
    for key in data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ():
        yield (*path, key)
        yield from places(data[key], (*path, key))


@pytest.mark.parametrize("place", list(places(yaml.safe_load(GOOD))), ids=str)
def test_a_value_of_a_wrong_type_is_told_with_its_line_and_field(place: tuple[str | int, ...], tmp_path: Path) -> None:
    refused = 0
    for value in WRONG:
        data = yaml.safe_load(GOOD)
        inner = data
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        path = scenario(tmp_path, yaml.safe_dump(data, sort_keys=False))
        try:
            load(path, known())
        except BadFile as error:
            refused += 1
            said = str(error)
            assert re.search(rf"mine.yaml, line [0-9]+, field {re.escape(str(place[0]))}", said), said
            assert said.isprintable() and len(said) < 1500
    assert refused >= len(WRONG) // 3


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("difficulty: 1", "difficulty: " + "9" * 5000, "mine.yaml, line 2, column 13: Exceeds the limit"),
        ("debrief: b", "debrief: 2026-99-99", "mine.yaml, line 15, column 10: month must be in"),
        ("debrief: b", "debrief: b\n---\ntitle: two", "mine.yaml, line 16, column 1: but found another document"),
        ("learn: [a]", "\tlearn: [a]", "mine.yaml, line 14"),
        ("costs: 5", "costs: !!binary zz==", "mine.yaml, line 13"),
        ("title: One", "title: &a [*a]", "mine.yaml, line 1: aliases"),
        ("title: One", "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]", "mine.yaml, line 2: aliases"),
    ],
)
def test_hostile_yaml_is_told_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        load(scenario(tmp_path, GOOD.replace(old, new)), known())


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"- a", b"x" * (LARGEST + 1), b"a: \x1b[31m", b"? [a]\n: b", b"a: {? {b: c} : d}", b"- " * 9000],
)
def test_what_is_no_scenario_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(BadFile) as caught:
        load(path)
    assert "\x1b" not in str(caught.value)


def test_a_pipe_among_scenarios_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    paths.scenarios().mkdir(parents=True)
    os.mkfifo(paths.scenarios() / "pipe.yaml")
    listed = {one.name: one for one in library.listings()}
    assert len(listed) == len(SHIPPED) + 1
    assert "it is no file" in listed["pipe"].problem


def test_own_ones_stand_beside_the_shipped_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    paths.scenarios().mkdir(parents=True)
    scenario(paths.scenarios(), GOOD)
    (paths.scenarios() / "bad.yaml").write_text("title: 1\n")
    listed = {one.name: one for one in library.listings()}
    assert len(listed) == len(SHIPPED) + 2
    assert not listed["mine"].shipped and listed["mine"].scenario is not None
    assert "bad.yaml, line 1, field title: must be text" in listed["bad"].problem
    assert library.find("mine")[1].title == "One"
    with pytest.raises(UnknownScenario, match="did you mean mine"):
        library.find("mina")


def test_the_how_to_page_has_every_field() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "scenarios.md").read_text(encoding="utf-8")
    for model in (Scenario, PageText, Cause, Hint, Opens):
        assert [name for name in model.model_fields if f"{name}` |" not in page] == []
