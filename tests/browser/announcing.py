"""Pages that announce eligible requests as a test tells them, and a server that sees what comes of it.

The script of every page has one function more than real pages see: ``announce(method, options)``. So the host's part is
tested for itself; that the real script announces what it should is another test's business.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import http_sf
from aiohttp import web

from agent.browser.page_script import PageScriptConfig, page_script
from agent.model.attribution_reporting.eligibility import RegistrationResponse

_ANNOUNCE = """
const tell = (api) => (method, options) => post({ id: 0, api, method, options: bare(options) });
global.announce = tell("attributionReporting");
global.announceWritable = tell("sharedStorage");
global.newTokenThatSays = (letter) => {
    const bytes = crypto.getRandomValues(new Uint8Array(8));
    return Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("").slice(1) + letter;
};
global.tokenFor = (options, announced = global.announce) => {
    const token = newTokenThatSays("3");
    announced("request", { token, ...options });
    return `*/*;PARAMETER=${token}`;
};
global.writable = (url, init) =>
    fetch(url, { mode: "no-cors", ...init, headers: { accept: tokenFor({ url }, announceWritable) } });
global.background = (url, eligibility = "event-source-or-trigger", more = {}) => {
    const accept = tokenFor({ url, eligibility, kind: "background", ...more });
    const init = { mode: "no-cors", credentials: "include", keepalive: true, headers: { accept } };
    return fetch(url, init).then((response) => response.type, (error) => error.name);
};
return settle;"""


def announcing_page_script(config: PageScriptConfig) -> str:
    """The page script, with ``announce`` for pages to call."""
    announce = _ANNOUNCE.replace("PARAMETER", config.accept_parameter)
    return page_script(config).replace("\nreturn settle;", announce)


def _type_of(path: str) -> str:
    return "text/javascript" if path.endswith(".js") else "text/html"


@dataclass
class Seen:
    """One request as the server saw it."""

    url: str
    headers: list[tuple[str, str]]

    def get(self, name: str) -> str | None:
        """A header's value."""
        return next((value for field, value in self.headers if field.lower() == name.lower()), None)

    @property
    def eligible(self) -> set[str] | None:
        """The keys of ``Attribution-Reporting-Eligible`` that mean something; None where it was not sent."""
        value = self.get("Attribution-Reporting-Eligible")
        keys: Any = http_sf.parse(value.encode(), tltype="dictionary") if value else {}
        return None if value is None else {key for key in keys if not key.startswith("not-")}


@dataclass
class Wire:
    """A server that answers everything with a source or trigger, as the path says, and remembers what it saw.

    ``/hop/N/...`` redirects N times; what is in ``pages``, by path, is a page or script and registers nothing.
    """

    pages: dict[str, str] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    """More headers of a page, by its path."""
    redirects: dict[str, str] = field(default_factory=dict)
    """Where a path redirects to."""
    delays: dict[str, float] = field(default_factory=dict)
    """Seconds that an answer takes, by its path."""
    seen: list[Seen] = field(default_factory=list)
    registered: list[RegistrationResponse] = field(default_factory=list)

    def app(self) -> web.Application:
        """The application for ``agent.map``."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        headers = {"Access-Control-Allow-Origin": request.headers.get("Origin", "*"), "Cache-Control": "no-store"}
        headers["Access-Control-Allow-Credentials"] = "true"
        if request.path == "/favicon.ico":
            return web.Response(status=404)
        if request.path in self.pages:
            text, headers = self.pages[request.path], headers | self.headers.get(request.path, {})
            return web.Response(text=text, content_type=_type_of(request.path), headers=headers)
        url = str(request.url.with_scheme("https"))
        self.seen.append(Seen(url, [(n.decode(), v.decode()) for n, v in request.raw_headers]))
        await asyncio.sleep(self.delays.get(request.path, 0))
        kind = "Source" if "source" in request.path else "Trigger"
        headers[f"Attribution-Reporting-Register-{kind}"] = f'"{request.path}"'
        if request.path.startswith("/hop/"):
            left, _, rest = request.path.removeprefix("/hop/").partition("/")
            headers["Location"] = f"/hop/{int(left) - 1}/{rest}" if int(left) > 1 else f"/{rest}"
            return web.Response(status=302, headers=headers)
        if request.path in self.redirects:
            return web.Response(status=302, headers={**headers, "Location": self.redirects[request.path]})
        return web.Response(text="", headers=headers)

    async def until(self, count: int, seconds: float = 10) -> list[Seen]:
        """Wait until that many requests were seen."""
        async with asyncio.timeout(seconds):
            while len(self.seen) < count:
                await asyncio.sleep(0.01)
        return self.seen

    def of(self, path: str) -> list[Seen]:
        """The requests for one path, on any host."""
        return [seen for seen in self.seen if seen.url.split("/", 3)[3].partition("?")[0] == path.removeprefix("/")]

    async def until_registered(self, count: int, seconds: float = 10) -> list[RegistrationResponse]:
        """Wait until that many responses were handed on."""
        async with asyncio.timeout(seconds):
            while len(self.registered) < count:
                await asyncio.sleep(0.01)
        return self.registered
