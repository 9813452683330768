"""YAML as plain data, by libyaml where PyYAML has it: a quarter of the time of the parser in Python."""

from __future__ import annotations

from typing import Any

import yaml

DEEPEST = 100
"""Levels of lists and mappings in each other."""


def load(content: str | bytes, texts: bool = False) -> Any:
    """The one document in the content; no tag makes an object.

    Args:
        texts: of scalars read strings alone, as they are written.

    Raises yaml.YAMLError; RecursionError for more than `DEEPEST` levels, and ValueError for a date that there is not.
    """
    base, safe = (yaml.BaseLoader, yaml.SafeLoader)
    if yaml.__with_libyaml__:
        base, safe = (yaml.CBaseLoader, yaml.CSafeLoader)
        _refuse_depth(content)  # libyaml's tree is built by recursion that Python does not count
    return yaml.load(content, Loader=base if texts else safe)  # noqa: S506  both are safe


def _refuse_depth(content: str | bytes) -> None:
    depth = 0
    for event in yaml.parse(content, Loader=yaml.CBaseLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise RecursionError("lists and mappings are nested too deep")
