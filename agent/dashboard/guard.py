"""Who may ask the dashboard: this machine's user, and no page of any site.

A page in any browser of this machine can send requests to loopback. Its ``Host`` is its own name after DNS rebinding;
browsers say with ``Sec-Fetch-Site`` and ``Origin`` that it is not the dashboard that asks; and whoever is to change
something must name the token of the run, which only the dashboard's own pages and the user's terminal show.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

LOOPBACK = "127.0.0.1"
NAMES = (LOOPBACK, "localhost")
"""The host names to which a dashboard answers, each with its port."""
HTTP_PORT = 80
TOKEN_HEADER = "X-Tallyhost-Token"  # noqa: S105 - the name of a header
TOKEN_FIELD = "token"  # noqa: S105 - the name of a form's field
READING = frozenset({"GET", "HEAD"})
"""Methods that change nothing."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script';"
        " trusted-types dashboard"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""What every response says."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered."""

    status: int
    reason: str


def refusal_of(request: web.Request) -> Refusal | None:
    """Why nobody may ask this, whatever token they name; None where it is the user who asks."""
    transport = request.transport
    port = transport.get_extra_info("sockname")[1] if transport is not None else 0
    # Browsers leave the port out where it is that of the scheme.
    own = {f"{name}:{port}" for name in NAMES} | (set(NAMES) if port == HTTP_PORT else set())
    host = request.headers.getall("Host", [])
    if len(host) != 1 or host[0] not in own:
        return Refusal(421, f"the dashboard answers to its own address alone, http://{LOOPBACK}:{port}/")
    if any(origin != f"http://{host[0]}" for origin in request.headers.getall("Origin", [])):
        return Refusal(403, "the dashboard is not for other pages: the Origin is not its own")
    allowed = {"same-origin", "none"} if request.method in READING else {"same-origin"}
    if any(place not in allowed for place in request.headers.getall("Sec-Fetch-Site", [])):
        return Refusal(403, "the dashboard is not for other pages: open it by its address")
    return None


def names_token(request: web.Request, token: str, given: str = "") -> bool:
    """Whether a request names the run's token: as ``given``, in its own header, or as a bearer's."""
    bearer = request.headers.get("Authorization", "")
    named = given or request.headers.get(TOKEN_HEADER, "") or bearer.removeprefix("Bearer ")
    return hmac.compare_digest(named.encode("utf-8", "surrogateescape"), token.encode())


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer nobody but the user."""
    refusal = refusal_of(request)
    if refusal is not None:
        return web.Response(status=refusal.status, text=f"{refusal.reason}\n")
    return await handler(request)


async def say_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Put :data:`HEADERS` on every response, and keep it out of caches unless it says otherwise."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
