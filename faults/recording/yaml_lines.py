"""A YAML file as plain data, and the line of each of its values, so that an error can name both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from cluster import own_files
from cluster.text.invalid import clause
from cluster.text.plain import plain
from faults.errors import FaultError

LARGEST = 64 << 10
"""Bytes of a file that is still read."""
DEEPEST = 20
"""Levels of lists and mappings in each other."""

Path_ = tuple[str | int, ...]


class BadFile(FaultError):
    """A file that is no such document: the message names file, line and field."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, OverflowError) as error:  # a date that there is not, a number of 5000 digits
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from None


def read(path: Path, kind: str) -> tuple[Any, Mapping[Path_, int]]:
    """The data, and the line (from 1) of the value at each path of keys and positions. Raises BadFile.

    `kind` is what the file should be, for its sentence: "plan".
    """
    try:
        raw = own_files.head(path, LARGEST + 1)
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror or error}") from None
    if len(raw) > LARGEST:
        raise BadFile(f"{path} is larger than {LARGEST >> 10} KiB: it is no {kind}")
    try:
        text = raw.decode()
        _refuse_costly(text, path)
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            raise BadFile(f"{path} is empty")
        lines = dict(_lines(root, (), path))
        return loader.construct_document(root), lines
    except UnicodeDecodeError:
        raise BadFile(f"{path} is no text in UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise BadFile(f"{path}{where}: {plain(error.problem or 'no YAML', 200)}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadFile(f"{path} is no YAML: {plain(' '.join(str(error).split()), 200)}") from None


def line_of(lines: Mapping[Path_, int], path: Path_) -> int:
    """The line of the value at that path, or of what encloses it where there is none."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def field_name(path: Path_) -> str:
    """`faults[1].name`, as people write it.

    >>> field_name(("faults", 1, "name"))
    'faults[1].name'
    """
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{plain(part, 60)}" for part in path)
    return text.removeprefix(".")


def wrong(file: Path, lines: Mapping[Path_, int], at: Path_, why: str) -> BadFile:
    """The error of what stands at a path in a file."""
    where = f"{file}, line {line_of(lines, at)}"
    return BadFile(f"{where}, field {field_name(at)}: {why}" if at else f"{where}: {why}")


def invalid(file: Path, lines: Mapping[Path_, int], error: ValidationError) -> BadFile:
    """The error of the first thing that does not fit its field."""
    found = error.errors(include_url=False)
    # A name that is written wrong is unknown, and the right one is missing: the former says where.
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    at: Path_ = tuple(first["loc"])
    known = at
    while known and known not in lines:
        known = known[:-1]
    if at != known and first["type"].endswith(("_type", "_parsing")):
        # The value may be of several types: the path goes on with the one that was tried.
        return wrong(file, lines, known, "must be a number, text, true or false, or a list of them")
    return wrong(file, lines, at, plain(clause(first), 600))


def _refuse_costly(text: str, path: Path) -> None:
    """Raise BadFile for what would take long or much memory to read; found before it does."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        where = f"{path}, line {event.start_mark.line + 1}"
        if isinstance(event, yaml.AliasEvent):
            raise BadFile(f"{where}: aliases (*name) are not read: write it out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise BadFile(f"{where}: lists and mappings are nested too deep")


def _lines(node: yaml.Node, path: Path_, file: Path) -> Iterator[tuple[Path_, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for position, inner in enumerate(node.value):
            yield from _lines(inner, (*path, position), file)
    elif isinstance(node, yaml.MappingNode):
        seen = set()
        for key, inner in node.value:
            where = f"{file}, line {key.start_mark.line + 1}"
            if not isinstance(key, yaml.ScalarNode):
                raise BadFile(f"{where}: the name of a field is a word")
            if key.value in seen:
                raise BadFile(f"{where}: {plain(key.value, 60)} is given twice")
            seen.add(key.value)
            yield from _lines(inner, (*path, str(key.value)), file)
