from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster.deployment import DeploymentError, Liveness
from cluster.local import cgroups, cleanup, lifecycle, processes, state
from cluster.local.cgroups import Cgroups, Version
from cluster.local.deployment import LocalDeployment
from cluster.local.layout import ENV_STATE, RunDir
from cluster.local.options import Options
from cluster.local.pod import LocalPod
from cluster.local.settings import Settings
from cluster.local.state import LocalState
from rca_tui.__main__ import app


def a_state(folder: Path, init: processes.Process | None = None) -> LocalState:
    return LocalState(
        id="0123abcd",
        engine="llamacpp",
        run=folder / "run",
        gateway_port=18000,
        prometheus_port=1,
        cgroups=Cgroups(Version.V1, (Path("/sys/fs/cgroup/cpu"),), "rca-tui-x-0123abcd"),
        rootless=True,
        ready=True,
        init=init,
        holders={"head": processes.Process(2, 3)},
        phases={"ray": 1.5},
    )


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "rca-tui" / "local"


def gone() -> processes.Process:
    """A process that was, under a pid that lives: this one's, with another start."""
    return processes.Process(os.getpid(), 1)


def test_a_state_comes_back_as_it_was_saved(local: Path) -> None:
    saved = a_state(local, init=gone())
    state.save(saved)
    assert state.load() == saved


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"version": 99}', '{"version": 1}', "null", '{"version": 1, "x": 2}']
)
def test_a_damaged_state_file_counts_as_none(local: Path, damage: str) -> None:
    state.save(a_state(local))
    state.state_file().write_text(damage)
    assert state.load() is None
    assert lifecycle.status() is None
    assert not lifecycle.down()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_text('{"version": 99}'), "of another version"),
        (lambda path: path.write_text("[" * 100_000), "damaged"),
        (os.mkfifo, "is not a file"),
        (lambda path: path.mkdir(), "is not a file|cannot be read"),
        (lambda path: path.symlink_to("/nowhere"), "is a link"),
        (lambda path: (path.write_text("{}"), path.chmod(0o666)), "by every user"),
    ],
)
def test_a_state_file_that_does_not_count_is_told(local: Path, make: Callable[[Path], object], said: str) -> None:
    local.mkdir(parents=True)
    assert state.doubt() == ""
    make(state.state_file())
    assert state.load() is None
    assert re.search(said, state.doubt())
    result = CliRunner().invoke(app, ["status"])
    assert result.exit_code == 1
    assert "rca-tui down" in " ".join(result.output.split())


def test_a_pid_that_was_given_to_another_process_is_not_alive(local: Path) -> None:
    state.save(a_state(local, init=gone()))
    assert lifecycle.status() is None
    assert LocalDeployment(a_state(local, init=gone())).status().liveness is Liveness.DOWN
    assert not lifecycle.down(), "somebody else's process is nothing of ours"
    assert not state.state_file().exists()


def test_two_cannot_hold_the_lock(local: Path) -> None:
    with state.locked(), pytest.raises(DeploymentError, match="is running; wait"), state.locked():
        pass
    with state.locked():
        pass


def test_a_marked_process_is_ended_and_one_of_another_state_folder_is_not(local: Path, tmp_path: Path) -> None:
    local.mkdir(parents=True)
    sleep = ["sleep", "1000"]
    with (
        subprocess.Popen(sleep, env={**os.environ, ENV_STATE: str(local)}) as ours,
        subprocess.Popen(sleep, env={**os.environ, ENV_STATE: str(tmp_path / "other")}) as theirs,
    ):
        try:
            assert cleanup.clean() == ["1 processes"]
            assert ours.wait(10) == -9
            assert theirs.poll() is None
        finally:
            theirs.kill()


def with_cgroup(local: Path, parent: Path, name: str) -> None:
    (parent / name / "head").mkdir(parents=True)
    state.save(dataclasses.replace(a_state(local), cgroups=Cgroups(Version.V2, (parent,), name), holders={}))


def test_a_cgroup_that_was_made_in_another_login_session_is_removed(
    local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "is_cgroup", lambda folder: True)
    parent = tmp_path / "user@1000.service"
    with_cgroup(local, parent, cgroups.folder_name(state.owner(), "0123abcd"))
    assert cleanup.clean() == ["1 cgroups"]
    assert list(parent.iterdir()) == []


@pytest.mark.parametrize("name", ["rca-tui-{owner}-0123abcd", "rca-tui-other-0123abcd", "../elsewhere", "x"])
def test_pids_in_a_plain_file_are_not_ended(local: Path, tmp_path: Path, name: str) -> None:
    """The state file names a folder that is no cgroup of ours, with a list of pids in it."""
    name = name.format(owner=state.owner())
    with_cgroup(local, tmp_path / "parent", name)
    with subprocess.Popen(["sleep", "1000"]) as bystander:
        (tmp_path / "parent" / name / "head" / "cgroup.procs").write_text(f"{bystander.pid}\n")
        try:
            assert cleanup.clean() == []
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_a_process_that_only_the_state_file_calls_ours_is_not_ended(local: Path) -> None:
    with subprocess.Popen(["sleep", "1000"]) as bystander:
        process = processes.identify(bystander.pid)
        state.save(dataclasses.replace(a_state(local, init=process), sandbox=process))
        try:
            assert cleanup.clean() == []
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_a_state_file_that_others_can_write_counts_as_none(local: Path) -> None:
    state.save(a_state(local))
    assert stat.S_IMODE(state.state_file().stat().st_mode) == 0o600
    state.state_file().chmod(0o666)
    assert state.load() is None


def test_a_slow_look_around_still_ends_what_it_found(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["sleep", "1000"]) as left:
        found = processes.identify(left.pid)
        assert found is not None
        looks = iter([[found], []])
        monkeypatch.setattr(cleanup, "ours", lambda folder: next(looks))
        monkeypatch.setattr(cleanup, "_SECONDS", -1.0)
        assert cleanup.clean(local) == ["1 processes"]
        assert left.wait(10) == -9


def test_connecting_without_a_deployment_says_what_to_do(local: Path) -> None:
    with pytest.raises(DeploymentError, match="rca-tui up"):
        LocalDeployment.connect()
    state.save(a_state(local))
    with pytest.raises(DeploymentError, match="rca-tui up"):
        LocalDeployment.connect()


def test_a_pod_looks_for_its_replica_only_where_it_does_not_know_it(
    local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches = []
    listed = processes.pids
    monkeypatch.setattr(processes, "pids", lambda: searches.append(1) or listed())
    this = processes.identify(os.getpid())
    assert this is not None
    deployment = LocalDeployment(dataclasses.replace(a_state(local, init=this), holders={"head": this}))
    with a_replica() as first:
        assert deployment.pod("head").replica() == first
        searches.clear()
        assert deployment.pod("head").replica() == first
        assert not searches
    with a_replica() as second:
        assert deployment.pod("head").replica() == second
    assert deployment.pod("head").replica() is None


def test_a_pod_whose_holder_is_gone_has_no_replica_whatever_still_runs(local: Path) -> None:
    this = processes.identify(os.getpid())
    with a_replica() as running, subprocess.Popen(["sleep", "60"]) as holder:
        held = processes.identify(holder.pid)
        assert this is not None and held is not None
        pod = LocalDeployment(dataclasses.replace(a_state(local, init=this), holders={"head": held})).pod("head")
        assert pod.replica() == running
        holder.kill()
        holder.wait()
        with pytest.raises(DeploymentError, match="the pod head is gone"):
            pod.replica()


@contextmanager
def a_replica() -> Iterator[int]:
    """Pid of a process with the name of a Serve replica."""
    process = subprocess.Popen(["ray::ServeReplica:llm:LLM", "60"], executable=shutil.which("sleep"))
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def test_a_pod_of_a_deployment_that_ended_says_so(local: Path) -> None:
    pod = LocalPod(a_state(local, init=gone()), "head")
    assert pod.pids() == []
    assert pod.tagged("x") == []
    with pytest.raises(DeploymentError, match="not running"):
        pod.run(["true"])
    with pytest.raises(DeploymentError, match="no pod gpu"):
        LocalPod(a_state(local), "gpu")


def test_a_taken_port_that_was_asked_for_is_refused_and_a_default_moves_on() -> None:
    with lifecycle._listen(None, 28000) as first, lifecycle._listen(None, 28000) as second:
        port = first.getsockname()[1]
        assert second.getsockname()[1] > port
        with pytest.raises(DeploymentError, match=f"port {port}"):
            lifecycle._listen(port, 28000)


def test_settings_cross_into_the_sandbox_whole(tmp_path: Path) -> None:
    settings = Settings(
        "id", Options(pod_cpus=2.5), Cgroups(Version.V2, (tmp_path,), "n", "r"), "/m.gguf", 18000, 3, 18090, 4
    )
    settings.write(RunDir(tmp_path))
    assert Settings.read(RunDir(tmp_path)) == settings


@pytest.mark.parametrize(
    "wrong",
    [{"engine": "x"}, {"pod_cpus": 0}, {"gateway_port": 80}],
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(DeploymentError, match=r"must be|unknown engine"):
        Options(**wrong)  # type: ignore[arg-type]


def test_descendants_are_found_among_those_looked_at() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 1000 & wait"], start_new_session=True) as parent:
        try:
            while not (below := processes.children(parent.pid)):
                assert parent.poll() is None
            assert processes.with_descendants([parent.pid], processes.pids()) == {parent.pid, *below}
            assert processes.with_descendants([parent.pid], [parent.pid]) == {parent.pid}
        finally:
            os.killpg(parent.pid, 9)


def test_looking_at_the_deployment_needs_neither_ray_nor_pandas() -> None:
    code = (
        "import sys; from cluster.local import lifecycle, deployment, pod; lifecycle.status();"
        "print([name for name in ('ray', 'pandas', 'xllamacpp', 'opentelemetry') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_health_names_programs_that_do_not_run(local: Path) -> None:
    known = a_state(local)
    known.run.mkdir(parents=True)
    known.run_dir.health.write_text(json.dumps({"programs": {"ray head": {"alive": True}, "load": {"alive": False}}}))
    assert LocalDeployment(known)._dead_programs() == ["load"]
