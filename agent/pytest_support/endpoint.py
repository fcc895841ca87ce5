"""What a recording reporting origin answers: reports, registrations, and whatever else is behind its host."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aiohttp import ClientError, ClientSession, web
from yarl import URL

from agent.aggregation.collector import ATTRIBUTION_PATHS, MAX_REPORT_BYTES, PRIVATE_AGGREGATION_PATHS
from agent.pytest_support.captured import CapturedReport, opened

if TYPE_CHECKING:
    from agent.crypto.keys import KeyRing
    from agent.model.clock import Clock
    from agent.runtime.collecting import OpenCollector

_KINDS = {**ATTRIBUTION_PATHS, **PRIVATE_AGGREGATION_PATHS}
_OF_A_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "content-length"}
"""Header fields that are not passed on; nor is a request's ``Content-Encoding``, which aiohttp has undone."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What the next reports meet."""

    status: int | None = None
    stall: float = 0
    """Seconds of real time."""
    reset: bool = False
    times: int | None = None
    """How many reports; None for all to come."""


class Endpoint:
    """The server of one reporting origin."""

    def __init__(
        self, collector: OpenCollector, clock: Clock, keys: KeyRing, origin: str, behind: Callable[[], str | None]
    ) -> None:
        self._collector, self._clock, self._keys, self._origin, self._behind = collector, clock, keys, origin, behind
        self.received: list[CapturedReport] = []
        self.refused: list[tuple[str, int]] = []
        self.troubles: list[Trouble] = []
        self.answers: dict[str, tuple[int, dict[str, str], str]] = {}
        """Status, header fields and text, by path."""

    def app(self) -> web.Application:
        """It as an application."""
        app = web.Application(client_max_size=MAX_REPORT_BYTES * 2)
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST" and request.path in _KINDS:
            return await self._receive(request)
        if request.path in self.answers:
            status, headers, text = self.answers[request.path]
            return web.Response(status=status, headers={"Content-Type": "text/html", **headers}, text=text)
        target = self._behind()
        if target is None:
            return web.Response(status=404, text=f"nothing is served at {self._origin}{request.path}")
        return await _pass_on(request, target)

    async def _receive(self, request: web.Request) -> web.Response:
        raw, trouble, url = await request.read(), self._next_trouble(), self._origin + request.path
        if trouble.stall:
            await asyncio.sleep(trouble.stall)
        if trouble.reset:
            self.refused.append((url, 0))
            _reset(request)
            return web.Response()
        if trouble.status is not None:
            self.refused.append((url, trouble.status))
            return web.Response(status=trouble.status)
        answer = await self._collector.receive(request.path, request.content_type, raw)
        if answer.status == 200:
            body = json.loads(raw)
            contributions = opened(body, self._keys)
            kind = _KINDS[request.path]
            self.received.append(CapturedReport(kind, url, body, raw, self._clock.now(), contributions))
        else:
            self.refused.append((url, answer.status))
        return web.json_response(answer.document, status=answer.status)

    def _next_trouble(self) -> Trouble:
        if not self.troubles:
            return Trouble()
        first = self.troubles[0]
        if first.times is not None:
            left = first.times - 1
            self.troubles[:1] = [replace(first, times=left)] if left else []
        return first


def _reset(request: web.Request) -> None:
    """Reset the connection: the network's failure, where a mere end would be the server's."""
    assert request.transport is not None  # it was there to read the request from
    request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()


async def _pass_on(request: web.Request, target: str) -> web.Response:
    """What ``target`` answers to ``request``."""
    body, dropped = await request.read(), _OF_A_CONNECTION | {"content-encoding"}
    url = URL(target.rstrip("/") + request.raw_path, encoded=True)
    headers = _without(dropped, request.headers.items())
    try:
        async with (
            ClientSession(auto_decompress=False) as session,
            session.request(
                request.method, url, headers=headers, data=body, allow_redirects=False, ssl=False
            ) as answer,
        ):
            kept = _without(_OF_A_CONNECTION, answer.headers.items())
            return web.Response(status=answer.status, headers=kept, body=await answer.read())
    except ClientError as error:
        return web.Response(status=502, text=f"{target}: {error}")


def _without(names: set[str], fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in fields if name.lower() not in names]
