"""Events about what passed on the wire and changed nothing."""

from __future__ import annotations

from agent.browser.network.hooks import Exchange
from agent.browser.network.urls import shown_url
from agent.model.events import Check, Event, Trace
from agent.model.site import registrable_domain


def stopped(kind: str, verdict: str, summary: str, exchange: Exchange, check: Check, now: int) -> Event:
    """That nothing came of ``exchange``, at ``now`` (milliseconds), for the failed ``check``.

    ``summary`` has ``{url}`` where the URL is to stand.
    """
    url, host = shown_url(exchange.url), exchange.url.split("/")[2].partition(":")[0]
    data = {"url": url, "status": exchange.status}
    text = f"{summary.format(url=url)}: {check.detail}"
    return Event(kind, now, verdict, text, registrable_domain(host) or "", data, Trace((check,)))
