"""Why a login plugin of a kubeconfig gave no login: the client's library only logs it, in its own words."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cluster.kubernetes.answers import clean

_REASONS = {
    "exec: failed to decode": "its answer is no JSON",
    "exec: missing token": "its answer has neither a token nor a certificate",
    "exec: missing clientKeyData": "its answer has a certificate without a key",
    "exec: malformed request": "the kubeconfig names no program or no apiVersion for it",
    "[Errno": "it cannot be run",
    "'NoneType' object has no attribute 'strip'": "it failed",  # on a terminal, where it says why itself
}
_ENDED = "exec: process returned "
_VERSION = "exec: plugin api version "
_NO_TOKEN = ("None", "True", "False", "{", "[")
"""How texts begin that the library makes of what is no token in JSON."""


class _Kept(logging.Handler):
    def __init__(self, messages: list[str]) -> None:
        super().__init__()
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(record.getMessage())


@contextmanager
def log_kept() -> Iterator[list[str]]:
    """What is logged meanwhile stays off the terminal, and is the list's."""
    messages: list[str] = []
    handler = _Kept(messages)
    logging.getLogger().addHandler(handler)
    try:
        yield messages
    finally:
        logging.getLogger().removeHandler(handler)


def reason(logged: Sequence[str]) -> str:
    """Why the plugin gave no login, one clause."""
    text = clean(next((one for one in logged if one.startswith((*_REASONS, "exec:"))), ""))
    if text.startswith(_ENDED):
        code, _, said = text.removeprefix(_ENDED).partition(". ")
        return f"it ended with code {code}" + (f" ({said})" if said else "")
    if text.startswith(_VERSION):
        theirs, _, ours = text.removeprefix(_VERSION).partition(" does not match ")
        return f"its answer is of the version {theirs}, and the kubeconfig asks for {ours}"
    return next((words for begin, words in _REASONS.items() if text.startswith(begin)), "its answer has another form")


def is_token(header: str) -> bool:
    """Whether `Bearer …` holds what a plugin may have meant as a token."""
    token = header.removeprefix("Bearer").strip()
    return bool(token) and not token.startswith(_NO_TOKEN)
