"""`rca-tui mcp` , over stdin and stdout of a process, with the package's own client."""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic
from commands import refusal

from cluster import save_incident
from cluster.deployment import DeploymentError
from cluster.errors import RcaError
from cluster.incident import library
from rca_tui.mcp import tools as tools_module
from rca_tui.mcp.tools import POINTS, ROWS, TEXT, Tools, bounded

protocol = pytest.importorskip("mcp")
ROOT = Path(__file__).resolve().parents[2]
TOOLS = ["capture", "check", "explain", "list_incidents", "rank", "series", "triage"]


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def served(conversation: Callable[[Any], Awaitable[None]]) -> None:
    """Have a conversation with `rca-tui mcp` in a process of its own."""

    async def talk() -> None:
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        own = {name: os.environ[name] for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME")}
        parameters = protocol.StdioServerParameters(
            command=sys.executable, args=["-m", "rca_tui", "mcp"], env={**own, "PYTHONPATH": path}
        )
        async with protocol.Client(parameters, read_timeout_seconds=100) as client:
            await conversation(client)

    asyncio.run(talk())


def said(result: Any) -> str:
    """The text of an answer."""
    (content,) = result.content
    return str(content.text)


@pytest.mark.slow
def test_an_agent_finds_the_tools_and_none_that_injects() -> None:
    async def conversation(client: Any) -> None:
        listed = (await client.list_tools()).tools
        assert sorted(tool.name for tool in listed) == TOOLS
        for tool in listed:
            assert tool.description
            assert tool.annotations.destructive_hint is False
        read_only = {tool.name for tool in listed if tool.annotations.read_only_hint}
        assert set(TOOLS) - read_only == {"capture", "triage"}

    served(conversation)


@pytest.mark.slow
def test_an_agent_gets_from_the_verdict_to_the_series_behind_it() -> None:
    async def conversation(client: Any) -> None:
        incidents = await client.call_tool("list_incidents", {})
        assert "drill-05" in {row["incident"] for row in json.loads(said(incidents))["incidents"]}
        verdict = json.loads(said(await client.call_tool("triage", {"incident": "drill-05"})))
        assert {"incident", "window", "onset", "seconds", "verdict", "methods"} <= set(verdict)
        blamed = verdict["verdict"]["components"][0]["component"]
        ranked = json.loads(said(await client.call_tool("rank", {"incident": "drill-05", "method": "baro"})))
        assert ranked["status"] == "ranked"
        why = json.loads(said(await client.call_tool("explain", {"incident": "drill-05", "method": "serving"})))
        assert why["first"] == [blamed]
        arguments = {"incident": "drill-05", "component": blamed, "signal": "cpu_usage"}
        series = json.loads(said(await client.call_tool("series", arguments)))
        assert len(series["times"]) == len(series["values"]) <= POINTS
        checks = await client.call_tool("check", {"incident": "drill-05"})
        assert not checks.is_error

    served(conversation)


@pytest.mark.slow
def test_an_alert_may_be_text_or_the_object_itself() -> None:
    fired = library.load("drill-05").window.start + 180
    alert = {"labels": {"alertname": "GatewaySlow"}, "startsAt": datetime.fromtimestamp(fired, UTC).isoformat()}
    webhook = {"version": "4", "groupKey": "{}:{}", "status": "firing", "alerts": [alert]}

    async def conversation(client: Any) -> None:
        for given in (json.dumps(webhook), webhook, json.dumps([alert]), [alert]):
            result = await client.call_tool("triage", {"incident": "drill-05", "alert": given})
            assert not result.is_error, said(result)
            assert json.loads(said(result))["verdict"]["components"]

    served(conversation)


@pytest.mark.slow
def test_what_a_caller_can_repair_is_a_tool_error_of_one_sentence() -> None:
    async def conversation(client: Any) -> None:
        for name, arguments, sentence in (
            ("triage", {"incident": "no-such"}, "list_incidents names those"),
            ("triage", {}, "no deployment runs on this machine"),
            ("triage", {"incident": "drill-05", "alert": "{"}, "no alerts of an Alertmanager"),
            ("rank", {"incident": "drill-05", "method": "guess"}, "there is no method 'guess'; there are: "),
            ("series", {"incident": "drill-05", "component": "x", "signal": "y"}, "there are: gateway"),
            ("rank", {"incident": "drill-05"}, "rank needs method"),
        ):
            result = await client.call_tool(name, arguments)
            assert result.is_error, name
            assert sentence in said(result)
            assert "Traceback" not in said(result)

    served(conversation)


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("rank", {"incident": "drill-05", "method": "baro", "seed": -1}, "the seed is a whole number from 0 to"),
        (
            "explain",
            {"incident": "drill-05", "method": "dummy", "seed": 10**30},
            "the seed is a whole number from 0 to",
        ),
        ("rank", {"incident": "drill-05", "method": "baro", "seed": "x"}, "rank takes a whole number as seed, not 'x'"),
        (
            "rank",
            {"incident": "drill-05", "method": "baro", "seed": 1.5},
            "rank takes a whole number as seed, not '1.5'",
        ),
        ("rank", {"incident": 7, "method": "baro"}, "rank takes text as incident, not '7'"),
        ("rank", {"incident": "drill-05"}, "rank needs method"),
        ("rank", {"incident": "drill-05", "method": "x\x1b" * 999}, "there is no method"),
        ("triage", {"all_methods": "maybe"}, "triage takes true or false as all_methods, not 'maybe'"),
        ("triage", {"alert": 5}, "triage takes text or an object or a list as alert, not '5'"),
        (
            "triage",
            {"incident": "drill-05", "allmethods": True},
            "triage takes no 'allmethods'; it takes incident, since",
        ),
        ("list_incidents", {"all": True}, "list_incidents takes no 'all'; it takes no argument"),
        ("series", {"incident": "drill-05", "component": "", "signal": "x"}, "there is no component ''; there are: "),
        (
            "series",
            {"incident": "drill-05", "component": "gateway", "signal": "x", "called": ""},
            "there is no component ''; there are: ",
        ),
        ("capture", {"at": "2999-01-01"}, "lies ahead of now"),
        ("check", {"incident": ["drill-05"]}, "check takes text as incident, not"),
    ],
)
def test_an_argument_that_cannot_be_is_one_sentence(tool: str, arguments: dict[str, Any], sentence: str) -> None:
    from mcp.server.mcpserver.exceptions import ToolError

    from rca_tui.mcp.server import build

    def connect() -> Any:
        raise AssertionError("it should have been refused")

    with pytest.raises(ToolError) as caught:
        asyncio.run(build(connect).call_tool(tool, arguments))
    told = str(caught.value)
    assert sentence in told
    assert "\n" not in told and "\x1b" not in told and "pydantic" not in told


def test_a_file_that_does_not_fit_inside_a_tool_is_no_argument() -> None:
    from mcp.server.mcpserver.exceptions import ToolError
    from pydantic import BaseModel

    from rca_tui.mcp.server import build

    class Settings(BaseModel):
        token: int

    def connect() -> Any:
        return Settings.model_validate({"token": "x"})

    with pytest.raises(ToolError) as caught:
        asyncio.run(build(connect).call_tool("triage", {}))
    assert str(caught.value) == "Error executing tool triage"


def test_without_the_package_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    monkeypatch.delitem(sys.modules, "rca_tui.mcp.server", raising=False)
    assert "pip install 'rca-tui[mcp]'" in refusal("mcp")


@pytest.fixture
def tools() -> Tools:
    return Tools(synthetic.Live)


def test_a_path_is_no_incident(tools: Tools, tmp_path: Path) -> None:
    save_incident(synthetic.incident(), tmp_path / "elsewhere.zip")
    for name in (str(tmp_path / "elsewhere.zip"), "elsewhere.zip", "../elsewhere.zip", ""):
        with pytest.raises(RcaError, match="there is no incident"):
            tools.series(name, "gateway", "latency_p90")


def test_hostile_names_are_harmless(tools: Tools) -> None:
    name = "[red]x[/red]\x1b[31m\u202e"
    save_incident(synthetic.hostile(name), library.new_path("hostile"))
    answers = [tools.list_incidents(), tools.triage("hostile-01"), tools.rank("hostile-01", "serving")]
    with pytest.raises(RcaError) as caught:
        tools.series("hostile-01", "nobody", "x")
    written = json.dumps([*answers, str(caught.value)], ensure_ascii=False)
    assert "\x1b" not in written
    assert "\u202e" not in written


def test_a_long_series_is_averaged_and_gaps_stay_gaps(tools: Tools) -> None:
    import dataclasses

    whole = synthetic.incident()
    metrics = synthetic.metrics(length=1000)
    metrics.iloc[:8] = np.nan
    long = dataclasses.replace(whole, telemetry=dataclasses.replace(whole.telemetry, metrics=metrics))
    save_incident(long, library.new_path("long"))
    series = tools.series("long-01", "gateway", "latency_p90")
    assert series["samples_per_point"] == 5
    assert len(series["times"]) == 200
    assert series["values"][0] is None
    assert series["values"][1] == pytest.approx(float(np.nanmean(metrics["gateway", "latency_p90"].iloc[5:10])))
    called = tools.series("long-01", "gateway", "latency_p90", called="replica-1")
    assert called["values"][0] == pytest.approx(0.6)


def test_answers_are_bounded() -> None:
    answer = bounded({"x" * 1000: ["y" * 10_000] * 10_000, "nan": math.nan, "deep": {"n": [math.inf, 1, None, True]}})
    (long, *_) = answer.items()
    assert len(long[0]) <= 100
    assert len(long[1]) == ROWS
    assert len(long[1][0]) <= TEXT
    assert answer["nan"] is None
    assert bounded({"command": "rca-tui status\nrca-tui\x1b recover"}) == {
        "command": "rca-tui status\nrca-tui� recover"
    }
    assert answer["deep"]["n"] == [None, 1, None, True]


def test_no_more_than_so_many_incidents_are_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr(time, "time", lambda: synthetic.START + synthetic.LENGTH)
    monkeypatch.setattr(tools_module, "CAPTURES", 1)
    tools = Tools(synthetic.Live)
    captured = tools.capture(since="2m")
    assert captured["incident"] == "triage-01"
    assert library.load("triage-01").telemetry.metrics.shape[0] > 0
    with pytest.raises(RcaError, match="has saved 1 incidents already"):
        tools.triage()


def test_without_a_deployment_the_sentence_is_the_deployment_s() -> None:
    def connect() -> Any:
        raise DeploymentError("no deployment runs on this machine")

    with pytest.raises(DeploymentError):
        Tools(connect).capture()


@pytest.mark.parametrize("tool", ["capture", "triage"])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"since": "soon"}, "'soon' is no length of time"),
        ({"since": "1s"}, "1s is not between"),
        ({"at": "yesterday"}, "'yesterday' is no time"),
        ({"since": "5m", "at": "03:02"}, "exclude each other"),
        ({"alert": "{"}, "no alerts of an Alertmanager"),
    ],
)
def test_a_bad_argument_is_said_before_anything_is_connected_to(
    tool: str, arguments: dict[str, str], sentence: str
) -> None:
    def connect() -> Any:
        raise DeploymentError("no deployment runs on this machine")

    with pytest.raises(RcaError, match=sentence):
        getattr(Tools(connect), tool)(**arguments)
