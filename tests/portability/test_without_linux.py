"""The contract of every part but the embedded deployment: it runs where nothing of Linux is there."""

from __future__ import annotations

import json
import subprocess
import textwrap
from pathlib import Path

import pytest
from mac import Mac
from mock_api import MockApi

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def mac(tmp_path: Path) -> Mac:
    return Mac(tmp_path)


def test_the_simulation_lacks_what_macos_lacks(mac: Mac) -> None:
    program = """
        import os, signal, psutil
        from pathlib import Path
        assert not hasattr(os, "sched_getaffinity") and not hasattr(signal, "pidfd_send_signal")
        assert psutil.Process().create_time() > psutil.boot_time()
        for reach in (lambda: open("/proc/self/stat"), lambda: os.listdir("/proc"), lambda: os.readlink("/proc/self")):
            try:
                reach()
            except FileNotFoundError:
                continue
            raise AssertionError("/proc is there")
        try:
            import cluster.local
        except ModuleNotFoundError:
            print("gone")
    """
    assert mac.run("-c", textwrap.dedent(program)) == "gone\n"


def test_our_own_code_that_reaches_for_proc_is_noticed(tmp_path: Path) -> None:
    mac = Mac(tmp_path, local=True)
    with pytest.raises(AssertionError, match=r"processes\.py:\d+ reaches for /proc"):
        mac.run("-c", "from cluster.local.processes import stat_fields; assert stat_fields(1) == []")


def test_diagnose_a_shipped_drill(mac: Mac) -> None:
    answer = json.loads(
        mac.run("-m", "rca_tui", "diagnose", "drill-01", "--method", "nsigma", "--method", "baro", "--json")
    )
    statuses = {result["method"]: result["status"] for result in answer["results"]}
    assert {statuses["nsigma"], statuses["baro"]} == {"ranked"}


def test_evaluate_two_drills(mac: Mac) -> None:
    words = ("evaluate", "--method", "nsigma", "--method", "baro", "--json", "drill-01", "drill-02")
    assert json.loads(mac.run("-m", "rca_tui", *words))


def test_the_lists_and_a_saved_incident(mac: Mac) -> None:
    assert json.loads(mac.run("-m", "rca_tui", "methods", "--json"))
    assert json.loads(mac.run("-m", "rca_tui", "incidents", "--json"))
    assert json.loads(mac.run("-m", "rca_tui", "replay", "drill-01", "--json"))
    assert "nothing to recover" in mac.run("-m", "rca_tui", "recover")


def test_doctor(mac: Mac, tmp_path: Path) -> None:
    with MockApi() as server:
        mac.environment["KUBECONFIG"] = str(server.kubeconfig(tmp_path / "kubeconfig"))
        report = json.loads(mac.run("-m", "rca_tui", "--context", "mock", "doctor", "--json", codes=(0, 1)))
    assert report["checks"]


def test_faults_are_listed_with_the_reason_why_they_cannot_run(tmp_path: Path) -> None:
    rows = json.loads(Mac(tmp_path, local=True).run("-m", "rca_tui", "faults", "--json"))
    assert len(rows) >= 19
    assert not any(row["available"] for row in rows)
    assert all("--context" in row["reason"] for row in rows)


APP = """
import asyncio

from cluster.incident import library
from cluster.replay import ReplayDeployment
from rca_tui.app import RcaApp

NAME = "drill-01"


async def main():
    app = RcaApp(lambda: ReplayDeployment(library.load(NAME), NAME))
    async with app.run_test(size=(120, 40)) as pilot:
        while app.session.latest is None:
            await pilot.pause(0.05)
        while app.session.verdict is None:
            await pilot.pause(0.05)
        await pilot.press("4", "escape")
        for key in "123456":
            await pilot.press(key)
            await pilot.app.workers.wait_for_complete()
            await pilot.pause()
        print(app.current_mode, app.session.problem)


asyncio.run(main())
"""


def test_the_app_on_a_replayed_incident(tmp_path: Path) -> None:
    assert Mac(tmp_path, local=True).run("-c", APP) == "checks \n"


def test_up_says_what_to_do_instead(tmp_path: Path) -> None:
    program = """
        import collections, os, sys
        names = collections.namedtuple("uname_result", "sysname nodename release version machine")
        os.uname = lambda: names("Darwin", "mac", "24.0", "", "arm64")
        from rca_tui.__main__ import app
        app(["up"])
    """
    mac = Mac(tmp_path, local=True)
    done = mac.complete("-c", textwrap.dedent(program))
    assert done.returncode == 2
    assert done.stderr == (
        "rca-tui: the embedded deployment needs Linux, this is Darwin: `rca-tui replay` shows a recorded incident, "
        "`rca-tui --context NAME` connects to a cluster\n"
    )


def test_the_set_up_asks_for_no_package_of_linux(tmp_path: Path) -> None:
    uname = tmp_path / "uname"
    uname.write_text("#!/bin/sh\necho Darwin\n")
    uname.chmod(0o755)
    script = ROOT / "cluster/local/os-packages.sh"
    ended = subprocess.run(
        ["/bin/bash", str(script)], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    planned = subprocess.run(
        ["/usr/bin/make", "--dry-run", "--always-make", "docs", "PYTHON=python3"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--editable '.[kubernetes,mcp,serve,notebooks,docs,test]'" in planned.stdout
    assert "weights" not in planned.stdout


@pytest.mark.parametrize(("target", "extras"), [("replay", ""), ("notebooks", "[notebooks]")])
def test_what_starts_nothing_installs_only_what_it_needs(tmp_path: Path, target: str, extras: str) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    planned = subprocess.run(
        ["make", "--dry-run", target, "PYTHON=python3"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert f"--editable '.{extras}'\n" in planned.stdout
    assert "os-packages" not in planned.stdout
    assert "weights" not in planned.stdout
