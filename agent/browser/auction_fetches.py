"""Fetches what auctions need, as requests of the documents that run them (protected-audience sections 1 and 2).

Responses are judged by the rules of auctions: no CORS, but ``Ad-Auction-Allowed``. The texts are Chromium 143's.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from agent.browser.documents import Document
from agent.browser.worklet_responses import ScriptResponse, is_javascript, is_json
from agent.browser.worklet_scripts import WorkletScripts
from agent.model.clock import SECOND
from agent.model.worklets import WorkletScript

_ALLOWED = ("ad-auction-allowed", "x-allow-fledge")
_PERMISSIONS = "/.well-known/interest-group/permissions/?origin="
_PERMISSIONS_SECONDS = 30
_JSON = ((b"Accept", b"application/json"),)


@dataclass(frozen=True, slots=True)
class Unusable:
    """What was fetched cannot be used."""

    message: str
    """For the page's console; "" where nothing is told."""


@dataclass(frozen=True, slots=True)
class TrustedSignals:
    """What a trusted server answered."""

    value: Any
    """JSON."""
    data_version: int | None
    format_version: int
    """Of bidding signals."""
    fetch_time: int = 0
    """Milliseconds that it took."""


@dataclass(frozen=True, slots=True)
class AuctionFetches:
    """The fetches of one browser's auctions; none carries credentials or follows a redirect."""

    requests: WorkletScripts

    async def script(self, document: Document, url: str) -> WorkletScript | Unusable:
        """A bidder's or a seller's script."""
        accept = ((b"Accept", b"application/javascript"),)
        response = await self.requests.fetch(document, url, accept, b"empty", mode=b"no-cors")
        message = _problem(url, response) or ("" if is_javascript(response) else _unexpected(url))
        return Unusable(message) if message else WorkletScript(url, response.body.decode("utf-8-sig", "replace"))

    async def signals(self, document: Document, url: str) -> TrustedSignals | Unusable:
        """What a trusted server says to ``url``, query included."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        response = await self.requests.fetch(document, url, _JSON, b"empty", site=b"same-origin")
        took = int((loop.time() - began) * SECOND)
        message = _problem(url, response) or ("" if is_json(response) else _unexpected(url))
        if message:
            return Unusable(message)
        value = _parsed(response)
        if not isinstance(value, dict):
            return Unusable(f"{url} Unable to parse as a JSON object.")
        fields = response.fields
        version = _integer(fields.get("ad-auction-bidding-signals-format-version"))
        return TrustedSignals(value, _integer(fields.get("data-version")), 1 if version is None else version, took)

    async def permissions(self, document: Document, owner: str) -> dict[str, Any]:
        """What ``owner`` lets the document do with its groups; empty where it says nothing."""
        url = f"{owner}{_PERMISSIONS}{quote(document.origin, safe='')}"
        own = (*_JSON, (b"Origin", document.origin.encode()))
        try:
            async with asyncio.timeout(_PERMISSIONS_SECONDS):
                response = await self.requests.fetch(document, url, own, b"empty")
        except TimeoutError:
            return {}
        shared = response.fields.get("access-control-allow-origin") in ("*", document.origin)
        value = _parsed(response) if response.status == 200 and shared and is_json(response) else None
        return value if isinstance(value, dict) else {}


def _problem(url: str, response: ScriptResponse) -> str:
    if response.net_error:
        return f"Failed to load {url} error = {response.net_error}."
    if response.status != 200:
        return f"Failed to load {url} HTTP status = {response.status} {response.status_text}."
    if not any(response.fields.get(name, "").strip().lower() == "true" for name in _ALLOWED):
        wanted = "Ad-Auction-Allowed: true (or the deprecated X-Allow-FLEDGE: true)"
        return f"Rejecting load of {url} due to lack of {wanted}."
    return ""


def _unexpected(url: str) -> str:
    return f"Rejecting load of {url} due to unexpected MIME type."


def _parsed(response: ScriptResponse) -> Any:
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        return None


def _integer(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 10 else None
