"""JSON that every parser reads and no terminal acts on: no NaN (null), and everything beyond ASCII escaped."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def json_text(value: object) -> str:
    """The value as indented JSON. What JSON does not know is written as text.

    >>> print(json_text({"a": [1, float("nan")]}).replace(chr(10), ""))
    {  "a": [    1,    null  ]}
    """
    return json.dumps(_clean(value), indent=2, allow_nan=False)


def _clean(value: object) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return str(value)
