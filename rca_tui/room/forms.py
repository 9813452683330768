"""The form that a page of ours posts: bounded, in time, UTF-8. Anything else is refused with a sentence."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

from aiohttp import web

LARGEST = 16 << 10
"""Bytes of a form that is still read."""
FIELDS = 1000
PATIENCE = 10.0
"""Seconds in which all of it must have arrived."""
_TYPE = "application/x-www-form-urlencoded"


async def read(request: web.Request) -> dict[str, list[str]]:
    """The values of each field, in their order. Raises HTTPException, with the reason as its text.

    The application's `client_max_size` must be `LARGEST`.
    """
    if request.content_type != _TYPE or "Content-Encoding" in request.headers:
        raise web.HTTPUnsupportedMediaType(text=f"a form is posted as {_TYPE}, not compressed")
    try:
        async with asyncio.timeout(PATIENCE):
            raw = await request.read()
        return parse_qs(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS)
    except TimeoutError:
        raise web.HTTPRequestTimeout(text=f"the form did not arrive within {PATIENCE:.0f} s") from None
    except (ValueError, web.RequestPayloadError):
        raise web.HTTPBadRequest(text=f"the form cannot be read: it is no UTF-8, or has over {FIELDS} fields") from None
