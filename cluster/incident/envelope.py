"""What stands around the telemetry in a saved incident: its header and its sealed truth, read without pandas."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from pathlib import Path

from pydantic import ValidationError

from cluster.incident import container, seal
from cluster.incident.container import IncidentError
from cluster.incident.header import Header, SealedTruth
from cluster.incident.seal import Seal
from cluster.incident.summary import HEADER, SEALED, digest, parse, read_body
from cluster.incident.truth import Truth
from cluster.text.invalid import clause
from cluster.text.plain import plain
from cluster.topology import Topology

TRUTHS = "truths.json"
_TRUTH_LIMIT = 1024 * 1024
_RECORDED = ("local", "kubernetes", "endpoints")
"""Kinds of deployments of which a host records drills."""


def load_truth(path: Path | str) -> Truth | None:
    """The sealed truth of an incident, or None when it has none. Raises IncidentError."""
    path = Path(path)
    with container.Reader(path) as reader:
        header, content = _checked(reader)
        if SEALED not in reader:
            return None
        sealed, _ = _unseal(reader, header, content)
    if sealed.incident != header.id:
        raise IncidentError(f"{SEALED} in {path} belongs to another incident: get the right one from its source")
    return sealed.make_truth()


def seal_of(path: Path | str) -> Seal | None:
    """How the truth is sealed, or None when there is none. Raises IncidentError as `load_truth` does."""
    with container.Reader(Path(path)) as reader:
        header, content = _checked(reader)
        return _unseal(reader, header, content)[1] if SEALED in reader else None


def truth_digest(path: Path | str) -> tuple[str, str]:
    """The id of an incident, and a digest of its content and its truth. Raises IncidentError, also without a truth."""
    with container.Reader(Path(path)) as reader:
        header, content = _checked(reader)
        if SEALED not in reader:
            raise IncidentError(f"{path} has no {SEALED}")
        return header.id, digest(content.encode() + _opened(reader, content)[0])


def doubt(path: Path | str) -> str:
    """Why nothing shows who wrote the truth of a recorded drill; "" where the seal does. Raises IncidentError.

    A host seals the drills that it records. A truth in another form may have been put in the place of the sealed one by
    whoever had the file: anyone can make those forms. Imported incidents were never drills of a host.
    """
    with container.Reader(Path(path)) as reader:
        header, content = _checked(reader)
        if SEALED not in reader:
            return ""
        seal = _unseal(reader, header, content)[1]
    if header.id in _shipped():
        return ""  # it is the one that the package has the digest of: `_unseal` compared it
    if seal is Seal.NONE:
        return "it has no seal, so anyone who had the file can have written it"
    if seal is Seal.ALL and header.deployment in _RECORDED:
        return "its seal is open to all, so anyone who had the file can have written it"
    return ""


def topology(path: Path | str) -> Topology:
    """What was deployed, without the telemetry. Raises IncidentError as `load` does, for all but the telemetry."""
    with container.Reader(Path(path)) as reader:
        header = read_header(reader)
    try:
        return header.make_topology()
    except ValueError as error:
        raise IncidentError(f"{path} is inconsistent: {reason(error)}; save it again") from error


def read_header(reader: container.Reader) -> Header:
    """The header of an open incident, its digest checked. Raises IncidentError."""
    return _checked(reader)[0]


def _checked(reader: container.Reader) -> tuple[Header, str]:
    """The header and its digest, to which that of each table belongs."""
    content = read_body(reader)[1]
    try:
        return Header.model_validate_json(content), digest(content)
    except ValidationError as error:
        raise IncidentError(f"{HEADER} in {reader.path} is not valid: {reason(error)}") from error


def _unseal(reader: container.Reader, header: Header, content: str) -> tuple[SealedTruth, Seal]:
    path = reader.path
    text, how = _opened(reader, content)
    known = _shipped().get(header.id)
    if known is not None and known != digest(content.encode() + text):
        raise IncidentError(
            f"{SEALED} in {path} was edited, or its incident was: it is not the one that is shipped as {header.id}"
        )
    try:
        return SealedTruth.model_validate_json(text), how
    except ValueError as error:
        raise IncidentError(f"{SEALED} in {path} is damaged: get the incident again from its source") from error


def _opened(reader: container.Reader, content: str) -> tuple[bytes, Seal]:
    """The truth as JSON, not checked yet, and how it was sealed."""
    path = reader.path
    sealed = parse(path, SEALED, reader.read(SEALED, _TRUTH_LIMIT), seal.SCHEMA)
    if sealed["schema"] == seal.SCHEMA:
        return seal.unseal(sealed, content, f"{SEALED} in {path}"), seal.seal_of(sealed)
    return _unpack(path, sealed.get("sealed")), Seal.NONE


def _shipped() -> dict[str, str]:
    """Digests of the shipped truths, each with its incident, by the incident's id: no seal tells that they are ours."""
    known: dict[str, str] = json.loads((Path(__file__).parent / "shipped" / TRUTHS).read_text())
    return known


def _unpack(path: Path, packed: object) -> bytes:
    """A truth as versions packed it that had no seal."""
    damaged = IncidentError(f"{SEALED} in {path} is damaged: get the incident again from its source")
    if not isinstance(packed, str):
        raise damaged
    try:
        inflate = zlib.decompressobj()
        text = inflate.decompress(base64.b64decode(packed, validate=True), _TRUTH_LIMIT)
        if not inflate.eof:
            raise damaged
        return text
    except (binascii.Error, zlib.error, ValueError) as error:
        raise damaged from error


def reason(error: BaseException) -> str:
    """What is wrong, as one short clause."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return plain(f"{'.'.join(str(part) for part in first['loc'])}: {clause(first)}", 300)
    return plain(" ".join(str(error).split()), 300).rstrip(".") or type(error).__name__
