"""Runbooks: commands that are safe to copy whatever the names are, and files of the user beside ours."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import shutil
import subprocess
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving_incident import incident
from typer.main import get_command

from cluster.incident.model import Incident
from cluster.topology import Component, Kind, Topology, calls
from methods.verdict import runbooks
from methods.verdict.runbooks import OURS, actions_for, slug
from methods.verdict.types import Trouble
from rca_tui.__main__ import app

DEPLOYMENTS = ("local", "kubernetes", "endpoints")
OF_ENGINES = {Trouble.STOPPED, Trouble.RESTARTED, Trouble.GPU, Trouble.PREFILL, Trouble.KV_CACHE}
"""Kinds of trouble that only engines have."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    made = tmp_path / "rca-tui" / "runbooks"
    made.mkdir(parents=True)
    return made


def named(name: str, deployment: str = "kubernetes", **labels: str) -> Incident:
    pods = Topology(
        (Component("gateway", Kind.GATEWAY, labels={"pod": "gw-1,gw-2"}), Component(name, Kind.REPLICA, labels=labels)),
        calls("gateway", [name]),
        "gateway",
    )
    return dataclasses.replace(incident(), topology=pods, deployment=deployment)


def commands(case: Incident, name: str, kind: Trouble = Trouble.CPU) -> str:
    return "\n".join(action.command for action in actions_for(case, kind, name, 1000.0))


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
@pytest.mark.parametrize("kind", [kind for kind in Trouble if kind is not Trouble.NONE])
def test_each_kind_of_trouble_has_a_runbook_for_each_deployment(kind: Trouble, deployment: str) -> None:
    assert (OURS / f"{slug(kind)}.{deployment}.md").is_file()
    found = actions_for(named("replica-0", deployment), kind, "replica-0", 1000.0)
    assert len(found) >= 2
    assert not [action for action in found if action.title.startswith("Mend")]
    for action in found:
        assert "{component}" not in action.command
        assert shlex.split(action.command)


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
@pytest.mark.parametrize("kind", [kind for kind in Trouble if kind not in OF_ENGINES | {Trouble.NONE}])
def test_a_gateway_is_not_treated_as_an_engine(kind: Trouble, deployment: str) -> None:
    """It has no engine's log, is in no upstream, and its pods are no part of a Ray cluster."""
    case = named("replica-0", deployment)
    own, theirs = (actions_for(case, kind, name, 1000.0) for name in ("gateway", "replica-0"))
    assert len(own) >= 2
    told = "\n".join(f"{action.title}\n{action.command}" for action in own)
    engines = ("engine", "out of the upstream", "from the gateway", "nvidia-smi")
    assert not [word for word in engines if word in told], told
    # Where nobody is at fault the engines get more room.
    assert kind is Trouble.OVERLOAD or "rayclusters" not in told
    assert {action.title for action in own} & {action.title for action in theirs}


def test_an_action_of_a_user_may_be_for_engines_only(folder: Path) -> None:
    page = "## Drain\n\n{}\n\n```sh\ndrain {{component}}\n```\n"
    case = named("replica-0", "local")
    for line, whose in (("Only for engines.", "replica-0"), ("Only for what has no engine.", "gateway")):
        (folder / f"cpu.local.{whose}.md").write_text(page.format(line), encoding="utf-8")
    for name in ("replica-0", "gateway"):
        told = [action.command for action in actions_for(case, Trouble.CPU, name, None) if action.title == "Drain"]
        assert told == [f"drain {name}"]


def test_every_file_of_ours_is_of_a_kind() -> None:
    kinds = {slug(kind) for kind in Trouble}
    assert {path.name.split(".")[0] for path in OURS.glob("*.md")} <= kinds


def test_the_values_of_the_incident_are_filled_in() -> None:
    told = commands(named("replica-0", namespace="llm", pod="ray-1", node="n1", container="ray"), "replica-0")
    assert "kubectl --namespace=llm top pod ray-1 --containers" in told
    assert "--since-time=1970-01-01T00:16:40Z" in told


HOSTS = [("10.0.0.5:8000", "10.0.0.5"), ("[::1]:8000", "::1"), ("fd00::12", "fd00::12"), ("llm-a", "llm-a")]


@pytest.mark.parametrize(("address", "host"), HOSTS)
def test_an_engine_that_is_watched_is_reached_at_its_address(address: str, host: str) -> None:
    case = named("replica-0", "endpoints", address=f"{address},10.0.0.9:8000")
    told = commands(case, "replica-0", Trouble.CPU)
    assert f"ssh -- {host} ps " in told
    assert f"http://{address}/metrics" in shlex.split(commands(case, "replica-0", Trouble.STOPPED))
    assert 'curl --silent --max-time 5 "${METRICS:?}"' in commands(case, "gateway", Trouble.OVERLOAD)


def test_an_engine_is_asked_by_the_scheme_and_path_that_it_was_watched_by() -> None:
    url = "https://10.0.0.7:8443/llm/metrics"
    case = named("replica-0", "endpoints", address="10.0.0.7:8443", metrics_url=url)
    for kind in (Trouble.STOPPED, Trouble.QUEUE, Trouble.LINK_SLOW):
        asked = commands(case, "replica-0", kind)
        assert url in shlex.split(asked, comments=True) and "http://" not in asked


def test_an_address_of_which_a_part_is_hidden_is_not_known() -> None:
    case = named("replica-0", "endpoints", address="10.0.0.7:8443", metrics_url="http://10.0.0.7:8443/…/metrics")
    assert 'curl --silent --max-time 5 "${METRICS:?}"' in commands(case, "replica-0", Trouble.QUEUE)


@pytest.mark.parametrize("url", ["--output=/tmp/x", "file:///etc/passwd", "javascript:1"])
def test_what_is_no_address_of_metrics_is_not_one(url: str) -> None:
    case = named("replica-0", "endpoints", address="10.0.0.7:8443", metrics_url=url)
    assert url not in commands(case, "replica-0", Trouble.STOPPED)
    assert "http://10.0.0.7:8443/metrics" in commands(case, "replica-0", Trouble.STOPPED)


def test_an_unknown_value_is_a_variable_that_must_be_set() -> None:
    assert 'pod/"${POD:?}"' in commands(named("replica-0", namespace="llm"), "replica-0")


def test_of_a_gateway_of_several_pods_the_first_is_meant() -> None:
    assert "exec pod/gw-1 -- nginx -T" in commands(named("replica-0"), "replica-0", Trouble.ROUTING)


@given(st.text(min_size=1, max_size=40))
def test_a_hostile_name_stays_one_word(name: str) -> None:
    safe = next(
        action.command
        for action in actions_for(named(name, "local"), Trouble.CPU, name, None)
        if "engine.log" in action.command
    )
    words = shlex.split(safe)
    assert words[:3] == ["tail", "-n", "200"]
    assert len(words) == 4
    assert words[3].endswith("/engine.log")
    assert not any(unicodedata.category(letter) in ("Cc", "Cf", "Cs") for letter in safe)


@pytest.mark.parametrize("name", ["x'; rm -rf / #", '$(reboot)"', "`reboot`", "a\nreboot", "\x1b[31m", "-rf"])
def test_a_hostile_pod_ends_no_command(name: str) -> None:
    told = commands(named("replica-0", namespace=name, pod=name, node=name, container=name), "replica-0")
    lines = told.splitlines()
    assert "\x1b" not in told
    assert all(line.startswith("kubectl ") for line in lines), lines
    watched = commands(named("replica-0", "endpoints", address=name), "replica-0")
    assert "\x1b" not in watched
    assert all(line.startswith("ssh -- ") for line in watched.splitlines()), watched


def test_a_users_file_stands_beside_ours(folder: Path) -> None:
    (folder / "cpu.any.team.md").write_text("# Ours\n\n## Call\n\n```sh\npage {component}\n```\n", encoding="utf-8")
    found = actions_for(named("replica-0", "local"), Trouble.CPU, "replica-0", None)
    assert found[-1].command == "page replica-0"
    assert len(found) > 1
    assert not [a for a in actions_for(named("r"), Trouble.MEMORY, "r", None) if a.title == "Call"]


def test_a_users_file_of_the_same_name_replaces_ours(folder: Path) -> None:
    file = folder / "cpu.local.md"
    file.write_text("## Only this\n\n```\ntrue\n```\n", encoding="utf-8")
    case = named("replica-0", "local")
    assert [action.title for action in actions_for(case, Trouble.CPU, "replica-0", None)] == ["Only this"]
    file.write_text("## Now that\n\n```\nfalse\n```\n", encoding="utf-8")
    os.utime(file, ns=(1, 1))
    assert [action.title for action in actions_for(case, Trouble.CPU, "replica-0", None)] == ["Now that"]


@pytest.mark.parametrize("command", ['echo "{component}"', "echo 'a {component}'", "echo `{pod}`", "true # {pod}"])
def test_a_placeholder_inside_quotes_is_refused_with_the_file_to_mend(folder: Path, command: str) -> None:
    (folder / "cpu.local.x.md").write_text(f"## Bad\n\n```\n{command}\n```\n", encoding="utf-8")
    last = actions_for(named("replica-0", "local"), Trouble.CPU, "replica-0", None)[-1]
    assert last.title.startswith("Mend the runbook cpu.local.x.md: {")
    assert "cpu.local.x.md" in last.command


def test_a_file_that_cannot_be_read_says_so_and_costs_nothing_else(folder: Path) -> None:
    (folder / "cpu.local.x.md").write_bytes(b"\xff\xfe\x00")
    (folder / "cpu.local.y.md").write_text("x" * (runbooks.LARGEST + 1), encoding="utf-8")
    titles = [action.title for action in actions_for(named("replica-0", "local"), Trouble.CPU, "replica-0", None)]
    assert titles[-2:] == [
        "Mend the runbook cpu.local.x.md: it cannot be read as UTF-8 text",
        "Mend the runbook cpu.local.y.md: it is larger than 256 KiB",
    ]
    assert len(titles) > 2


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_a_shell_can_read_every_command(deployment: str) -> None:
    kinds = [kind for kind in Trouble if kind is not Trouble.NONE]
    case = named("replica-0", deployment, namespace="a b", pod="it's", node="$(x)", container="c")
    script = "\n".join(a.command for kind in kinds for a in actions_for(case, kind, "replica-0", 1000.0))
    checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, timeout=20, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_our_local_runbooks_name_commands_that_exist() -> None:
    texts = "\n".join(path.read_text(encoding="utf-8") for path in OURS.glob("*.local.md"))
    named_commands = set(re.findall(r"^rca-tui ([\w-]+)", texts, re.MULTILINE))
    assert named_commands
    assert named_commands <= set(get_command(app).commands)  # type: ignore[attr-defined]
