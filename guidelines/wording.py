"""The sentences of findings: lists, counts, missing signals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

_MOST = 5


def listed(names: Sequence[str], most: int = _MOST) -> str:
    """`a, b, c`, cut after `most` names: `a, b, c and 4 more`."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def lacking(missing: Mapping[str, Sequence[str]], among: int) -> str:
    """Which signals are missing, and on which components; `among` is how many were asked."""
    parts: dict[tuple[str, ...], list[str]] = {}
    for signal, components in missing.items():
        parts.setdefault(tuple(components), []).append(signal)
    return "; ".join(
        f"{listed(signals, 8)} {'everywhere' if len(where) == among else 'on ' + listed(where)}"
        for where, signals in parts.items()
    )


def unserved(missing: Iterable[str]) -> str:
    """Why it means nothing that signals which only requests produce are missing."""
    return f"there was no request in this window, and without one there is no {listed(list(missing), 8)}"


def counted(number: int, noun: str) -> str:
    """`1 pod`, `2 pods`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
