"""What documents and source files name: paths, modules, commands. And whether that exists.

Documents are read whole: inline code, and the lines of fenced blocks. Of source files, text constants are read (so
docstrings and messages), their inline code alone, since the rest is prose or data.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import re
import shlex
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer.main

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("rca_tui", "cluster", "faults", "methods", "guidelines")
TOP = (*PACKAGES, "tests", "notebooks", "docs", ".github")
GROUPS = {"rca_tui.methods", "rca_tui.faults", "rca_tui.guidelines"}
"""Names of entry point groups, which look like modules."""

_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)")
_FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
_PATH = re.compile(rf"(?:{'|'.join(re.escape(top) for top in TOP)})/[\w./-]*[\w/]|[\w-]+\.(?:py|ipynb|md|toml|yml|sh)")
_TEST = re.compile(r"\btests/[\w/]+\.py(?:::\w+)*")
_MODULE = re.compile(rf"(?:{'|'.join(PACKAGES)}|tests)(?:\.\w+)+")
_END = re.compile(r"\s[#|>&;]|;|&&|\s…")
"""Where the first command of a line ends."""
_OPEN = re.compile(r"[<>{}*…]|\b[A-Z]{2,}\b|\bX\b|NAME")
"""A placeholder: what it stands for cannot be looked up."""


@dataclass(frozen=True)
class Mention:
    """A piece of text that names something of ours, and the file where it stands."""

    file: str
    text: str


def documents() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob(".github/**/*.md"))]


def sources() -> list[Path]:
    """Without the test of this module, which names what does not exist."""
    found = (path for top in (*PACKAGES, "tests") for path in sorted((ROOT / top).rglob("*.py")))
    return [path for path in found if path.name != "test_mentions.py"]


def in_document(path: Path) -> Iterator[Mention]:
    text, name = path.read_text(encoding="utf-8"), str(path.relative_to(ROOT))
    for block in _FENCE.finditer(text):
        for line in block.group().splitlines()[1:-1]:
            yield Mention(name, line.strip().removeprefix("$ "))
    for span in _CODE.finditer(_FENCE.sub("", text)):
        yield Mention(name, span.group(1))
    if name.startswith("docs/"):
        return  # its links lead to pages, of which some are generated: the strict build of the site follows them
    for link in _LINK.finditer(text):
        yield Mention(name, link.group(1))


def in_source(path: Path) -> Iterator[Mention]:
    name = str(path.relative_to(ROOT))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for span in _CODE.finditer(node.value):
                yield Mention(name, span.group(1))
            for test in _TEST.finditer(node.value):
                yield Mention(name, test.group())


def complaint(mention: Mention) -> str:
    """Why what is named does not exist; empty when it does, or when it names nothing that can be looked up."""
    text = mention.text.strip()
    words = _END.split(text)[0].split()
    if not words:
        return ""
    if words[0].endswith("rca-tui"):
        return _command(" ".join(words))
    if words[0] == "make" and len(words) > 1:
        lost = [word for word in words[1:] if word not in targets() and "=" not in word]
        return f"the Makefile has no target {lost[0]}" if lost else ""
    if match := re.match(r"(?:\S*/)?python3? -m ([\w.]+)", text):
        return _program(match.group(1))
    if _OPEN.search(text):
        return ""
    if _TEST.fullmatch(text):
        return _test(text)
    if _PATH.fullmatch(text):
        return _path(mention.file, text)
    if _MODULE.fullmatch(name := text.split("(")[0].split(":")[0]) and name not in GROUPS:
        return _module(name)
    return ""


@functools.cache
def targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@functools.cache
def _files() -> frozenset[str]:
    """Names of all files of the tree."""
    return frozenset(path.name for top in TOP for path in (ROOT / top).rglob("*")) | {p.name for p in ROOT.iterdir()}


def _path(file: str, text: str) -> str:
    beside = (ROOT / file).parent
    if (ROOT / text).exists() or (beside / text).exists():
        return ""
    if "/" not in text and (text in _files() or file.startswith("tests/")):
        return ""
    return f"there is no {text}"


def _test(text: str) -> str:
    path, _, names = text.partition("::")
    if not (ROOT / path).is_file():
        return f"there is no {path}"
    lost = [
        name
        for name in names.split("::")
        if name and not re.search(rf"(?:def|class) {name}\b", (ROOT / path).read_text())
    ]
    return f"{path} has no {lost[0]}" if lost else ""


def _program(module: str) -> str:
    top = module.split(".")[0]
    if top not in (*PACKAGES, "tests"):
        return ""
    try:
        return "" if importlib.util.find_spec(module) else f"there is no module {module}"
    except ModuleNotFoundError:
        return f"there is no module {module}"


def _module(name: str) -> str:
    """Whether the dotted name is a module, or something in one: a class, a function, a field."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            value: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError as error:
            if not ".".join(parts).startswith(error.name or "?"):
                return ""  # an extra that is not installed here
            continue
        for attribute in parts[length:]:
            if attribute in getattr(value, "__annotations__", {}) and not hasattr(value, attribute):
                return ""
            if not hasattr(value, attribute):
                return f"{name}: there is no {attribute} in {getattr(value, '__name__', value)}"
            value = getattr(value, attribute)
        return ""
    return f"there is no module {name}"


@functools.cache
def _app() -> typing.Any:
    from rca_tui.__main__ import app

    return typer.main.get_command(app)


def _command(line: str) -> str:
    """Whether the command line has this command with these options."""
    command = _app()
    options = _options(command)
    words = iter(shlex.split(line)[1:])
    for word in words:
        if word.startswith("-"):
            option = word.split("=")[0]
            if option not in options:
                return f"`{line}`: {command.name} has no option {option}"
            if "=" not in word and not options[option].is_flag:
                next(words, None)
        elif hasattr(command, "commands") and not _OPEN.search(word):
            if word not in command.commands:
                return f"`{line}`: there is no command {word}"
            command = command.commands[word]
            options |= _options(command)
    return ""


def _options(command: typing.Any) -> dict[str, typing.Any]:
    own = {o: p for p in command.params if hasattr(p, "is_flag") for o in (*p.opts, *p.secondary_opts)}
    return {**own, **dict.fromkeys(("-h", "--help"), types.SimpleNamespace(is_flag=True))}
