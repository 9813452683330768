"""The samples of a range query as arrays, straight from the text of the answer: no Python object a sample.

    "values":[[1700000000,"0.5"],[1700000005,"NaN"]]  ──▶  "values":0 and an array of shape (2, 2)

What is not written as Prometheus, Thanos, Mimir and VictoriaMetrics write it is left to a JSON parser.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KEY = b'"values":'
_OPENED = _KEY + b"[["
_IN_NUMBERS = b"0123456789+-.eEINafn"
"""The characters of a finite number, NaN, +Inf and -Inf."""


def columns(body: bytes) -> tuple[Any, list[NDArray[np.float64]]] | None:
    """The answer with a number in place of each list of samples, and by that number its times and values.

    Each array has the shape (samples, 2): unix seconds, value. None where a JSON parser has to read the answer.
    """
    rest: list[bytes] = []
    arrays: list[NDArray[np.float64]] = []
    at = 0
    while (key := body.find(_OPENED, at)) >= 0:
        start, end = key + len(_KEY), body.find(b"]]", key)
        # A quote behind a backslash is inside a string: what follows it may be anything.
        samples = None if end < 0 or body[key - 1 : key] == b"\\" else _samples(body[start + 1 : end + 1])
        if samples is None:
            return None
        rest += [body[at:start], b"%d" % len(arrays)]
        arrays.append(samples)
        at = end + 2
    if body.count(_KEY) != len(arrays):
        return None
    try:
        return json.loads(b"".join([*rest, body[at:]])), arrays
    except (ValueError, RecursionError):
        return None


def _samples(text: bytes) -> NDArray[np.float64] | None:
    """`[time,"value"],[time,"value"]` as an array; None where it has another form."""
    count = text.count(b"[")
    if text.translate(None, _IN_NUMBERS) != (b'[,""],' * count)[:-1]:
        return None
    try:
        numbers = np.fromstring(text.translate(None, b'[]"'), np.float64, sep=",")
    except ValueError:
        return None
    return numbers.reshape(-1, 2) if len(numbers) == 2 * count else None
