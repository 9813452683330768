"""Completion of values, asked in the real shells; those that are not installed are skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASH = """
eval "$(_RCA_TUI_COMPLETE=source_bash rca-tui)"
COMP_WORDS=({line} {last})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_rca_tui_completion rca-tui
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
FISH = """
_RCA_TUI_COMPLETE=source_fish rca-tui | source
complete -C '{line} {last}'
"""
ZSH = """
autoload -Uz compinit; compinit -u -d $HOME/.zcompdump
eval "$(_RCA_TUI_COMPLETE=source_zsh rca-tui)"
_arguments() {{ print -r -- "$@" }}
words=({line} {last}); CURRENT=${{#words}}
_rca_tui_completion
"""
SCRIPTS = {"bash": BASH, "fish": FISH, "zsh": ZSH}
KUBECONFIG = """
contexts:
- name: prod
- name: "$(touch pwned)"
- name: "prod\\e[31m"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    command = tmp_path / "bin" / "rca-tui"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m rca_tui "$@"\n')
    command.chmod(0o755)
    (tmp_path / "config").write_text(KUBECONFIG)
    return tmp_path


def completed(shell: str, home: Path, line: str, last: str) -> set[str]:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    environment = {
        **os.environ,
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "KUBECONFIG": f"{home / 'missing'}:{home / 'config'}",
    }
    script = SCRIPTS[shell].format(line=line, last=last)
    done = subprocess.run([shell, "-c", script], env=environment, capture_output=True, text=True, cwd=home, check=False)
    assert done.returncode == 0, done.stderr
    if shell == "zsh":
        return set(done.stdout.replace("*: :((", "").replace("))", "").replace('"', "").split())
    return {row.split("\t")[0] for row in done.stdout.split("\n") if row}


@pytest.mark.slow
@pytest.mark.parametrize("shell", SCRIPTS)
@pytest.mark.parametrize(
    ("line", "last", "wanted"),
    [
        ("rca-tui diagnose", "drill-2", {f"drill-2{n}" for n in range(10)}),
        ("rca-tui explain drill-05 --method", "con", {"consensus"}),
        ("rca-tui diagnose drill-05 --method", "micror", {"microrank", "microrca"}),
        ("rca-tui drill", "cpu-", {"cpu-stress", "cpu-throttle"}),
        ("rca-tui drill cpu-stress --target", "re", {"replica-0", "replica-1", "replica-2"}),
        ("rca-tui status --context", "pr", {"prod"}),
        ("rca-tui", "tri", {"triage"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_shell_completes_values(shell: str, home: Path, line: str, last: str, wanted: set[str]) -> None:
    found = completed(shell, home, line, last)
    names = {name.split(":")[0] for name in found} if shell == "zsh" else found
    assert wanted <= names
    if last != "tri":
        assert names == wanted
    assert not (home / "pwned").exists()


def test_completing_imports_nothing_heavy(home: Path) -> None:
    code = (
        "import sys; from rca_tui.commands import completion as c\n"
        "found = [f('') for f in (c.incidents, c.methods_and_consensus, c.faults, c.targets, c.contexts)]\n"
        "assert all(found), found\n"
        "assert c.contexts('') == ['prod'], found\n"
        "heavy = {'pandas', 'numpy', 'textual', 'rich', 'pyarrow', 'pydantic', 'kubernetes'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KUBECONFIG": str(home / "config")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
