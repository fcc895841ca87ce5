"""ASGI applications, such as Starlette's, FastAPI's, Quart's and Django's, as sites of tests: uvicorn serves them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from agent.model.tasks import Tasks

AsgiApplication = Callable[[Any, Any, Any], Awaitable[None]]
"""What is called with scope, ``receive`` and ``send``; frameworks have types of their own for these."""
SHUTDOWN_SECONDS = 1
"""What a request under way may take when its application is stopped."""


class AsgiServers:
    """The servers of applications; all end with :meth:`close`."""

    def __init__(self) -> None:
        self._tasks = Tasks()
        self._running: dict[_Server, asyncio.Task[None]] = {}

    def start(self, application: AsgiApplication) -> int:
        """Serve ``application`` and give its port. Needs a running loop; requests wait until it has started."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        config = uvicorn.Config(
            _as_https(application),
            # The log is the tests' own.
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        server = _Server(config)
        self._running[server] = self._tasks.start(_serve(server, listener), "serve an ASGI application")
        port: int = listener.getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop every application."""
        for server in self._running:
            server.should_exit = True
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        await self._tasks.close()


class _Server(uvicorn.Server):
    """Leaves Ctrl-C to pytest."""

    capture_signals = staticmethod(contextlib.nullcontext)  # type: ignore[assignment]


async def _serve(server: _Server, listener: socket.socket) -> None:
    try:
        # Of an application that does not start, uvicorn tells the log why.
        with contextlib.suppress(SystemExit):
            await server.serve([listener])
    finally:
        listener.close()  # where it did not start, browsers that wait are refused instead of hanging


def _as_https(application: AsgiApplication) -> AsgiApplication:
    """``application``, told of requests what its site is to the browser."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").partition(":")[0]
            scope = {**scope, "scheme": "https", "server": (host, 443)}
        await application(scope, receive, send)

    return answer
