"""What the HTTP sides share: JSON documents, open to every origin, and errors in one form.

Every answer is an object with ``"schema": 1``; an error is ``{"schema": 1, "error": {"code", "message", "fix"}}`` with
a 4xx status.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

MAX_DIGITS = 15
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "7200",
}


class RequestError(Exception):
    """A request that is answered with an error document; ``more`` are further members of it."""

    def __init__(self, status: HTTPStatus, code: str, message: str, fix: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"code": code, "message": message, "fix": fix} | more


def json_application() -> web.Application:
    """An application without routes, whose answers and errors have the form of this module."""
    app = web.Application(middlewares=[_json_errors])
    app.router.add_route("OPTIONS", "/{any:.*}", _preflight)
    return app


def answer(**document: Any) -> web.Response:
    """A JSON document."""
    return web.json_response({"schema": 1} | document)


def malformed_request(message: str, fix: str) -> RequestError:
    """The answer to a request of the wrong form."""
    return RequestError(HTTPStatus.BAD_REQUEST, "malformed-request", message, fix)


async def read_body(request: web.Request, limit: int) -> bytes:
    """The body of at most ``limit`` bytes; a longer one is answered with 413."""
    # The limit that aiohttp applies is the outermost application's, whoever mounted this one.
    return await request.clone(client_max_size=limit).read()


def json_object(body: bytes, form: str) -> Mapping[str, Any]:
    """The JSON object in ``body``; ``form`` shows in the error what was expected."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise malformed_request(f"the body is not JSON: {error}", f"post {form}") from error
    if not isinstance(document, dict):
        raise malformed_request("the body is not a JSON object", f"post {form}")
    return document


def decode_base64(text: object, name: str) -> bytes:
    """The bytes of a base64 text; ``name`` is its place in the request."""
    if not isinstance(text, str):
        raise malformed_request(f"{name} is not a text", "encode the report's bytes in base64")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise malformed_request(f"{name} is not base64: {error}", "encode the report's bytes in base64") from error


def query_number(request: web.Request, name: str) -> int | None:
    """The query parameter ``name``, a number of at most 15 digits, or None where it is absent."""
    text = request.query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise malformed_request(f"{name}={text} is not a number", f"write for example ?{name}=20")
    return int(text)


@web.middleware
async def _json_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except RequestError as refused:
        response = web.json_response({"schema": 1, "error": refused.error}, status=refused.status)
    except web.HTTPException as raised:
        # aiohttp's own answers: 404, 405, 413.
        error = {"code": f"http-{raised.status}", "message": raised.reason, "fix": "check address, method and size"}
        response = web.json_response({"schema": 1, "error": error}, status=raised.status)
    response.headers.update(_CORS)
    return response


async def _preflight(request: web.Request) -> web.Response:
    del request
    return web.Response(status=HTTPStatus.NO_CONTENT)
