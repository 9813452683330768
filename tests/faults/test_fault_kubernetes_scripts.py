"""The shell scripts that a fault in a cluster leaves with a pod, run for real: they undo it when nobody else does."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_deployment import wait_for

from faults.kubernetes import freeze
from faults.kubernetes.control import keeper


def in_a_namespace_of_its_own(script: str) -> list[str]:
    """The words that a script prints. It runs as the first process of a PID namespace, or not at all."""
    sandbox = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]
    if subprocess.run([*sandbox, "true"], capture_output=True, timeout=60).returncode != 0:
        pytest.skip("no user namespaces here")
    scripts = {"STOP": freeze.STOP, "GO_ON": freeze.GO_ON, "COUNT": freeze.COUNT}
    done = subprocess.run(
        [*sandbox, script], capture_output=True, text=True, timeout=120, env={**os.environ, **scripts}
    )
    return done.stdout.split()


def test_the_shell_really_stops_all_others_and_lets_them_go_on() -> None:
    seen = in_a_namespace_of_its_own(
        'until_it_is() { while [ "$(sh -c "$COUNT")" != "$1" ]; do sleep 0.1; done; echo "$1"; }; '
        'sleep 600 & sleep 600 & sh -c "$STOP" rca-tui 600; until_it_is 2; sh -c "$GO_ON"; until_it_is 0'
    )
    assert seen == ["stopped", "2", "0"]


def test_the_shell_lets_them_go_on_by_itself() -> None:
    seen = in_a_namespace_of_its_own(
        'sleep 600 & sh -c "$STOP" rca-tui 1; while [ "$(sh -c "$COUNT")" != 0 ]; do sleep 0.1; done; echo on'
    )
    assert seen == ["stopped", "on"]


@pytest.fixture
def keeping(tmp_path: Path) -> Callable[[str], subprocess.Popen[bytes]]:
    """The Job's own script with a file for a GPU: starts it, with so many seconds to keep."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f'#!/bin/sh\n[ "$3" = -pl ] && echo "$4" > {tmp_path}/limit || echo "150.00 W"\n')
    tool.chmod(0o755)
    (tmp_path / "limit").write_text("150\n")

    def start(seconds: str) -> subprocess.Popen[bytes]:
        env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GPU": "GPU-0", "WATTS": "700", "KEEP": seconds}
        script = keeper.SCRIPT.replace("/keeper/ready", f"{tmp_path}/ready")
        return subprocess.Popen(["sh", "-c", script], env=env, stdout=subprocess.DEVNULL)

    return start


def test_the_keeper_sets_the_limit_back_when_its_time_is_over(
    keeping: Callable[[str], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    assert keeping("1").wait(timeout=60) == 0
    assert (tmp_path / "limit").read_text() == "700\n" and (tmp_path / "ready").read_text()


def test_the_keeper_sets_it_back_when_it_is_ended_early(
    keeping: Callable[[str], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    running = keeping("600")
    ready = tmp_path / "ready"
    assert wait_for(lambda: ready.exists() and ready.read_text(), 60)
    while running.poll() is None:
        running.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(timeout=0.5)
    assert (tmp_path / "limit").read_text() == "700\n"
