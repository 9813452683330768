"""The whole way by one command: its order, that it undoes, its report, and that the page knows its commands."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.kubernetes.e2e import kind
from cluster.kubernetes.e2e.__main__ import main
from cluster.kubernetes.e2e.story import Story

PAGE = (Path(__file__).parents[3] / "docs/how-to/kubernetes-install.md").read_text()
ANSWERS = {
    "doctor": {"ok": True},
    "status": {"liveness": "LIVE", "components": [{"component": name} for name in ("gateway", "ray-replicas-0")]},
    "drill": {"whole": True, "saved": "x", "detail": ""},
    "diagnose": {"verdict": {"components": [{"component": "ray-replicas-0"}]}},
    "recover": {},
}


def story(tmp_path: Path, answers: dict[str, object], target: str = "") -> tuple[Story, Path]:
    """A story whose rca-tui answers so: it writes down what it was asked."""
    program, asked = tmp_path / "rca-tui.py", tmp_path / "asked"
    program.write_text(
        "import json, pathlib, sys\n"
        f"answers = json.loads({json.dumps(json.dumps(answers))})\n"
        f"open({str(asked)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        "name = next(one for one in sys.argv[1:] if one in answers)\n"
        "if name == 'drill' and answers[name] and 'error' not in answers[name]:\n"
        "    pathlib.Path(sys.argv[sys.argv.index('--save') + 1]).touch()\n"
        "print(json.dumps(answers[name]) if answers[name] is not None else 'Traceback')\n"
        "sys.exit(0 if answers[name] is not None else 3)\n"
    )
    folder = tmp_path / "out"
    folder.mkdir()
    made = Story("prod", folder, "cpu-stress", target, 60.0, (sys.executable, str(program)), lambda _: None)
    return made, asked


def ran(asked: Path) -> list[str]:
    return [next(word for word in line.split() if word in ANSWERS) for line in asked.read_text().splitlines()]


def test_all_steps_in_order_and_a_report(tmp_path: Path) -> None:
    made, asked = story(tmp_path, ANSWERS)
    made.run()
    assert made.passed and ran(asked) == ["doctor", "status", "drill", "diagnose", "recover"]
    drilled = asked.read_text().splitlines()[2]
    assert drilled.startswith("--context prod drill cpu-stress --target ray-replicas-0 --seconds 60 --save ")
    report = made.report()
    assert "cpu-stress for 60 s on one replica; the verdict blamed it." in report
    assert "| recover | passed |" in report and "prod" not in report and "ray-replicas-0" not in report
    assert [file.name for file in sorted(made.folder.glob("0*"))][:2] == ["00-doctor.json", "01-status.json"]


@pytest.mark.parametrize(
    ("name", "answer", "wrong"),
    [
        ("doctor", {"ok": False, "checks": [{"name": "loki", "verdict": "fail"}]}, "these checks fail: loki"),
        ("status", {"liveness": "DOWN", "components": ANSWERS["status"]["components"]}, "the deployment is DOWN"),
        ("drill", {"whole": False, "detail": "aborted"}, "aborted"),
        ("drill", {"error": "RBAC", "command": ""}, "RBAC"),
        ("drill", None, "exit code 3"),
        ("diagnose", {"verdict": {"components": [{"component": "gateway"}]}}, "names gateway, not ray-replicas-0"),
        ("diagnose", {"verdict": None}, "names nobody, not"),
        ("recover", None, "exit code 3"),
    ],
)
def test_what_fails_is_told_and_the_fault_is_undone_all_the_same(
    tmp_path: Path, name: str, answer: dict[str, object] | None, wrong: str
) -> None:
    made, asked = story(tmp_path, {**ANSWERS, name: answer})
    made.run()
    assert not made.passed and ran(asked)[-1] == "recover"
    (failed,) = [step for step in made.steps if step.wrong]
    assert failed.name == name and wrong in failed.wrong
    assert f"| {name} | failed |" in made.report()


def test_without_a_replica_nothing_is_injected(tmp_path: Path) -> None:
    made, asked = story(tmp_path, {**ANSWERS, "status": {"liveness": "LIVE", "components": [{"component": "gateway"}]}})
    made.run()
    assert ran(asked) == ["doctor", "status", "recover"] and "No drill." in made.report()


def test_a_dry_run_prints_every_command_and_runs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--kind", "--dry-run", "--target", "ray-replicas-1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "kind create cluster --name rca" and lines[-1] == "kind delete cluster --name rca"
    assert any(" drill cpu-stress --target ray-replicas-1 " in line for line in lines)
    assert all(f"--context {kind.CONTEXT}" in line for line in lines if line.startswith("kubectl"))
    assert all(f"--kube-context {kind.CONTEXT}" in line for line in lines if " install " in line)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs in place of kind and the others, which write down how they were called; kind knows no cluster."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in kind.NEEDS:
        (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/called\npwd >> {tmp_path}/where\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_cluster_that_was_there_before_is_left_alone(
    programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (programs / "kind").write_text(f'#!/bin/sh\necho "kind $*" >> {tmp_path}/called\necho other rca\n')
    with pytest.raises(SystemExit) as ended:
        main(["--kind"])
    assert ended.value.code == 2 and "makes the cluster rca, and there is one" in capsys.readouterr().err
    assert (tmp_path / "called").read_text() == "kind get clusters\n"


@pytest.mark.parametrize(("fails", "deleted"), [("create cluster", False), ("load docker-image", True)])
def test_what_was_made_is_deleted_and_nothing_else(
    programs: Path, tmp_path: Path, fails: str, deleted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    body = (programs / "kind").read_text()
    (programs / "kind").write_text(f'{body}case "$*" in *"{fails}"*) echo no disk >&2; exit 1;; esac\n')
    assert main(["--kind"]) == 1
    called = (tmp_path / "called").read_text().splitlines()
    assert ("kind delete cluster --name rca" in called) is deleted
    assert not any(line.startswith("helm") for line in called)
    assert "exit code 1: no disk" in capsys.readouterr().err
    assert "no disk" in "".join(file.read_text() for file in (tmp_path / "e2e-report").glob("*-kind.err"))
    if deleted:
        assert str(kind.ROOT) in (tmp_path / "where").read_text().splitlines()  # from whatever folder it is called


def _kind_with_clusters(programs: Path, tmp_path: Path, create: str) -> None:
    """kind that keeps the list of its clusters, and does this once it has begun to make one."""
    listed = tmp_path / "clusters"
    (programs / "kind").write_text(
        f'#!/bin/sh\necho "kind $*" >> {tmp_path}/called\ncase "$*" in\n'
        f'"get clusters") cat {listed} 2>/dev/null || true;;\n'
        f'"create cluster"*) {create};;\n"delete cluster"*) rm {listed};;\nesac\n'
    )


@pytest.mark.parametrize(
    ("create", "deleted"),
    [
        ("echo rca > {}; kill -INT $PPID; exec sleep 5", True),
        ("kill -INT $PPID; exec sleep 5", False),
        ("echo rca > {}; echo it exists >&2; exit 1", False),
    ],
    ids=["begun and interrupted", "interrupted before anything was made", "made by somebody else meanwhile"],
)
def test_ctrl_c_while_the_cluster_is_made_deletes_it(
    programs: Path, tmp_path: Path, create: str, deleted: bool
) -> None:
    _kind_with_clusters(programs, tmp_path, create.format(tmp_path / "clusters"))
    way = (sys.executable, "-m", "cluster.kubernetes.e2e", "--kind")
    done = subprocess.run(
        way, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(kind.ROOT)}
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    called = (tmp_path / "called").read_text().splitlines()
    assert called.count("kind delete cluster --name rca") == deleted


def test_a_creation_that_is_stopped_after_its_time_is_deleted(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _kind_with_clusters(programs, tmp_path, f"echo rca > {tmp_path}/clusters; exec sleep 20")
    monkeypatch.setattr("cluster.kubernetes.e2e.story._LONGEST", 2.0)
    assert main(["--kind"]) == 1
    assert not (tmp_path / "clusters").exists()


def test_an_exit_code_counts_whatever_the_answer(tmp_path: Path) -> None:
    made, _ = story(tmp_path, ANSWERS)
    program = tmp_path / "rca-tui.py"
    program.write_text(program.read_text().replace("sys.exit(0 if", "sys.exit(4 if name == 'status' else 0 if"))
    made.run()
    (failed,) = [step for step in made.steps if step.wrong]
    assert failed.name == "status" and "exit code 4" in failed.wrong


def test_output_that_is_no_text_is_kept_all_the_same(tmp_path: Path) -> None:
    made, _ = story(tmp_path, ANSWERS)
    made.shell("odd", [sys.executable, "-c", "import sys; sys.stdout.buffer.write(b'\\xff'); input()"])
    assert made.steps[-1].wrong and (made.folder / "00-odd.txt").read_text() == "\ufffd"


def test_the_first_samples_are_waited_for(tmp_path: Path) -> None:
    made, asked = story(tmp_path, ANSWERS)
    made.await_live(60.0)
    assert ran(asked) == ["status"] and made.steps == []


def test_bad_input_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--context", "x", "--out", str(tmp_path)], [], ["--kind", "--context", "x"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
    assert "name a folder that does not exist yet" in capsys.readouterr().err


def test_the_commands_for_kind_are_those_of_the_page() -> None:
    page = " ".join(PAGE.replace("\\\n", " ").split())
    for command in kind.make():
        words = shlex.split(command)
        if words[0] == "helm" and "install" in words:
            at = words.index("install")
            assert " ".join(["helm install", *words[at + 1 : at + 7]]) in page, command
        elif words[:3] == ["helm", "repo", "add"]:
            assert " ".join(words[4:]) in page, command
        elif words[0] in ("kind", "docker"):
            assert command in page
        elif "apply" in words:
            assert words[-1] in page
