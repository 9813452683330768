"""Parsers of what people hand on: days of OpenRCA, loads, scores, sessions, runbooks, times, calls of agents."""

from __future__ import annotations

import asyncio
import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest import mock

from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError

from cluster import imports
from cluster.deployment import Deployment, DeploymentError
from cluster.incident.model import Incident, Telemetry, empty_metrics
from cluster.kubernetes.kubeconfig import Kubeconfig
from cluster.local import load_trace
from cluster.topology import Component, Kind, Topology
from cluster.window import Window
from faults import scoreboard
from faults.score import Score
from methods.verdict import runbooks
from methods.verdict.types import Trouble
from rca_tui import when
from rca_tui.mcp.server import build
from rca_tui.mcp.tools import ToolsError
from rca_tui.notebook.room import read_session
from tests.fuzz.parsers import Parser

T0 = 1_700_000_000
WINDOW = Window(T0, T0 + 600.0)
_DAY = {
    "metric/metric_container.csv": "timestamp,cmdb_id,kpi_name,value\n"
    + "".join(f"{T0 + 60 * n},node-6.cart-0,container_cpu,{n}\n" for n in range(5)),
    "trace/trace_span.csv": "timestamp,cmdb_id,span_id,trace_id,duration,type,status_code,operation_name,parent_span\n"
    f"{T0 * 1000},front-0,a,t,49877,rpc,0,/,\n{T0 * 1000 + 5},cart-0,b,t,20000,rpc,13,/Get,a\n",
    "log/log_service.csv": f"log_id,timestamp,cmdb_id,log_name,value\n1,{T0 + 5},cart-0,log,slow\n",
    "../../record.csv": f"level,component,timestamp,datetime,reason\npod,cart-0,{T0 + 120},x,container CPU load\n",
}
_TRACE = b"TIMESTAMP,ContextTokens,GeneratedTokens\n" + b"".join(
    f"2023-11-16 18:17:{second:02}.97,{100 + second},{second}\n".encode() for second in range(20)
)
_SCORE = asdict(Score(0.5, 1.0, 0.7, True, False, 0.1, 30.0, 5.0, 60.0))
_RESULT = {
    "version": 1,
    "time": T0,
    "scenario": "s",
    "player": "p",
    "incident": "drill-01",
    "components": ["head"],
    "fault": "",
    "sure": 0.5,
    "score": _SCORE,
    "verdict": 1.0,
    "methods": {"baro": 1.0},
    "guessing": 0.2,
}
_GUESS = {"components": ["head"], "fault": "", "sure": 0.5}
_REVEAL = {
    "event": "reveal",
    "round": 1,
    "incident": "drill-01",
    "truth": {"components": ["head"], "fault": "freeze"},
    "board": [{"player": "p", "guess": _GUESS, "score": _SCORE}],
}
_CALLS = {
    "series": {"incident": "drill-01", "component": "gateway", "signal": "latency_p90", "called": None},
    "capture": {"since": None, "at": None, "alert": None},
}
_KUBECONFIG = {
    "contexts": [{"name": "lab", "context": {"cluster": "c", "user": "u", "namespace": "llm"}}],
    "users": [{"name": "u", "user": {"exec": {"command": "aws", "apiVersion": "client.authentication.k8s.io/v1"}}}],
    "current-context": "lab",
}


def _json(value: object) -> Callable[[Path], bytes]:
    return lambda _: json.dumps(value).encode()


def _day(mutated: str) -> Callable[[Path, bytes], None]:
    def read(folder: Path, content: bytes) -> None:
        day = folder / "Market" / "telemetry" / "2022_03_20"
        for name, text in _DAY.items():
            path = day / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if name == mutated else text.encode())
        imports.read(day)

    return read


def _load(folder: Path, content: bytes) -> None:
    path = folder / "trace.csv"
    path.write_bytes(content)
    plan = load_trace.plan(path, 2.0, 16)
    assert all(math.isfinite(one.at) for one in plan.arrivals) and plan.notes


def _scores(folder: Path, content: bytes) -> None:
    path = folder / "scores" / "s" / "p.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)
    drills = scoreboard.results(folder / "scores")
    scoreboard.standings(drills)
    scoreboard.comparisons(drills)


def _session(folder: Path, content: bytes) -> None:
    path = folder / "session.jsonl"
    path.write_bytes(content)
    path.chmod(0o600)
    assert len(read_session(path))


def _runbook(folder: Path, content: bytes) -> None:
    """As one of the user's own, beside ours."""
    topology = Topology((Component("replica-1", Kind.REPLICA),), ())
    incident = Incident("1", "local", WINDOW, topology, Telemetry(empty_metrics()))
    with mock.patch.dict(os.environ, {"XDG_CONFIG_HOME": str(folder / "config")}):
        path = runbooks.user_folder() / "queue.any.mine.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        for action in runbooks.actions_for(incident, Trouble.QUEUE, "replica-1", T0 + 60.0):
            assert action.title.isprintable()


def _times(folder: Path, content: bytes) -> None:
    text, now = content.decode("utf-8", "replace"), T0 + 600.0
    for said in text.splitlines() or [text]:
        for since, at in ((said, None), (None, said)):
            try:
                moment = when.moment_of(None, since, at, now, 1.0, float(T0))
            except when.WhenError as error:
                assert "\x1b" not in str(error)
                continue
            assert math.isfinite(moment.earliest) and math.isfinite(moment.until)
    when.time_within(text, WINDOW)


def _no_deployment() -> Deployment:
    raise DeploymentError("no deployment runs on this machine")


def _agent(folder: Path, content: bytes) -> None:
    """Calls as the protocol hands them on, each with its arguments as JSON."""
    try:
        calls = json.loads(content)
    except (ValueError, RecursionError):
        raise ToolsError("no JSON") from None
    server = build(_no_deployment)
    for name in _CALLS:
        given = calls.get(name) if isinstance(calls, dict) else calls
        if not isinstance(given, dict):
            continue  # the protocol itself refuses what is no object
        try:
            answer: Any = asyncio.run(server.call_tool(name, given))
        except UnexpectedToolError:
            raise
        except ToolError as error:
            assert "\x1b" not in str(error)
            continue
        json.dumps(answer.structured_content, allow_nan=False)


def _context(folder: Path, content: bytes) -> None:
    (folder / "kubeconfig").write_bytes(content)
    Kubeconfig.read(folder / "kubeconfig").choose(None)


HANDED = (
    *(
        Parser(f"day of OpenRCA, {Path(name).stem}", lambda _, name=name: _DAY[name].encode(), _day(name))
        for name in _DAY
    ),
    Parser("trace of a load", lambda _: _TRACE, _load),
    Parser("kubeconfig", _json(_KUBECONFIG), _context),
    Parser("scores", _json(_RESULT), _scores),
    Parser("session of a workshop", _json(_REVEAL), _session),
    Parser("runbook", lambda _: (runbooks.OURS / "queue.local.md").read_bytes(), _runbook),
    Parser("time of a trouble", lambda _: b"2023-11-14T22:15:00Z", _times),
    Parser("arguments of an agent", _json(_CALLS), _agent),
)
