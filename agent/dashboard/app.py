"""The dashboard's server: pages, their data, the control API, and a stream of news, behind one guard.

``dashboard_app`` is all of it as one aiohttp application; :func:`serve` puts it on a port of loopback.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from agent.dashboard.control_api import add_control_api, api_refusals
from agent.dashboard.forms import add_forms
from agent.dashboard.guard import LOOPBACK, guard, say_headers
from agent.dashboard.keys import AGENT, CLOSING, OPERATIONS, TOKEN, Operation
from agent.dashboard.live import live
from agent.dashboard.pages import add_pages
from agent.dashboard.rendering import STATIC, read_file, static_files
from agent.model.errors import HostEnvironmentError

if TYPE_CHECKING:
    from agent.runtime import Agent

LARGEST_REQUEST = 1 << 30
"""Bytes: a job is settled over the control endpoint with its whole summary. Forms and the API take far less."""
LONGEST_LINE = 1 << 18
"""Bytes of a request's first line: the header lab's page has the header in its address."""


def _is_of_the_server(record: logging.LogRecord) -> bool:
    """Whether a log record is about the server: HTTP that cannot be read is the mistake of who sent it."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | web.RequestPayloadError)


_log = logging.getLogger("tallyhost.dashboard")
_log.addFilter(_is_of_the_server)


def dashboard_app(
    agent: Agent,
    operations: Mapping[str, Operation],
    *,
    token: str,
    mounts: Mapping[str, web.Application] | None = None,
) -> web.Application:
    """The dashboard of ``agent``. ``operations``: what can be asked of it; ``token``: who may change something.

    ``mounts``: what else its server answers for, by the beginnings of paths, behind the same guard.
    """
    application = web.Application(middlewares=[guard, api_refusals], client_max_size=LARGEST_REQUEST)
    application[AGENT], application[OPERATIONS], application[TOKEN] = agent, operations, token
    application[CLOSING] = asyncio.Event()
    application.on_response_prepare.append(say_headers)
    application.on_shutdown.append(_close)
    application.router.add_get("/live", live, allow_head=False)
    application.router.add_get("/static/{name}", _static)
    add_control_api(application)
    add_forms(application)
    add_pages(application)
    for root, mounted in (mounts or {}).items():
        application.add_subapp(root, mounted)
    return application


@asynccontextmanager
async def serve(application: web.Application, port: int) -> AsyncIterator[int]:
    """Serve ``application`` on ``port`` of loopback, 0 for any, while the block runs; gives the port.

    Raises HostEnvironmentError for a port that is taken or forbidden.
    """
    runner = web.AppRunner(application, access_log=None, logger=_log, shutdown_timeout=2, max_line_size=LONGEST_LINE)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, LOOPBACK, port).start()
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            raise HostEnvironmentError(
                f"port {port} is {'taken' if taken else 'not to be had'}",
                where=f"{LOOPBACK}:{port}",
                rule="" if taken else str(error.strerror or error),
                fix="choose another with --port, or any free one with --port 0",
            ) from error
        bound: int = runner.addresses[0][1]
        yield bound
    finally:
        await runner.cleanup()


async def _close(application: web.Application) -> None:
    application[CLOSING].set()


async def _static(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    # What was %2F in the address is a slash by now: a name is one of the folder's, or none.
    if name not in static_files():
        return web.Response(status=404, text="there is no such file\n")
    kind = STATIC[PurePosixPath(name).suffix]
    headers = {"Cache-Control": "no-cache"}
    return web.Response(text=read_file(f"static/{name}"), content_type=kind, charset="utf-8", headers=headers)
