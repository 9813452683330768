"""The secrets that this process holds, so that no message, note or file shows one, whoever says it.

A server may put the token that it was sent into its error, and a library the header that it refuses into its own. Both
are removed by value, wherever such text is made harmless.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

SHORTEST = 6  # characters; a shorter one cannot be told from the words of a message
_HIDDEN = "[secret]"
_held: dict[str, None] = {}
_KEPT = 4096  # tokens are renewed while we run: the oldest is of no use any more. A thousand targets have one each


def hold(*secrets: str) -> None:
    """Hide these from now on."""
    for secret in secrets:
        if len(secret) >= SHORTEST:
            _held.pop(secret, None)
            _held[secret] = None
    while len(_held) > _KEPT:
        del _held[next(iter(_held))]


def hold_login(headers: Mapping[str, str], auth: tuple[str, str] | None = None) -> None:
    """Hide what a request logs in with: its headers' values, with and without `Bearer`, and its password."""
    for value in headers.values():
        hold(value, value.strip().rpartition(" ")[2])
    if auth is not None:
        hold(auth[1], base64.b64encode(":".join(auth).encode()).decode())


def hide(text: str) -> str:
    """The text without any secret that is held."""
    for secret in sorted((one for one in _held if one in text), key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return text
