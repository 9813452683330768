"""OpenTelemetry's JSON: attributes, ids, and the spans of `resourceSpans`.

Ids are hex, or base64 where the JSON was made from protobuf by its own rules; 64-bit numbers are strings or numbers.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cluster.spans import Row, failed, row, with_phases

_HEX = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}")


def spans(batches: Any) -> Iterator[tuple[Mapping[str, str], Mapping[str, str], Row]]:
    """(attributes of the resource, the span's own, row) of each span. Raises ValueError and the like."""
    for batch in batches or []:
        resource = attributes((batch.get("resource") or {}).get("attributes"))
        for scope in batch.get("scopeSpans") or batch.get("instrumentationLibrarySpans") or []:
            for span in scope.get("spans") or []:
                start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
                code = (span.get("status") or {}).get("code", 0)
                own = attributes(span.get("attributes"))
                whole = row(
                    hex_id(span["traceId"]), hex_id(span["spanId"]), hex_id(span.get("parentSpanId")), span.get("name"),
                    start / 1e9, (end - start) / 1e9, failed(own, code in (2, "STATUS_CODE_ERROR")),
                )  # fmt: skip
                for one in with_phases(whole, own):
                    yield resource, own, one


def attributes(listed: Any) -> dict[str, str]:
    """The attributes that have one value, as text."""
    values = {}
    for one in listed or []:
        value = one.get("value") or {}
        plain = next(
            (value[key] for key in ("stringValue", "intValue", "boolValue", "doubleValue") if key in value), None
        )
        if plain is not None:
            values[str(one.get("key"))] = str(plain)
    return values


def hex_id(value: object) -> str:
    """Lower-case hex, as the incident keeps it; empty for none."""
    text = str(value or "")
    if not text or _HEX.fullmatch(text.lower()):
        return text.lower()
    try:
        return base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        return text
