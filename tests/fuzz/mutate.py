"""Changes to a valid input: bits and lengths, and, where it is JSON or TOML text, values and words."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

WORDS = (
    *(
        b"null",
        b"true",
        b"-1",
        b"0",
        b"1e308",
        b"-1e999",
        b"NaN",
        b"Infinity",
        b"9" * 400,
        b'""',
        b"[]",
        b"{}",
        b"[" * 5000,
    ),
    *(
        b"\x00",
        b"\xff\xfe",
        b"\x1b[2J",
        b"\\ud800",
        b"_" * 3000,
        b"../../etc/passwd",
        b"\n",
        b",",
        b'"',
        b"=",
        b"%n" * 50,
    ),
)
VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        10**400,
        1e308,
        float("nan"),
        float("inf"),
        "",
        "x" * 3000,
        "\x1b[2J[bold]",
        "\ud800",
        "../..",
    ),
    *([], {}, [[]], {"": None}, [None] * 50, "2026-13-45T99:99:99Z", "0001-01-01T00:00:00Z", 5e-324),
)


def mutants(seed: bytes, rng: random.Random) -> Iterator[bytes]:
    """Endless, each made from the valid input."""
    try:
        tree = json.loads(seed)
    except ValueError:
        tree = None
    while True:
        if tree is not None and rng.random() < 0.6:
            yield json.dumps(_grafted(tree, rng)).encode()
        else:
            yield _damaged(seed, rng)


def _damaged(seed: bytes, rng: random.Random) -> bytes:
    whole = bytearray(seed)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at = rng.randrange(len(whole) + 1)
        match rng.randrange(5):
            case 0 if at < len(whole):
                whole[at] ^= 1 << rng.randrange(8)
            case 1:
                del whole[at : at + rng.choice((1, 4, 100, len(whole)))]
            case 2:
                whole[at:at] = rng.choice(WORDS)
            case 3:
                whole[at : at + rng.randrange(1, 12)] = rng.choice(WORDS)
            case _:
                other = rng.randrange(len(whole) + 1)
                whole[at:at] = whole[other : other + rng.randrange(1, 200)]
    return bytes(whole)


def _grafted(tree: Any, rng: random.Random) -> Any:
    """A copy with some values, keys or subtrees replaced, dropped or swapped."""
    copy = json.loads(json.dumps(tree))
    for _ in range(rng.choice((1, 1, 2, 5))):
        places = list(_places(copy))
        if not places:
            return deepcopy(rng.choice(VALUES))
        holder, key = rng.choice(places)
        match rng.randrange(4):
            case 0:
                del holder[key]
            case 1:
                other, name = rng.choice(places)
                holder[key] = json.loads(json.dumps(other.get(name) if isinstance(other, dict) else other[name]))
            case 2 if isinstance(holder, dict):
                holder[rng.choice(("", "x", "schema", "\x1b[2J"))] = holder.pop(key)
            case _:
                holder[key] = deepcopy(rng.choice(VALUES))  # else a later change would change the constant
    return copy


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield tree, key
        yield from _places(tree[key])
