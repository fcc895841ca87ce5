"""What the pages' forms do, with or without script: one operation of the control API's table, then back to the page."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

from aiohttp import web

from agent.dashboard.bodies import read_body
from agent.dashboard.guard import TOKEN_FIELD, names_token
from agent.dashboard.keys import AGENT, OPERATIONS, TOKEN
from agent.dashboard.pages import error_page
from agent.dashboard.routes import BY_OPERATION
from agent.model.errors import TallyhostError, UsageError

FORMS = "/do"
BACK = "back"
"""The field that names the page to go back to."""
WRITTEN_OUT = "json."
"""How the names of fields begin that hold a text as JSON in ASCII: HTML and forms change line ends and lose NUL."""
_FORM = "application/x-www-form-urlencoded"


def add_forms(application: web.Application) -> None:
    """Let ``application`` take the forms of its pages."""
    application.router.add_post(FORMS + "/{operation}", _do)


async def _do(request: web.Request) -> web.Response:
    route = BY_OPERATION.get(request.match_info["operation"])
    try:
        given = await _fields(request)
        if not names_token(request, request.app[TOKEN], given.pop(TOKEN_FIELD, "")):
            refused = UsageError(
                "the form is not of this run of the dashboard",
                where=request.path,
                rule="a form carries the token of the run that made its page",
                fix="open the page again, and send it from there",
            )
            return await error_page(request, refused, 403)
        if route is None or route.method == "GET":
            raise UsageError(f"there is nothing to do by the name {request.match_info['operation']!r}")
        back = given.pop(BACK, "/")
        await request.app[OPERATIONS][route.operation](request.app[AGENT], route.read(given))
    except TallyhostError as error:
        return await error_page(request, error)
    return web.Response(status=303, headers={"Location": _own(back)})


async def _fields(request: web.Request) -> dict[str, str]:
    """The fields of the form; the last of a name counts. Raises UsageError for a body that is no form.

    ``json.NAME`` is the field ``NAME``, see :data:`WRITTEN_OUT`.
    """
    content = await read_body(request) if request.content_type == _FORM else b"%"
    try:
        pairs = parse_qsl(content.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise UsageError("the body is no form", where=request.path, rule=f"its type is {_FORM}") from None
    return dict(_read_out(name, value) for name, value in pairs)


def _read_out(name: str, value: str) -> tuple[str, str]:
    if not name.startswith(WRITTEN_OUT):
        return name, value
    try:
        text = json.loads(value)
    except (ValueError, RecursionError):
        text = None
    if not isinstance(text, str):
        raise UsageError("the field is no text as JSON", where=name)
    return name.removeprefix(WRITTEN_OUT), text


def _own(back: str) -> str:
    """``back`` where it is a path of the dashboard, else its home: a form leads to no other site."""
    plain = back.startswith("/") and not back.startswith("//") and "\\" not in back and back.isprintable()
    return back if plain and back.isascii() else "/"
