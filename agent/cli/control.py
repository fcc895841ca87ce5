"""The control endpoint of a running agent: what ``state``, ``time``, ``reports`` and ``explain`` ask, on loopback.

A page in any browser of this machine can send requests to loopback. It cannot name the token, its ``Host`` is its own
name after DNS rebinding, it cannot leave out ``Origin``, and JSON needs a preflight, which nothing answers.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from agent.cli.operations import OPERATIONS
from agent.cli.output import SCHEMA, error_document
from agent.cli.running import announce, withdraw
from agent.model.errors import TallyhostError
from agent.model.rng import token
from storage.profile import Control

if TYPE_CHECKING:
    from agent.runtime import Agent

LOOPBACK = "127.0.0.1"
ROOT = "/v1"
"""Where the operations are, each by its name."""
_LARGEST_REQUEST = 1 << 30
"""Bytes: a job is settled with its whole summary, which may have a million buckets."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def control_endpoint(agent: Agent, profile: str) -> AsyncIterator[Control]:
    """Answer for ``agent`` while the block runs, and say where in the profile's control file."""
    secret = token(32)
    runner = web.AppRunner(control_app(agent, secret, ROOT), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0).start()
        port: int = runner.addresses[0][1]
        with announced(profile, port, secret) as control:
            yield control
    finally:
        await runner.cleanup()


@contextmanager
def announced(profile: str, port: int, secret: str) -> Iterator[Control]:
    """Say in the profile's control file, while the block runs, that its agent is reached at ``port``."""
    control = Control(address=f"http://{LOOPBACK}:{port}", token=secret, pid=os.getpid())
    announce(profile, control)
    try:
        yield control
    finally:
        withdraw(profile, control)


def control_app(agent: Agent, secret: str, root: str = "") -> web.Application:
    """What answers the command line. ``root``: ``/v1`` where it answers as itself, empty where it is mounted there."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if (refusal := _refusal(request, secret)) is not None:
            return refusal
        return await handler(request)

    async def answer(request: web.Request) -> web.Response:
        operation = OPERATIONS.get(request.match_info["name"])
        if operation is None:
            return _error(404, TallyhostError(f"this agent knows no operation {request.match_info['name']!r}"))
        try:
            asked: Any = await request.json()
        except (ValueError, LookupError, RecursionError):  # no JSON, of no known coding, or nested too deep
            asked = None
        if not isinstance(asked, dict):
            return _error(400, TallyhostError("the body of a control request is one JSON object"))
        try:
            return web.json_response({"schema": SCHEMA, **await operation(agent, asked)})
        except TallyhostError as error:
            return _error(400, error)

    application = web.Application(middlewares=[guard], client_max_size=_LARGEST_REQUEST)
    application.router.add_post(root + "/{name}", answer)
    return application


def _refusal(request: web.Request, secret: str) -> web.Response | None:
    """The answer to a request that does not come from this user's command line, else None."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    transport = request.transport
    port = transport.get_extra_info("sockname")[1] if transport is not None else 0
    if request.headers.get("Host") != f"{LOOPBACK}:{port}":
        return web.Response(status=421, text="the control endpoint answers to its own address alone\n")
    if "Origin" in request.headers or request.content_type != "application/json":
        return web.Response(status=403, text="the control endpoint is not for pages\n")
    if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), secret.encode()):
        return web.Response(status=401, text="the token lies in the profile's control.json\n")
    return None


def _error(status: int, error: TallyhostError) -> web.Response:
    return web.json_response({"schema": SCHEMA, "error": error_document(error)}, status=status)
