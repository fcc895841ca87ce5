"""What a page with registrations says to the host, and asks of the network."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from playwright.async_api import Request

from tests.injected_js.conftest import Host, NewHost

_PATIENCE = 10
"""Seconds."""


class Registering:
    """A host's page, watched for announcements and requests."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.requests: list[Request] = []
        host.context.on("request", self._requested)

    def _requested(self, request: Request) -> None:
        self.requests.append(request)

    async def reopen(self) -> None:
        """Begin again, with a new document of the same page."""
        await self.host.page.goto(self.host.page.url)
        self.host.calls.clear()
        self.requests.clear()

    async def settle(self, seconds: float = 0.1) -> None:
        """Wait until what the page has begun is known here; what it does in a task of its own takes longer."""
        await asyncio.sleep(seconds)

    def announced(self, method: str | None = None) -> list[dict[str, Any]]:
        """The options of the announcements so far, those by ``method`` alone where it is given."""
        return [
            call["options"]
            for call in self.host.calls
            if call["api"] == "attributionReporting" and method in (None, call["method"])
        ]

    @property
    def background_urls(self) -> list[str]:
        """The URLs of the announced background requests, in their order."""
        return [options["url"] for options in self.announced("request") if options["kind"] == "background"]

    async def one_sent(self, url: str) -> Request:
        """The one request for ``url``, as soon as it is there."""
        deadline = time.monotonic() + _PATIENCE
        while not self.sent(url) and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        (request,) = self.sent(url)
        return request

    def sent(self, url: str) -> list[Request]:
        """The requests for ``url``."""
        return [request for request in self.requests if request.url == url]

    async def run(self, body: str, argument: object = None) -> Any:
        """Run a function body in the page, and wait for what it begins."""
        result = await self.host.run(body, argument)
        await self.settle()
        return result


async def open_page(new_host: NewHost, *args: Any, **more: Any) -> Registering:
    """A new page, watched from before its first request on."""
    return Registering(await new_host(*args, **more))
