"""The public names of each room: they exist, are documented, and cost nothing until they are used."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOMS = ("cluster", "faults", "methods", "guidelines", "rca_tui.notebook")
HEAVY = ("pandas", "numpy", "pydantic", "scipy", "sklearn", "numba", "matplotlib", "ipywidgets", "textual", "ray")

every_room = pytest.mark.parametrize("room", ROOMS)


def source(room: str) -> ast.Module:
    file = importlib.import_module(room).__file__
    assert file is not None
    return ast.parse(Path(file).read_text())


def typed_imports(tree: ast.Module) -> dict[str, str]:
    """Public name -> "module:attribute", from the imports under TYPE_CHECKING."""
    block = next(n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    return {
        alias.asname or alias.name: f"{line.module}:{alias.name}"
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }


def lazy_table(tree: ast.Module) -> dict[str, str]:
    call = next(n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "exports")
    table: dict[str, str] = ast.literal_eval(call.args[1])
    return table


@every_room
def test_names_imports_and_table_agree(room: str) -> None:
    tree = source(room)
    assert lazy_table(tree) == typed_imports(tree)
    names = importlib.import_module(room).__all__
    assert sorted(names) == sorted(typed_imports(tree))


@every_room
def test_every_name_resolves_and_has_a_docstring(room: str) -> None:
    package = importlib.import_module(room)
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    for name in package.__all__:
        value = getattr(package, name)
        assert name not in modules, f"{room}.{name} is a module, too: whichever is imported last wins"
        if inspect.isclass(value) or inspect.isroutine(value):
            text = value.__doc__ or ""
            assert text and not text.startswith(f"{value.__name__}("), f"{room}.{name} has no docstring"
    assert dir(package) == sorted(package.__all__)


@every_room
def test_a_name_that_is_not_public_is_refused(room: str) -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        importlib.import_module(room).nonsense  # noqa: B018


@pytest.mark.parametrize("module", [*ROOMS, "methods.catalog", "faults.catalog", "cluster.incident.library"])
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    program = f"import sys, {module}; print(*sorted({HEAVY} & sys.modules.keys()))".replace(str(HEAVY), str(set(HEAVY)))
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


@pytest.mark.parametrize("package", ["cluster", "faults", "methods", "guidelines", "rca_tui"])
def test_its_types_are_published(package: str) -> None:
    folder = Path(importlib.import_module(package).__path__[0])
    assert (folder / "py.typed").is_file()
