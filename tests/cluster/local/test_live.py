"""The real deployment on this machine, through the doors that its users have."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.request import Request, urlopen

import pytest

from cluster.deployment import DeploymentError, Liveness, Status
from cluster.local import cgroups, cleanup, configs, layout, lifecycle, processes
from cluster.local.deployment import LocalDeployment
from cluster.local.options import Options

pytestmark = pytest.mark.live

T = TypeVar("T")


def _post(deployment: LocalDeployment, path: str, body: dict[str, object]) -> tuple[str, str]:
    request = Request(f"{deployment.state.gateway_url}{path}", json.dumps(body).encode())
    with urlopen(request, timeout=60) as answer:
        return answer.read().decode(), answer.headers["X-RCA-Upstream"]


def _query(deployment: LocalDeployment, path: str) -> object:
    with urlopen(f"{deployment.state.prometheus_url}/api/v1/{path}", timeout=10) as answer:
        return json.load(answer)["data"]


def test_a_completion_through_the_gateway_counts_its_tokens(live_deployment: LocalDeployment) -> None:
    body = {"prompt": "Rivers begin", "max_tokens": 5, "ignore_eos": True}
    text, upstream = _post(live_deployment, "/v1/completions", body)
    answer = json.loads(text)
    assert answer["usage"]["completion_tokens"] == 5
    assert answer["choices"][0]["text"]
    assert upstream in layout.SERVING


def test_a_chat_streams_in_pieces_and_ends_as_the_interface_says(live_deployment: LocalDeployment) -> None:
    messages = [{"role": "user", "content": "Say something"}]
    body = {"messages": messages, "max_tokens": 6, "ignore_eos": True, "stream": True}
    text, _ = _post(live_deployment, "/v1/chat/completions", body)
    events = [line.removeprefix("data: ") for line in text.splitlines() if line]
    assert events[-1] == "[DONE]"
    pieces = [json.loads(event)["choices"][0] for event in events[:-1]]
    assert sum(bool(piece["delta"].get("content")) for piece in pieces) > 1
    assert pieces[-1]["finish_reason"] == "length"


def test_every_pod_serves_its_share(live_deployment: LocalDeployment) -> None:
    served: set[str] = set()
    for _ in range(40):  # the gateway takes turns, but between two of these it served others
        served.add(_post(live_deployment, "/v1/completions", {"prompt": "A", "max_tokens": 1})[1])
        if served == set(layout.serving(layout.LLAMACPP)):
            return
    raise AssertionError(f"only {served} answered")


def test_prometheus_scrapes_every_target(live_deployment: LocalDeployment) -> None:
    # A busy machine lets one scrape or another take longer than its second.
    health = _until(lambda: _all_up(live_deployment))
    assert len(health) == configs.targets(layout.LLAMACPP, layout.serving(layout.LLAMACPP))


def test_it_is_live_and_all_its_components_are_there(live_deployment: LocalDeployment) -> None:
    status = _until(lambda: _live(live_deployment))
    assert set(status.components) == set(live_deployment.topology().ids)
    assert all(status.components.values())


def test_a_trace_leads_from_the_gateway_into_the_engine(live_deployment: LocalDeployment) -> None:
    way = _until(lambda: _whole_way(live_deployment.state.run))
    assert way[1] == "engine generate"
    assert [str(name).split(" ")[0] for name in way[2:]] == [
        "replica_handle_request",
        "route_to_replica",
        "proxy_http_request",
        "gateway",
    ]


def test_a_command_runs_in_its_pod_and_is_found_by_its_tag(live_deployment: LocalDeployment) -> None:
    pod = live_deployment.pod("replica-1")
    assert layout.data_ip("replica-1") in pod.run(["ip", "-o", "addr"]).stdout
    pod.spawn(["sh", "-c", "sleep 60 & wait"], "a-tag")
    try:
        # The shell starts its child when it gets to run.
        found = _until(lambda: _named(pod.tagged("a-tag"), {"sh", "sleep"}))
        assert set(found) <= set(pod.pids())
        assert live_deployment.pod("replica-2").run(["true"]).code == 0
        if live_deployment.state.cgroups.parents:
            assert set(found) <= set(live_deployment.state.cgroups.members("replica-1"))
    finally:
        for pid in pod.tagged("a-tag"):
            os.kill(pid, signal.SIGKILL)


def test_a_command_that_takes_too_long_is_ended(live_deployment: LocalDeployment) -> None:
    pod = live_deployment.pod("head")
    with pytest.raises(DeploymentError, match=r"more than 0\.5 s"):
        pod.run(["sleep", "61.25"], timeout=0.5)
    assert ["sleep", "61.25"] not in [processes.command(pid) for pid in pod.pids()]


def test_a_second_start_is_refused(
    live_deployment: LocalDeployment, live_state_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(live_state_home))
    with pytest.raises(DeploymentError, match="already up"):
        lifecycle.up(Options())
    assert live_deployment.state.alive()


def _until(look: Callable[[], T | None], seconds: float = 60.0) -> T:
    """The first answer that is one; fails when none comes in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (answer := look()) is not None:
            return answer
        time.sleep(0.2)
    raise AssertionError(f"not seen within {seconds:g} s")


def _all_up(deployment: LocalDeployment) -> list[str] | None:
    targets = _query(deployment, "targets?state=active")
    assert isinstance(targets, dict)
    health = [str(target["health"]) for target in targets["activeTargets"]]
    return health if set(health) == {"up"} else None


def _live(deployment: LocalDeployment) -> Status | None:
    status = deployment.status()
    return status if status.liveness is Liveness.LIVE else None


def _named(pids: list[int], names: set[str]) -> list[int] | None:
    return pids if {processes.command(pid)[0] for pid in pids} == names else None


def _whole_way(run: Path) -> list[str] | None:
    """Operations from an `engine decode` up to the gateway, of any trace whose spans have all been written."""
    traces: dict[str, dict[str, dict[str, str]]] = {}
    for path in run.glob("*/spans.jsonl"):
        # The last line may still be in the making.
        for line in path.read_text().split("\n")[:-1]:
            span = json.loads(line)
            traces.setdefault(span["trace_id"], {})[span["span_id"]] = span
    for spans in traces.values():
        span = next((s for s in spans.values() if s["operation"] == "engine decode"), None)
        way = []
        while span is not None:
            way.append(span["operation"])
            if span["component"] == layout.GATEWAY:
                return way
            span = spans.get(span["parent_id"])
    return None


_UP = "from cluster.local import lifecycle; lifecycle.up(progress=lambda m: print(m, flush=True))"


@pytest.mark.parametrize("until", ["starting 4 Ray nodes", "starting 4 replicas"])
def test_nothing_is_left_of_a_start_whose_processes_were_killed(
    live_deployment: LocalDeployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", _UP], stdout=subprocess.PIPE, text=True) as starting:
        assert starting.stdout
        assert any(until in line for line in starting.stdout)
        with pytest.raises(DeploymentError, match="is running; wait"):
            lifecycle.up()
        starting.kill()
    state = lifecycle.status()
    assert state is not None and state.init is not None
    assert cleanup.ours(tmp_path / "rca-tui" / "local")
    if until == "starting 4 replicas":
        os.kill(state.init.pid, signal.SIGKILL)
    assert lifecycle.down()
    assert not cleanup.ours(tmp_path / "rca-tui" / "local")
    assert not [path for path in cgroups.ROOT.glob("*/rca-tui-*") if state.id in path.name]
    assert lifecycle.status() is None
    assert not lifecycle.down()
    assert live_deployment.state.alive(), "a deployment of another state folder must not be touched"
