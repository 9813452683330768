"""A place that cannot be written to is said before anything is connected to, read or run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import pytest
from commands import refusal

from cluster.kubernetes import doctor
from rca_tui.commands import connection
from rca_tui.places import PlaceError, check_file, check_folder, check_new

NONE = "none/there/x.zip"
"""In a folder that is not there."""
FILE = "mine/x.zip"
"""In what is no folder."""


@pytest.fixture(autouse=True)
def _nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def begun(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("it should have been refused")

    from cluster import imports
    from cluster.incident import library
    from cluster.local.smoke import study
    from methods.evaluation import cases

    for module, name in (
        (connection, "connect"),
        (connection, "_runs_here"),
        (doctor, "Examination"),
        (study, "run"),
        (imports, "read"),
        (library, "load"),
        (cases, "load_cases"),
    ):
        monkeypatch.setattr(module, name, begun)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").write_text("mine")


@pytest.mark.parametrize("place", [NONE, FILE])
@pytest.mark.parametrize(
    "before",
    [
        ("record",),
        ("import", "case"),
        ("report", "drill-05", "--format", "html", "--out"),
        ("drill", "cpu-stress", "--target", "replica-1", "--yes", "--save"),
        ("drill", "--scenario", "false-alarm", "--yes", "--save"),
        ("doctor", "--context", "prod", "--report"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value[0]}{len(value)}",
)
def test_a_new_file_needs_a_folder(before: tuple[str, ...], place: str, tmp_path: Path) -> None:
    assert "is not a folder that can be written to: choose another place" in refusal(*before, place)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("before", [("ablate", "drill-05", "--out"), ("evaluate", "drill-05", "--cache")])
def test_what_is_no_folder_gets_none(before: tuple[str, ...]) -> None:
    assert "mine is not a folder that can be written to" in refusal(*before, FILE)


def test_a_smoke_test_keeps_its_measurements_in_a_file() -> None:
    for place, sentence in ((FILE, "mine is not a folder"), (".", ". is not a file that can be written")):
        assert sentence in refusal("smoke", "--replicas", "1", "--rates", "1", "--out", place)


def test_a_campaign_needs_a_folder(tmp_path: Path) -> None:
    plan = next((Path(__file__).resolve().parents[2] / "faults" / "recording").rglob("*.yaml"))
    assert "mine is not a folder that can be written to" in refusal("campaign", str(plan), "--yes", "--out", FILE)


def test_what_is_there_and_what_is_not(tmp_path: Path) -> None:
    check_new(Path("x.zip"))
    check_folder(tmp_path / "a" / "b")
    check_folder(tmp_path)
    check_file(tmp_path / "a" / "x.jsonl")
    check_file(Path("mine"))
    Path("gone").symlink_to("nowhere")
    for place in ("mine", "gone"):
        with pytest.raises(PlaceError, match="exists already"):
            check_new(Path(place))
