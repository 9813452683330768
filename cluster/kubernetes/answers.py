"""Answers of an API server: refusals in one clause, the lines of a stream, text that can be shown."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from cluster import secrets


def describe(status: int, reason: str, path: str, context: str) -> str:
    match status:
        case 401:
            return "refuses the login (HTTP 401): the token has expired or is wrong; log in again"
        case 403:
            doctor = f"rca-tui --context {shlex.quote(context)} doctor"
            return f"refuses by RBAC (HTTP 403): {reason or path}; `{doctor}` lists the required rights"
        case 404:
            return f"has no such object (HTTP 404): {reason or path}"
        case 429:
            return "refuses more requests for now (HTTP 429); it is overloaded, try again later"
        case _ if status >= 500:
            return f"has an error of its own (HTTP {status}){': ' + reason if reason else ''}; try again later"
        case _:
            return f"refuses the request (HTTP {status}){': ' + reason if reason else ''}"


def lines(response: Any) -> Iterator[bytes]:
    rest = b""
    while block := response.read1(1 << 16, decode_content=True):
        *whole, rest = (rest + block).split(b"\n")
        yield from (line for line in whole if line.strip())


def clean(text: object) -> str:
    """One printable line of bounded length."""
    shown = "".join(c if c.isprintable() else " " for c in secrets.hide(str(text)))
    return " ".join(shown.split())[:300].rstrip(".")
