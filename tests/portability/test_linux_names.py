"""Only `cluster.local` and `faults.local` may use what only Linux has: nothing else names it, and nothing imports them.

What must reach the embedded deployment imports it inside the function that needs it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("cluster", "faults", "guidelines", "methods", "rca_tui")
LINUX = ("cluster/local/", "faults/local/")
NAMES = frozenset(
    {
        *("sched_getaffinity", "sched_setaffinity", "pidfd_open", "pidfd_send_signal", "setns", "unshare", "prctl"),
        *("memfd_create", "eventfd", "pipe2", "splice", "copy_file_range", "waitid", "fdatasync", "getresuid"),
        *("epoll", "prlimit", "sigtimedwait", "sigwaitinfo", "O_TMPFILE", "O_PATH", "O_NOATIME", "O_DIRECT"),
        *("AF_PACKET", "AF_NETLINK", "AF_VSOCK", "SO_PEERCRED", "CLOCK_BOOTTIME", "RUSAGE_THREAD", "inotify_init"),
        *("getxattr", "setxattr", "listxattr", "removexattr"),
    }
)
PLACES = ("/proc", "/sys/", "/dev/shm")
IN_A_POD = frozenset({("faults/kubernetes/freeze.py", "COUNT")})
"""Constants that are run by a shell in a container, wherever we are."""


def portable() -> list[Path]:
    files = (path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    return sorted(path for path in files if not str(path.relative_to(ROOT)).startswith(LINUX))


def uses(tree: ast.Module, file: str) -> Iterator[str]:
    """What only Linux has, as `line: what`. Docstrings may speak of it."""
    prose = set(_docstrings(tree)) | set(_run_in_a_pod(tree, file))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in NAMES:
            yield f"{node.lineno}: {node.attr}"
        elif isinstance(node, ast.ImportFrom) and (found := NAMES & {name.name for name in node.names}):
            yield f"{node.lineno}: {', '.join(sorted(found))}"
        elif isinstance(node, ast.Constant) and node not in prose and any(p in str(node.value) for p in PLACES):
            yield f"{node.lineno}: {node.value!s:.60}"


def imports(tree: ast.Module, file: str) -> Iterator[str]:
    """The Linux-only packages that are imported when the module is."""
    for node in _at_import(tree):
        names = [name.name for name in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{name.name}" for name in node.names]
        for name in names:
            if f"{name.replace('.', '/')}/".startswith(LINUX):
                yield f"{node.lineno}: {name}"


def _docstrings(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def _run_in_a_pod(tree: ast.Module, file: str) -> Iterator[ast.AST]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any((file, ast.unparse(target)) in IN_A_POD for target in node.targets):
            yield from ast.walk(node)


def _at_import(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _at_import(child)


@pytest.mark.parametrize("look", [uses, imports])
def test_nothing_else_is_for_linux_alone(look: object) -> None:
    assert callable(look)
    found = []
    for path in portable():
        file = str(path.relative_to(ROOT))
        found += [f"{file}:{use}" for use in look(ast.parse(path.read_text()), file)]
    assert not found


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.sched_getaffinity(0)",
        "from os import pidfd_open",
        "import time\ntime.clock_gettime(time.CLOCK_BOOTTIME)",
        "open('/proc/self/stat')",
        "open(f'/proc/{pid}/stat')",
    ],
)
def test_the_check_sees_what_it_is_for(code: str) -> None:
    assert list(uses(ast.parse(code), "x.py"))


def test_the_check_sees_imports_but_for_those_that_are_made_when_needed() -> None:
    assert list(imports(ast.parse("from faults.local import crash"), "x.py"))
    assert list(imports(ast.parse("from cluster import local"), "x.py"))
    assert not list(imports(ast.parse("def connect():\n    from cluster.local import lifecycle"), "x.py"))
