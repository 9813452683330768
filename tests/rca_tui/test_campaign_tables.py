"""The closing tables of a campaign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rca_tui.__main__ import app
from rca_tui.commands.campaign import _tables


def row(method: str, **more: Any) -> dict[str, Any]:
    return {"method": method, "ac@1": 0.5, "ac@3": 1.0, "avg@5": 0.8, **more}


def test_each_fault_is_told_once_and_three_a_table() -> None:
    faults = [{"fault": name, "consensus": row("consensus"), "methods": [row("baro")]} for name in "abcd"]
    methods = [row("baro", blamed={"right": 2, "gateway": 1})]
    summary = {"cases": 3, "consensus": row("consensus"), "methods": methods, "by_fault": faults}
    drills = [{"fault": "a", "planned": 3, "recorded": 2}]
    tables = _tables({"drills": drills, "stand_ins": {"b": "gpu-power-cap"}, "evaluation": summary})
    assert [title.split(":")[0] for title, _, _ in tables] == ["Drills", "Table 1", "Table 1", "Figure 5"]
    assert [columns for _, columns, _ in tables[1:3]] == [
        ["method", "all faults", "a", "b*"],
        ["method", "c", "d"],
    ]
    assert tables[1][2][1] == ["baro", *["0.50 1.00 0.80"] * 3]
    assert tables[3][2] == [["baro", "2", "1"]]


def test_a_campaign_without_a_faulty_component_has_counts_alone() -> None:
    tables = _tables({"drills": [], "stand_ins": {}, "evaluation": {"cases": 0, "by_fault": []}})
    assert [title for title, _, _ in tables] == ["Drills"]


def test_a_campaign_that_is_refused_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    for more in ((), ("--yes",)):
        assert CliRunner().invoke(app, ["campaign", "short", *more]).exit_code == 2
    assert not list(tmp_path.glob("short*"))
