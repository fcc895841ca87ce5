"""Applications and folders as upstreams: each is served on a loopback port of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from yarl import URL

from agent.model.tasks import Tasks

SHUTDOWN_TIMEOUT = 1.0
"""Seconds a request under way may take when its application is stopped."""


class Serving:
    """The applications a host map runs; all end with :meth:`close`."""

    def __init__(self) -> None:
        self._tasks = Tasks()
        self._runners: list[web.AppRunner] = []
        self._sockets: list[socket.socket] = []

    def start(self, app: web.Application) -> int:
        """Serve ``app`` and give its port. Needs a running loop; requests wait until the application has started."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        listener.setblocking(False)
        self._sockets.append(listener)
        self._tasks.start(self._serve(app, listener), "serve a mapped application")
        port: int = listener.getsockname()[1]
        return port

    async def _serve(self, app: web.Application, listener: socket.socket) -> None:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT)
        self._runners.append(runner)
        try:
            await runner.setup()
            await web.SockSite(runner, listener).start()
        except BaseException:
            listener.close()  # so that waiting browsers are refused instead of hanging
            raise

    async def close(self) -> None:
        """Stop every application."""
        await self._tasks.close()
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))
        for listener in self._sockets:
            listener.close()


def folder_app(folder: Path) -> web.Application:
    """An application that serves the files of ``folder``; a directory answers with its ``index.html``."""
    app = web.Application()
    app.router.add_get("/{path:.*}", _file_handler(folder.resolve()))
    return app


def _file_handler(root: Path) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            path = (root / request.match_info["path"]).resolve()
            is_folder = path.is_dir()
        except (OSError, RuntimeError, ValueError):  # too long a name, links in a circle (before 3.13), a zero byte
            raise web.HTTPNotFound from None
        if not path.is_relative_to(root):
            raise web.HTTPNotFound
        if is_folder:
            if not request.path.endswith("/"):
                raise web.HTTPFound(_with_slash(request.rel_url))
            path /= "index.html"
        if not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path, headers={"Cache-Control": "no-cache"})

    return serve


def _with_slash(url: URL) -> URL:
    """``url`` with a final slash, its query kept; never one that begins with two, which would name another host."""
    return URL.build(path=f"/{url.raw_path.lstrip('/')}/", query_string=url.raw_query_string, encoded=True)
