"""ASGI applications, such as Starlette's, FastAPI's, Quart's and Django's, as applications of aiohttp (ASGI 3.0).

HTTP and the lifespan are passed on; WebSockets are not, and are answered with 501.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from agent.model.tasks import Tasks

Message = MutableMapping[str, Any]
AsgiApplication = Callable[[Any, Any, Any], Awaitable[None]]
"""What is called with scope, ``receive`` and ``send``; frameworks have types of their own for these."""
VERSIONS = {"version": "3.0", "spec_version": "2.4"}
_LOOK_EVERY = 0.1
"""Seconds after which is looked whether who asked is gone, where an application waits for that."""
_WITHOUT_BODY = {204, 205, 304}
_log = logging.getLogger("tallyhost")


def is_asgi(target: object) -> bool:
    """Whether ``target`` is an ASGI application: what is called with a scope, and awaited."""
    if isinstance(target, type) or not callable(target):
        return False
    return inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(type(target).__call__)


def asgi_app(application: AsgiApplication) -> web.Application:
    """An aiohttp application that has ``application`` answer every request.

    It is told that the requests came by https, as those to a site do. Where its startup fails nothing is served; one
    without a lifespan needs none.
    """
    lifespan, app = _Lifespan(application), web.Application()

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return web.Response(status=501, text="WebSockets are not passed on to ASGI applications")
        return await _Exchange(request, lifespan.state).answered(application)

    app.router.add_route("*", "/{path:.*}", answer)
    app.on_response_prepare.append(_say_no_type_of_ours)
    app.cleanup_ctx.append(lifespan.around)
    return app


class _Answer(web.StreamResponse):
    """What an ASGI application answers."""

    typed = False
    """Whether it has said which content it is."""


async def _say_no_type_of_ours(_request: web.Request, response: web.StreamResponse) -> None:
    """Take away what aiohttp says of its own: to a browser it would be a download."""
    if isinstance(response, _Answer) and not response.typed:
        response.headers.popall("Content-Type", None)


class _Exchange:
    """One request and its response."""

    def __init__(self, request: web.Request, state: dict[str, Any]) -> None:
        self._request, self._state = request, state
        self._response: _Answer | None = None
        self._read, self._done = False, asyncio.Event()

    async def answered(self, application: AsgiApplication) -> web.StreamResponse:
        """The response that ``application`` has sent. Raises what it raises, which aiohttp tells the log."""
        try:
            await application(self._scope(), self._receive, self._send)
        finally:
            whole = self._done.is_set()
            self._done.set()
        if self._response is None or not whole:
            raise RuntimeError(f"the ASGI application ended without a whole answer to {self._request.path}")
        return self._response

    def _scope(self) -> dict[str, Any]:
        request = self._request
        path, _, query = request.raw_path.partition("?")
        return {
            "type": "http",
            "asgi": VERSIONS,
            "http_version": f"{request.version.major}.{request.version.minor}",
            "method": request.method,
            "scheme": "https",
            "path": unquote(path),
            "raw_path": path.encode("latin-1", "replace"),
            "query_string": query.encode("latin-1", "replace"),
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.raw_headers],
            "client": (request.remote or "127.0.0.1", 0),
            "server": (request.host.partition(":")[0], 443),
            "state": dict(self._state),
        }

    async def _receive(self) -> Message:
        if not self._read:
            body = await self._request.content.readany()
            self._read = self._request.content.at_eof()
            return {"type": "http.request", "body": body, "more_body": not self._read}
        while not self._done.is_set() and not self._gone():
            try:
                await asyncio.wait_for(self._done.wait(), _LOOK_EVERY)
            except TimeoutError:
                continue
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        match message["type"]:
            case "http.response.start" if self._response is None:
                self._response = _Answer(status=message["status"])
                for name, value in message.get("headers", ()):
                    self._response.headers.add(bytes(name).decode("latin-1"), bytes(value).decode("latin-1"))
                self._response.typed = "Content-Type" in self._response.headers
            case "http.response.body" if self._response is not None and not self._done.is_set():
                if not self._response.prepared:
                    await self._response.prepare(self._request)
                if (body := message.get("body", b"")) and self._has_body():
                    await self._response.write(body)
                if not message.get("more_body", False):
                    await self._response.write_eof()
                    self._done.set()
            case kind:
                raise RuntimeError(f"the ASGI application sent {kind!r}, which is not its turn")

    def _has_body(self) -> bool:
        assert self._response is not None
        return self._request.method != "HEAD" and self._response.status not in _WITHOUT_BODY

    def _gone(self) -> bool:
        transport = self._request.transport
        return transport is None or transport.is_closing()


class _Lifespan:
    """The startup and shutdown of an application."""

    def __init__(self, application: AsgiApplication) -> None:
        self._application = application
        self.state: dict[str, Any] = {}
        """What it keeps for its requests."""

    async def around(self, _app: web.Application) -> AsyncIterator[None]:
        """For aiohttp: start, and end. Raises RuntimeError where the startup fails."""
        tasks, asked = Tasks(), asyncio.Queue[Message]()
        answers: asyncio.Queue[Message] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": VERSIONS, "state": self.state}

        async def live() -> None:
            try:
                await self._application(scope, asked.get, answers.put)
            except Exception:  # noqa: BLE001 - so an application says that it has no lifespan
                _log.debug("an ASGI application has no lifespan", exc_info=True)
            # Nobody must wait for an answer of one that has ended.
            await answers.put({"type": "ended"})

        tasks.start(live(), "lifespan of an ASGI application")
        await asked.put({"type": "lifespan.startup"})
        answer = await answers.get()
        try:
            if answer["type"] == "lifespan.startup.failed":
                raise RuntimeError(f"the ASGI application did not start: {answer.get('message', '')}")
            yield
            if answer["type"] != "ended":
                await asked.put({"type": "lifespan.shutdown"})
                await answers.get()
        finally:
            await tasks.close()
