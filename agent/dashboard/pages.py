"""The pages: for each an address, a view that gives plain data, and a template that shows exactly these.

``/NAME`` is the page and ``/NAME.json`` the same data with ``"schema": 1``. Both are asked for with GET, and change
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from agent.dashboard import rendering
from agent.dashboard.frame import frame
from agent.dashboard.keys import AGENT, TOKEN
from agent.dashboard.live import mark, standing
from agent.dashboard.queries import Document, Query
from agent.dashboard.views.aggregation import aggregation
from agent.dashboard.views.api import api
from agent.dashboard.views.budgets import budgets
from agent.dashboard.views.explanation import explanation
from agent.dashboard.views.header_lab import header_lab
from agent.dashboard.views.network import network
from agent.dashboard.views.reports import report, reports
from agent.dashboard.views.settings import settings
from agent.dashboard.views.shared_storage import shared_storage
from agent.dashboard.views.sources import sources
from agent.dashboard.views.timeline import timeline
from agent.dashboard.views.triggers import triggers
from agent.model.errors import TallyhostError, UsageError

if TYPE_CHECKING:
    from agent.runtime import Agent

SCHEMA = 1
_dumps = json.JSONEncoder(allow_nan=False).encode
View = Callable[["Agent", Query], Awaitable[Document]]


@dataclass(frozen=True, slots=True)
class Page:
    """One page."""

    name: str
    """Its address, its template, and the name of its twin."""
    title: str
    view: View
    path: str = ""
    """Where it is, if not at ``/name``; ``{id}`` is what the view gets as ``id``."""
    in_menu: bool = True

    @property
    def address(self) -> str:
        """Its path."""
        return self.path or f"/{self.name}"

    @property
    def template(self) -> str:
        """The name of its template."""
        return f"{self.name.replace('-', '_')}.html"


PAGES = (
    Page("timeline", "Timeline", timeline),
    Page("sources", "Sources and impressions", sources),
    Page("triggers", "Triggers and conversions", triggers),
    Page("reports", "Reports", reports),
    Page("budgets", "Budgets", budgets),
    Page("shared-storage", "Shared Storage", shared_storage),
    Page("aggregation", "Aggregation", aggregation),
    Page("header-lab", "Header lab", header_lab),
    Page("network", "Network", network),
    Page("settings", "Settings", settings),
    Page("report", "Report", report, "/reports/{id}", in_menu=False),
    Page("explanation", "Why", explanation, "/explain/{id}", in_menu=False),
    Page("api", "Control API", api, in_menu=False),
)
"""Every page, those of the menu in its order; the first is also at ``/``."""


def add_pages(application: web.Application) -> None:
    """Let ``application`` answer for every page and its twin."""
    for page in PAGES:
        application.router.add_get(f"{page.address}.json", _twin(page))
        application.router.add_get(page.address, _shown(page))
    application.router.add_get("/", _shown(PAGES[0]))


async def document_of(agent: Agent, page: Page, query: Query) -> Document:
    """All that a page tells, and its twin with it. Raises TallyhostError as its view does."""
    return {"schema": SCHEMA, "page": page.name, "agent": await frame(agent), **await page.view(agent, query)}


def _query(request: web.Request) -> Mapping[str, str]:
    return {**request.query, **request.match_info}


def _twin(page: Page) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        try:
            return json_answer(await document_of(request.app[AGENT], page, _query(request)))
        except TallyhostError as error:
            return json_answer(error_values(error), status_of(error))

    return answer


def _shown(page: Page) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        agent = request.app[AGENT]
        seen = mark(await standing(agent))
        try:
            document = await document_of(agent, page, _query(request))
        except TallyhostError as error:
            return await error_page(request, error)
        surroundings = {**_surroundings(request, page.name), "seen": seen}
        return _html(
            rendering.render(page.template, document, title=page.title, twin=_twin_of(request, page), **surroundings)
        )

    return answer


def _twin_of(request: web.Request, page: Page) -> str:
    """Where the twin of what is asked for is: the same path and the same query."""
    path, query = request.rel_url.raw_path, request.rel_url.raw_query_string
    return f"{path if path != '/' else page.address}.json{f'?{query}' if query else ''}"


async def error_page(request: web.Request, error: TallyhostError, status: int | None = None) -> web.Response:
    """A page that says what is wrong, where, by which rule, and what to do."""
    document = {"page": "error", "agent": await frame(request.app[AGENT]), **error_values(error)}
    shown = rendering.render("error.html", document, title="Not possible", twin="", **_surroundings(request, ""))
    return _html(shown, status_of(error) if status is None else status)


def status_of(error: TallyhostError) -> int:
    """The status of an answer that is ``error``: the asker's mistake, or the machine's lack."""
    return 400 if isinstance(error, UsageError) else 503


def error_values(error: TallyhostError) -> dict[str, Any]:
    """An error as JSON values, as the command line prints it."""
    return {
        "schema": SCHEMA,
        "error": {
            "what": error.what,
            "where": error.where,
            "rule": error.rule,
            "fix": error.fix,
            "exit_code": error.exit_code,
        },
    }


def json_answer(document: Document, status: int = 200) -> web.Response:
    """``document`` as JSON, in ASCII: a site's strings may hold what UTF-8 cannot."""
    return web.json_response(document, status=status, dumps=_dumps)


def _surroundings(request: web.Request, name: str) -> dict[str, Any]:
    menu = [(page.address, page.title, page.name == name) for page in PAGES if page.in_menu]
    return {
        "seen": "",
        "menu": menu,
        "token": request.app[TOKEN],
        "here": request.path_qs,
        "asked": dict(request.query),
    }


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, content_type="text/html", charset="utf-8", status=status)
