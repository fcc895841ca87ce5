"""The cookie by which a reporting origin lets its reports be debugged, as Chromium asked for it before 2025.

It is called ``ar_debug``, and counts with Secure, HttpOnly and SameSite=None, where it is not partitioned and would be
sent to the root of the reporting origin; its value says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from ada_url import URL

from agent.browser.devtools_pipe import DevToolsPipe
from agent.browser.network.hooks import Exchange
from agent.model.clock import wall_time

NAME = "ar_debug"


class DebugCookies:
    """Looks for the cookie where the browser keeps it."""

    def __init__(self, pipe: DevToolsPipe) -> None:
        self._pipe = pipe

    async def is_set(self, exchange: Exchange, context_id: str) -> bool:
        """Whether the origin that answers ``exchange`` has the cookie, what this response sets included.

        ``context_id``: the BrowserContext whose cookies count.
        """
        host = str(URL(exchange.url).hostname)
        # The browser has not got the response yet.
        set_now = [
            is_kept
            for value in exchange.response_headers.get_all(b"set-cookie")
            if (is_kept := read_set_cookie(value.decode("latin-1"), exchange.url)) is not None
        ]
        if set_now:
            return set_now[-1]
        answer = await self._pipe.call("Storage.getCookies", {"browserContextId": context_id})
        return any(permits(cookie, host) for cookie in answer.get("cookies", ()))


def permits(cookie: Mapping[str, Any], host: str) -> bool:
    """Whether a cookie, as the DevTools protocol tells it, is the one that lets reports of ``host`` be debugged."""
    return (
        cookie["name"] == NAME
        and cookie["path"] == "/"
        and cookie["secure"]
        and cookie["httpOnly"]
        and cookie.get("sameSite") == "None"
        and "partitionKey" not in cookie
        and _covers(cookie["domain"], host)
    )


def read_set_cookie(value: str, url: str) -> bool | None:
    """Whether a ``Set-Cookie`` of the response from ``url`` sets the cookie (True) or ends it (False).

    None for any other, and for one without the attributes.
    """
    pair, *rest = value.split(";")
    attributes = {
        name.strip(" \t").lower(): text.strip(" \t") for name, _, text in (one.partition("=") for one in rest)
    }
    parsed = URL(url)
    path = attributes.get("path", "")
    if not path.startswith("/"):
        path = parsed.pathname.rpartition("/")[0] or "/"
    domain = attributes.get("domain", "").removeprefix(".").lower()
    cookie = {
        "name": pair.partition("=")[0].strip(" \t"),
        "path": path,
        "secure": "secure" in attributes,
        "httpOnly": "httponly" in attributes,
        "sameSite": attributes.get("samesite", "").capitalize(),
        "domain": f".{domain}" if domain else str(parsed.hostname),
    } | ({"partitionKey": ""} if "partitioned" in attributes else {})
    if not permits(cookie, str(parsed.hostname)):
        return None
    return not _is_over(attributes)


def _covers(domain: str, host: str) -> bool:
    """Cookies of a whole domain begin with a dot there."""
    return domain == host or (domain.startswith(".") and f".{host}".endswith(domain))


def _is_over(attributes: Mapping[str, str]) -> bool:
    """Max-Age wins over Expires; what neither says is a cookie of the session."""
    age = attributes.get("max-age", "")
    if age.removeprefix("-").isdecimal():
        return age.startswith("-") or not age.strip("0")
    try:
        expires = parsedate_to_datetime(attributes.get("expires", "")).timestamp()
    except (ValueError, OverflowError):
        return False
    # Chromium's cookies go by the wall clock.
    return expires * 1000 <= wall_time()
