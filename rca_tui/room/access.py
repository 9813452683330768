"""Who may enter: loopback alone without a token, and no page of another site on behalf of a visitor."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from rca_tui.listen.server import is_loopback

LONGEST = 250
"""Characters of a path: none of ours has more, and no file system takes a name of more."""
COOKIE = "rca_tui_token"
QUERY = "token"
SECURE_HEADERS = {
    # xterm draws with inline styles, and the page starts it by an inline script; nothing comes from elsewhere.
    "Content-Security-Policy": "default-src 'self' 'unsafe-inline' data:; connect-src 'self' ws: wss:; "
    "frame-ancestors 'self'; form-action 'self'",
    # Not "no-referrer": a browser then sends forms with `Origin: null`, which is refused below.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def guard(token: str) -> Middleware:
    """A middleware that lets in who has the token; without one, who asks for this machine by a loopback name.

    The token comes once in the address (`?token=…`) and is kept in a cookie from then on.
    """

    @web.middleware
    async def enter(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _same_site(request):
            raise web.HTTPForbidden(text="this page may not be used from another site")
        if len(request.path) > LONGEST:
            raise web.HTTPRequestURITooLong(text=f"no path here has more than {LONGEST} characters")
        if token:
            given = request.query.get(QUERY)
            if given is not None and _equal(given, token):
                clean = request.rel_url.with_query({k: v for k, v in request.query.items() if k != QUERY})
                answer = web.HTTPSeeOther(clean)
                answer.set_cookie(COOKIE, token, httponly=True, samesite="Strict")
                raise answer
            if not _equal(request.cookies.get(COOKIE, ""), token):
                raise web.HTTPUnauthorized(text="the token is missing or wrong: open the address that was printed")
        elif not is_loopback(_host(request)):
            # A page in a browser of this machine that has its own name resolved to 127.0.0.1.
            raise web.HTTPForbidden(text="without a token, only requests to localhost are taken")
        return await handler(request)

    return enter


async def secure(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that keep a page to itself, before a response is sent."""
    response.headers.update(SECURE_HEADERS)


def _same_site(request: web.Request) -> bool:
    """Whether a request comes from our own page, or from no page: browsers send Origin with WebSockets and posts."""
    origin = request.headers.get("Origin")
    try:
        return origin is None or urlsplit(origin).netloc == request.host
    except ValueError:  # no address at all
        return False


def _host(request: web.Request) -> str:
    """The name by which this machine was asked for; empty where it is none."""
    try:
        return urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return ""


def _equal(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())
