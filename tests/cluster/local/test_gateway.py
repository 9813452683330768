"""The gateway's configuration on disk: its backup for a person, and its content after each restore."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.deployment import Completed, DeploymentError
from cluster.local import configs, processes
from cluster.local.gateway import LocalGateway

BEFORE, AFTER = "# routing: even\n", "# routing: drill-1\n"


class Nginx:
    """Follows, once reloaded, the routing that the file names; a pod to the gateway."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reloads = True

    def run(self, argv: Sequence[str], timeout: float = 10.0) -> Completed:
        if "reload" in argv:
            return Completed(0 if self.reloads else 1, "", "" if self.reloads else "no such process")
        return Completed(0, self.path.read_text().split()[-1], "")

    def pids(self) -> list[int]:
        return [4711]


@pytest.fixture
def nginx(tmp_path: Path) -> Nginx:
    (tmp_path / "gateway.conf").write_text(BEFORE)
    return Nginx(tmp_path / "gateway.conf")


@pytest.fixture
def gateway(nginx: Nginx, monkeypatch: pytest.MonkeyPatch) -> LocalGateway:
    state: Any = SimpleNamespace(run_dir=SimpleNamespace(gateway_config=nginx.path), gateway_port=0, serving=())
    monkeypatch.setattr(configs, "gateway", lambda run, port, serving, routing: f"# routing: {routing.name}\n")
    monkeypatch.setattr(processes, "command", lambda pid: ["nginx: master process nginx"])
    return LocalGateway(state, nginx)  # type: ignore[arg-type]


def by_hand(line: str) -> None:
    """What a person would run, but for the signal to NGINX."""
    copy, _, reload = line.partition(" && ")
    assert reload == "kill -HUP 4711"
    subprocess.run(shlex.split(copy), check=False, capture_output=True)


def test_the_line_for_a_person_goes_back_also_after_a_way_back_that_failed(gateway: LocalGateway, nginx: Nginx) -> None:
    line = gateway.manual_command("drill-1")
    gateway.replace(AFTER, "drill-1")
    assert nginx.path.read_text() == AFTER
    nginx.reloads = False
    for _ in range(2):
        with pytest.raises(DeploymentError, match="NGINX rejects"):
            gateway.restore("drill-1")
    by_hand(line)
    assert nginx.path.read_text() == BEFORE


def test_a_way_back_leaves_nothing_beside_the_configuration(gateway: LocalGateway, nginx: Nginx) -> None:
    gateway.replace(AFTER, "drill-1")
    for _ in range(2):
        gateway.restore("drill-1")
    assert [path.name for path in nginx.path.parent.iterdir()] == ["gateway.conf"]
    assert (gateway.config(), gateway.routing()) == (BEFORE, "even")


def test_the_line_for_a_person_changes_nothing_where_nothing_was_replaced(gateway: LocalGateway, nginx: Nginx) -> None:
    by_hand(gateway.manual_command("drill-2"))
    assert nginx.path.read_text() == BEFORE


def test_what_was_before_is_built_and_not_read_where_it_was_stored(gateway: LocalGateway, nginx: Nginx) -> None:
    gateway.replace(AFTER, "drill-1")
    nginx.path.with_suffix(".before-drill-1").write_text("# a forged one: even\n")
    gateway.restore("drill-1")
    assert (gateway.config(), gateway.routing()) == gateway.usual() == (BEFORE, "even")
