"""Digests of what decides an answer: the method's code and the incident's content.

    code("methods.baro") ── the module and the project's modules that it imports, docstrings and comments left out
    content(incident) ───── telemetry, topology and window; neither id nor onset
    answer(...) ─────────── method, content, onset and seed: the key under which an answer is kept

Two runs with equal digests give the same answer. A method's parameters are the defaults in its source, so the digest
of its code covers them. Releases of the libraries that it imports count too.
"""

from __future__ import annotations

import ast
import hashlib
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from cluster.incident.model import Incident
from methods import catalog

ROOMS = ("cluster", "methods")
"""Packages whose modules are followed, beside the package of the module that is asked for."""
_SEEDS, _MIXTURE = "methods.running.seeds", "methods.running.mixture"
_DISTRIBUTIONS = {"sklearn": "scikit-learn"}
"""Import names that differ from the name under which a library is installed."""


def answer(content: str, onset: str, method: str, seed: int) -> str:
    """The key of one method's answer to one incident.

    Args:
        content: digest of the incident.
        onset: what decides the onset: its time, or the digest of the code that estimates it.
        method: digest of the method.
        seed: of the run.
    """
    return _digest(content, onset, method, str(seed))


def method(name: str) -> str:
    """Digest of one method of the catalogue: its name, its code, and how its random numbers are drawn.

    A method of another package whose source cannot be read gets another digest each time: its answers are not found
    again. Raises UnknownMethod.
    """
    row = catalog.entry(name)
    return _digest(row.name, _code_or_chance(row.module), code(_SEEDS), code(_MIXTURE))


def code(module: str) -> str:
    """Digest of a module and of all project modules that it imports, directly or not. Raises ImportError.

    Docstrings, comments, layout and imports for type checking only do not count. Libraries count by their version.
    """
    files, libraries = _closure(module)
    parts = [f"{name} {_parsed(path, _changed(path)).digest}" for name, path in sorted(files.items())]
    return _digest(*parts, *(f"{name} {_version(name)}" for name in sorted(libraries)))


def modules(module: str) -> frozenset[str]:
    """Names of the modules that `code` covers."""
    return frozenset(_closure(module)[0])


def content(incident: Incident) -> str:
    """Digest of all that a method can read, apart from the onset."""
    telemetry = incident.telemetry
    known = (incident.window, incident.topology, sorted(telemetry.units.items()))
    digest = hashlib.blake2b(repr(known).encode(), digest_size=16)
    for frame in (telemetry.metrics, telemetry.edge_metrics, telemetry.spans, telemetry.logs):
        digest.update(repr(frame.columns.tolist()).encode())
        digest.update(pd.util.hash_pandas_object(frame).to_numpy().tobytes())
    return digest.hexdigest()


def content_after(content: str, change: Callable[[Incident], Incident]) -> str:
    """Digest of an incident that `change` was applied to, without applying it.

    The function counts by its module's code, its name, and the values that it has closed over or been bound to. One
    whose source cannot be read, such as a notebook's, has another digest each time.
    """
    return _digest(content, *_described(change))


@dataclass(frozen=True)
class _Source:
    """One parsed file.

    Attributes:
        digest: of its statements.
        imports: (module, name imported from it or "") pairs.
        offered: of a package's face, the names that it imports when they are first used: name -> such a pair.
    """

    digest: str
    imports: frozenset[tuple[str, str]]
    offered: Mapping[str, tuple[str, str]]


def _closure(module: str) -> tuple[dict[str, Path], set[str]]:
    """Files of the project by module name, and the libraries that they import."""
    rooms = {*ROOMS, module.partition(".")[0]}
    files: dict[str, Path] = {}
    libraries: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in files:
            continue
        path = _file(name)
        if path is None:
            raise ImportError(f"the source of {name} is not found", name=name)
        files[name] = path
        for base, attribute in _parsed(path, _changed(path)).imports:
            absolute = _absolute(base, name, path)
            if absolute.partition(".")[0] in rooms:
                waiting += _homes(absolute, attribute)
            else:
                libraries.add(absolute.partition(".")[0])
    return files, libraries - set(sys.stdlib_module_names)


def _homes(module: str, name: str) -> list[str]:
    """The modules that `from module import name` executes: one inside a package, or one that its face stands for.

    A package that is imported as a whole, without a name or with all names, stands for all that its face offers.
    """
    if name and _file(inner := f"{module}.{name}"):
        return [inner]
    path = _file(module)
    if path is None or path.name != "__init__.py":
        return [module]
    offered = _parsed(path, _changed(path)).offered
    if name in offered:
        base, original = offered[name]
        return _homes(_absolute(base, module, path), original)
    if name not in ("", "*"):
        return [module]
    return [module, *(home for pair in offered.values() for home in _homes(_absolute(pair[0], module, path), pair[1]))]


def _absolute(base: str, importer: str, path: Path) -> str:
    """`base` with its leading dots resolved against the module that imports it."""
    name = base.lstrip(".")
    level = len(base) - len(name)
    if not level:
        return name
    package = importer.split(".") if path.name == "__init__.py" else importer.split(".")[:-1]
    kept = package[: len(package) - level + 1]
    return ".".join([*kept, name] if name else kept)


@cache
def _root(name: str) -> Path | None:
    spec = find_spec(name)
    return Path(spec.origin) if spec is not None and spec.origin is not None else None


def _file(module: str) -> Path | None:
    """Where a module's source lies, found without importing anything."""
    root, *rest = module.split(".")
    origin = _root(root)
    if origin is None or not rest:
        return origin
    base = origin.parent.joinpath(*rest)
    found = (base.with_name(f"{base.name}.py"), base / "__init__.py")
    return next((path for path in found if path.is_file()), None)


def _changed(path: Path) -> int:
    return path.stat().st_mtime_ns


@cache
def _parsed(path: Path, changed: int) -> _Source:
    tree = ast.parse(path.read_bytes())
    imports = frozenset((module, name) for module, name, _ in _imports(tree, False))
    offered = {alias: (module, name) for module, name, alias in _imports(tree, True)}
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            if isinstance(block := getattr(node, name, None), list):
                setattr(node, name, [statement for statement in block if not _is_text(statement)])
    return _Source(_digest(ast.dump(tree, annotate_fields=False)), imports, offered)


def _is_text(node: ast.AST) -> bool:
    """A docstring, of a module, class, function or variable."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _imports(node: ast.AST, for_checking: bool, checking: bool = False) -> Iterator[tuple[str, str, str]]:
    """(module, name imported from it or "", name given to it), of those under TYPE_CHECKING or of the others."""
    if checking == for_checking:
        if isinstance(node, ast.Import):
            yield from ((alias.name, "", alias.asname or alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((module, alias.name, alias.asname or alias.name) for alias in node.names)
    guarded = isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
    for child in ast.iter_child_nodes(node):
        inside = guarded and isinstance(node, ast.If) and child in node.body
        yield from _imports(child, for_checking, checking or inside)


def _described(value: object) -> Iterator[str]:
    if isinstance(value, partial):
        yield from _described(value.func)
        for bound in (*value.args, sorted(value.keywords.items())):
            yield from _described(bound)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _described(item)
    elif callable(value) and hasattr(value, "__code__"):
        yield f"{_code_or_chance(value.__module__)} {value.__module__} {getattr(value, '__qualname__', '')}"
        for cell in getattr(value, "__closure__", None) or ():
            yield from _described(cell.cell_contents)
    else:
        yield repr(value)


def _code_or_chance(module: str) -> str:
    try:
        return code(module)
    except (ImportError, SyntaxError, ValueError, OSError):
        return secrets.token_hex()


@cache
def _version(library: str) -> str:
    try:
        return metadata.version(_DISTRIBUTIONS.get(library, library))
    except metadata.PackageNotFoundError:
        return ""


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
