"""Markdown out of docstrings and data."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\*_\[\]<>&#~^$|])")
_CODE = re.compile(r"(`+[^`]+`+)")
_HEADING = re.compile(r"^([A-Z][A-Za-z]*(?: [a-z]+)*):(?: +(.*))?$")


def prose(text: str) -> str:
    """Text of a docstring as Markdown that reads the same: what is not code in backticks has no markup."""
    parts = _CODE.split(text)
    return "".join(part if part.startswith("`") else _SPECIAL.sub(r"\\\1", part) for part in parts).replace(
        "\\<", "&lt;"
    )


def cell(value: object) -> str:
    """One cell of a table."""
    return prose(" ".join(str(value).split()))


def code(value: object) -> str:
    """A cell in code type; empty stays empty. A | in backticks does not end a cell."""
    text = " ".join(str(value).split())
    return f"`{text}`" if text else ""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of cells that are Markdown already; empty without rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(columns)} |", "|" + "---|" * len(columns), *lines])


def fenced(text: str, language: str = "") -> str:
    return f"```{language}\n{text.rstrip()}\n```"


def sections(docstring: str) -> list[tuple[str, str]]:
    """(heading, body) of a docstring in the layout of the method pages; what stands before a heading has none.

    A heading starts a line and ends with a colon; its body follows on the line or indented below. The first line is the
    summary, whatever it looks like.
    """
    first, *rest = docstring.splitlines()
    found: list[tuple[str, list[str]]] = [("", [first])]
    for line in rest:
        match = _HEADING.match(line)
        if match:
            found.append((match[1], [match[2] or ""]))
        elif line and not line.startswith(" ") and found[-1][0]:
            found.append(("", [line]))
        else:
            found[-1][1].append(line)
    return [(heading, _body(lines)) for heading, lines in found if "".join(lines).strip()]


def body(text: str) -> str:
    """Paragraphs, indented blocks and doctests as Markdown."""
    blocks = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        if block.lstrip().startswith(">>>"):
            blocks.append(fenced(textwrap.dedent(block), "pycon"))
        elif all(line.startswith("    ") for line in block.splitlines() if line):
            blocks.append(fenced(textwrap.dedent(block)))
        else:
            blocks.append(prose(textwrap.dedent(block)))
    return "\n\n".join(blocks)


def _body(lines: Sequence[str]) -> str:
    first, *rest = lines
    return body("\n".join([first, *textwrap.dedent("\n".join(rest)).splitlines()]))
