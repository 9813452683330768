"""The seal of a truth: encrypted, of one size, and bound to the incident's content.

SIV with HMAC-SHA256 (Rogaway and Shrimpton, 2006: the tag of content and truth is the initial value of the cipher), the
cipher being HMAC-SHA256 in counter mode. It needs no random numbers, so the same incident gives the same bytes.

A truth is sealed with the key of the host (`cluster.host_key`), or open to all: then the key follows from the incident,
and the seal only keeps a glance from spoiling the drill and tells an accidental change.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from enum import StrEnum
from typing import Any

from cluster import host_key
from cluster.incident.container import IncidentError

SCHEMA = 2
BLOCK = 4096
"""Bytes to which a truth is padded: those of all drills fit into one."""

_TAG = 32


class Seal(StrEnum):
    """Who can open a truth: the `host` that recorded it, or `all`. `none`: packed by a version that had no seal."""

    HOST = "host"
    ALL = "all"
    NONE = "none"


def close(truth: bytes, content: str, seal: Seal) -> dict[str, Any]:
    """The content of `truth.sealed`; `content` is the digest of the incident. Raises IncidentError without a key."""
    key = _of_host(make=True) if seal is Seal.HOST else _of_all(content)
    if key is None:
        raise IncidentError(f"the truth cannot be sealed: {host_key.path()} is gone again; save it again")
    padded = truth + b" " * (-len(truth) % BLOCK)  # JSON may end in spaces
    tag = _tag(key, content, padded)
    box = base64.b64encode(tag + _crypt(key, tag, padded)).decode()
    return {"schema": SCHEMA, "key": _name(key) if seal is Seal.HOST else "", "box": box}


def seal_of(sealed: dict[str, Any]) -> Seal:
    """Who can open it."""
    return Seal.HOST if sealed.get("key") else Seal.ALL


def unseal(sealed: dict[str, Any], content: str, place: str) -> bytes:
    """The truth. Raises IncidentError where it, or the incident, was changed, or where the key is another host's."""
    name, box = sealed.get("key"), sealed.get("box")
    if not isinstance(name, str) or not isinstance(box, str):
        raise IncidentError(f"{place} is damaged: get the incident again from its source")
    key = _of_host() if name else _of_all(content)
    if key is None or (name and _name(key) != name):
        raise IncidentError(
            f"{place} was sealed on another host or by another user, and {host_key.path()} does not open it: "
            "reveal it where it was recorded"
        )
    try:
        raw = base64.b64decode(box, validate=True)
    except (binascii.Error, ValueError) as error:
        raise IncidentError(f"{place} is damaged: get the incident again from its source") from error
    tag, hidden = raw[:_TAG], raw[_TAG:]
    padded = _crypt(key, tag, hidden)
    if not hmac.compare_digest(tag, _tag(key, content, padded)):
        raise IncidentError(
            f"{place} is damaged or edited, or belongs to another incident: get it again from its source"
        )
    return padded


def _of_host(*, make: bool = False) -> bytes | None:
    try:
        return host_key.derive("truth", make=make)
    except host_key.HostKeyError as error:
        raise IncidentError(error.what, error.advice, error.command) from error


def _of_all(content: str) -> bytes:
    return hashlib.sha256(b"rca-tui truth for all " + content.encode()).digest()


def _name(key: bytes) -> str:
    """By which a key is known: nothing of it follows from this."""
    return hmac.digest(key, b"name", hashlib.sha256).hex()[:16]


def _tag(key: bytes, content: str, padded: bytes) -> bytes:
    mac = hmac.digest(key, b"authenticate", hashlib.sha256)
    return hmac.digest(mac, content.encode() + b"\0" + padded, hashlib.sha256)


def _crypt(key: bytes, tag: bytes, data: bytes) -> bytes:
    """Exclusive or with the key stream of this tag: its own inverse."""
    stream = hmac.digest(key, b"encrypt", hashlib.sha256)
    pad = b"".join(
        hmac.digest(stream, tag + number.to_bytes(8, "big"), hashlib.sha256) for number in range(-(-len(data) // 32))
    )
    return (int.from_bytes(data) ^ int.from_bytes(pad[: len(data)])).to_bytes(len(data))
