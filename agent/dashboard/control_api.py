"""The control API under ``/api/v1``: JSON in, JSON or a file out, one operation for each route of the table."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from agent.dashboard.bodies import TooLarge, read_body
from agent.dashboard.downloads import download
from agent.dashboard.guard import READING, Handler, names_token
from agent.dashboard.keys import AGENT, OPERATIONS, TOKEN
from agent.dashboard.openapi import openapi_document
from agent.dashboard.pages import SCHEMA, error_values, json_answer, status_of
from agent.dashboard.routes import API, ROUTES, Route
from agent.model.errors import TallyhostError, UsageError


def add_control_api(application: web.Application) -> None:
    """Let ``application`` answer every route, and describe them as OpenAPI."""
    for route in ROUTES:
        # An id is whatever stands there: aiohttp's own pattern leaves braces out.
        path = re.sub(r"\{(\w+)\}", r"{\1:[^/]+}", f"{API}{route.path}")
        application.router.add_route(route.method, path, _answer(route))
    for path in ("/openapi.json", f"{API}/openapi.json"):
        application.router.add_get(path, _describe)
    application.router.add_get("/readyz", _answer(ROUTES[0]))


@web.middleware
async def api_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say of an address of the API that there is none, or of a method that it has not, as of every other mistake."""
    try:
        return await handler(request)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as refused:
        if not request.path.startswith(f"{API}/"):
            raise
        allowed = refused.headers.get("Allow", "")
        asked = f"{request.method} {request.path}"
        rule = f"it takes {allowed}" if allowed else ""
        answer = _error(refused.status, UsageError("the API has no such route", where=asked, rule=rule, fix=_LISTED))
        if allowed:
            answer.headers["Allow"] = allowed
        return answer


def _answer(route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        if request.method not in READING and not names_token(request, request.app[TOKEN]):
            return _error(401, UsageError("the token is missing, or not this run's", where=request.path, fix=_HOW))
        try:
            asked = route.read({**request.query, **await _body(request), **request.match_info})
            if route.file:
                return await download(request, route)
            operation = request.app[OPERATIONS][route.operation]
            return json_answer({"schema": SCHEMA, **await operation(request.app[AGENT], asked)})
        except TooLarge as error:
            return _error(413, error)
        except TallyhostError as error:
            return _error(status_of(error), error)

    return answer


_LISTED = "/openapi.json lists what there is"
_HOW = "send Authorization: Bearer TOKEN; `tallyhost up` prints it, and the profile's control.json has it"


async def _body(request: web.Request) -> dict[str, Any]:
    """The members of the JSON object that a request carries; none where it has no body. Raises UsageError."""
    if request.method in READING:
        return {}
    content = await read_body(request)
    if not content.strip():
        return {}
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UsageError("the body is no JSON object", where=request.path, rule="a body is one JSON object, or empty")
    return document


def _error(status: int, error: TallyhostError) -> web.Response:
    return json_answer(error_values(error), status)


async def _describe(_: web.Request) -> web.Response:
    return json_answer(openapi_document())
