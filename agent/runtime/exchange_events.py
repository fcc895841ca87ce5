"""Events about what passed on the wire and changed nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterator
from typing import Any

from agent.browser.network.headers import Headers
from agent.browser.network.hooks import Exchange
from agent.browser.network.urls import shown_url
from agent.model.events import Check, Event, Trace
from agent.model.http_record import http_record
from agent.model.site import registrable_domain


def http_of(exchange: Exchange, told: Container[str] = ()) -> dict[str, Any]:
    """What an event keeps of ``exchange``; see :func:`http_record` for ``told``."""
    began: float | None = exchange.data.get("began")
    return http_record(
        exchange.method,
        shown_url(exchange.url),
        _texts(exchange.request_headers),
        status=exchange.status,
        reason=exchange.reason.decode("latin-1"),
        response=_texts(exchange.response_headers),
        began=exchange.data.get("began_at"),
        took=None if began is None else (asyncio.get_running_loop().time() - began) * 1000,
        told=told,
    )


def _texts(headers: Headers) -> Iterator[tuple[str, str]]:
    return ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


def stopped(kind: str, verdict: str, summary: str, exchange: Exchange, check: Check, now: int) -> Event:
    """That nothing came of ``exchange``, at ``now`` (milliseconds), for the failed ``check``.

    ``summary`` has ``{url}`` where the URL is to stand.
    """
    url, host = shown_url(exchange.url), exchange.url.split("/")[2].partition(":")[0]
    data = {"url": url, "status": exchange.status, "http": http_of(exchange)}
    text = f"{summary.format(url=url)}: {check.detail}"
    return Event(kind, now, verdict, text, registrable_domain(host) or "", data, Trace((check,)))
