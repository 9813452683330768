"""Parsers of the run folder's files: spans, access log, engine log, Ray Serve's logs and NGINX's error log.

Every parser takes one line as bytes and the component whose file it is, and returns a record or None; it never raises.
A record is a dict with the columns of `cluster.incident.model` and `written`, the unix time of its line.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable
from typing import Any

from cluster.local import access_log

LONGEST_LINE = 64 << 10
LONGEST_MESSAGE = 8 << 10

Record = dict[str, Any]
Parser = Callable[[bytes, str], Record | None]

_SPAN_ID, _TRACE_ID = re.compile(r"[0-9a-f]{16}"), re.compile(r"[0-9a-f]{32}")
_SEVERITIES = {"WARN": "WARNING", "CRIT": "CRITICAL", "EMERG": "CRITICAL", "ALERT": "CRITICAL", "NOTICE": "INFO"}
_NGINX_ERROR = re.compile(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(\w+)\] (.*)", re.DOTALL)


def span(line: bytes, component: str) -> Record | None:
    """A line of `spans.jsonl`. The component is the file's, so that no line can name another pod."""
    fields = _object(line)
    start, duration = _number(fields.get("start")), _number(fields.get("duration"))
    trace, own, parent = fields.get("trace_id"), fields.get("span_id"), fields.get("parent_id")
    if start is None or duration is None or duration < 0:
        return None
    if (
        not _matches(_TRACE_ID, trace)
        or not _matches(_SPAN_ID, own)
        or not (parent is None or _matches(_SPAN_ID, parent))
    ):
        return None
    error = fields.get("error")
    return {
        "trace_id": trace,
        "span_id": own,
        "parent_id": parent,
        "component": component,
        "operation": _text(fields.get("operation")),
        "start": start,
        "duration": duration,
        "error": error if isinstance(error, bool) else None,
        "written": start + duration,
    }


def access(line: bytes, component: str) -> Record | None:
    """A line of the gateway's access log; the severity follows from the status."""
    found = access_log.parse(line.decode("utf-8", "replace").encode())
    if found is None:
        return None
    severity = "ERROR" if found.error else "WARNING" if found.status >= 400 else "INFO"
    upstream = found.upstream or "no pod"
    message = f"{found.method} {found.uri} {found.status} from {upstream} after {found.request_time:.3f} s"
    return _log(found.time, component, severity, message)


def engine(line: bytes, component: str) -> Record | None:
    """A line of a replica's engine log."""
    fields = _object(line)
    return _log(_number(fields.get("time")), component, fields.get("severity"), fields.get("message"))


def ray_serve(line: bytes, component: str) -> Record | None:
    """A line of a Ray Serve proxy, replica or controller, as its JSON formatter writes it. A traceback is kept."""
    fields = _object(line)
    stamp = _number(fields.get("timestamp_ns"))
    message, traceback = fields.get("message"), fields.get("exc_text")
    if isinstance(message, str) and isinstance(traceback, str):
        message = f"{message}\n{traceback}"
    return _log(None if stamp is None else stamp / 1e9, component, fields.get("levelname"), message)


def nginx_error(line: bytes, component: str) -> Record | None:
    """A line of NGINX's error log, whose times are local and whole seconds."""
    match = _NGINX_ERROR.fullmatch(line.decode("utf-8", "replace").rstrip("\r\n"))
    if match is None:
        return None
    try:
        stamp = time.mktime(time.strptime(match[1], "%Y/%m/%d %H:%M:%S"))
    except (ValueError, OverflowError):
        return None
    return _log(stamp, component, match[2], match[3])


def _log(stamp: float | None, component: str, severity: object, message: object) -> Record | None:
    if stamp is None or not isinstance(message, str):
        return None
    level = _text(severity)[:16].upper() or "INFO"
    return {
        "time": stamp,
        "component": component,
        "severity": _SEVERITIES.get(level, level),
        "message": _text(message),
        "written": stamp,
    }


def _object(line: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _text(value: object) -> str:
    """Text of bounded length, without lone surrogates, which JSON allows and files cannot hold."""
    return value[:LONGEST_MESSAGE].encode("utf-8", "replace").decode() if isinstance(value, str) else ""
