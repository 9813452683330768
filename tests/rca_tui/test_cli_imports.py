"""What a command imports before it answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rca_tui.commands import group


@pytest.mark.parametrize("arguments", [["--help"], ["drill", "--help"], ["--version"]])
def test_help_needs_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from rca_tui.__main__ import main\n"
        f"sys.argv = ['rca-tui', *{arguments!r}]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'pandas', 'numpy', 'textual', 'rich', 'pyarrow', 'scipy', 'httpx'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_help_of_all_commands_imports_none_of_them() -> None:
    code = (
        "import sys; from rca_tui.__main__ import main\n"
        "sys.argv = ['rca-tui', '--help']\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        f"imported = [m for m in {list(group.MODULES)!r} if f'rca_tui.commands.{{m}}' in sys.modules]\n"
        "assert not imported, imported\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert all(f"  {command} " in done.stdout for commands in group.MODULES.values() for command in commands)


def test_every_command_is_registered_by_the_module_that_the_table_names() -> None:
    for module, commands in group.MODULES.items():
        built = group.build(module)
        first = {name: command.help.partition("\n\n")[0].replace("\n", " ") for name, command in built.items()}
        assert {name: f"{text.split('. ')[0].rstrip('.')}." for name, text in first.items()} == commands
    assert {
        path.stem for path in Path(group.__file__).parent.glob("*.py") if "def register(" in path.read_text()
    } == set(group.MODULES)


@pytest.mark.parametrize(
    ("command", "absent"),
    [
        ("methods", "pydantic pandas numpy textual importlib.metadata email zipfile html"),
        ("incidents", "pydantic pandas numpy textual importlib.metadata email secrets zoneinfo html"),
        ("faults", "pydantic psutil pandas numpy textual importlib.metadata email zipfile html"),
    ],
)
def test_a_command_imports_no_other_command_and_nothing_heavy(command: str, absent: str) -> None:
    code = (
        "import sys; from rca_tui.__main__ import main\n"
        f"sys.argv = ['rca-tui', {command!r}]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        f"heavy = set({absent!r}.split()) & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert 'rca_tui.commands.smoke' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_two_methods_import_no_verdict_no_screen_and_no_library_of_other_methods() -> None:
    heavy = {"methods.verdict.decision", "rca_tui.session", "textual", "scipy", "sklearn", "networkx", "numba", "ray"}
    code = (
        "import sys; from rca_tui.__main__ import main\n"
        "sys.argv = 'rca-tui diagnose drill-05 --method baro --method nsigma'.split()\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "import methods.running.worker, methods.baro, methods.nsigma\n"  # what the workers import
        f"heavy = {heavy!r} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "baro" in done.stdout and "nsigma" in done.stdout
