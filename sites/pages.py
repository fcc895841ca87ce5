"""Turns templates of the package into pages with strict headers.

Every page and asset comes from package data, so that an installed wheel serves what the source tree serves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from aiohttp import web

from sites import story

TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""Asset types that are served; a template or a Python file of the same folder is not."""


@cache
def read_asset(path: str) -> str:
    """Text of a file of the package ``sites``, such as ``common/site.css``; FileNotFoundError when there is none."""
    return resources.files("sites").joinpath(*path.split("/")).read_text("utf-8")


def _load(name: str) -> str | None:
    try:
        return read_asset(name)
    except FileNotFoundError:
        return None


def environment(*, strip: bool) -> jinja2.Environment:
    """Templates of all five sites; ``strip`` says whether pages carry the strip of the agent's recent deeds."""
    templates = jinja2.Environment(
        loader=jinja2.FunctionLoader(_load),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals |= {
        "story": story,
        "hosts": {host.site: host for host in story.HOSTS},
        "products": {product.slug: product for product in story.PRODUCTS},
        "strip": strip,
    }
    return templates


def content_security_policy(*, ancestors: str = "'none'", **sources: Sequence[str]) -> str:
    """A policy that allows the page's own files alone, and what ``connect``, ``img`` and ``frame`` add to them.

    Inline script and style, ``eval`` and Trusted Types policies are all refused.
    """
    own = {"script": (), "style": (), "img": (), "connect": (story.HOSTS[0].origin,)}
    directives = ["default-src 'none'"]
    directives += [" ".join((f"{kind}-src 'self'", *extra, *sources.get(kind, ()))) for kind, extra in own.items()]
    if "frame" in sources:
        directives.append(" ".join(("frame-src", *sources["frame"])))
    directives += [
        "form-action 'self'",
        "base-uri 'none'",
        f"frame-ancestors {ancestors}",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
    return "; ".join(directives)


class Site:
    """One host's pages: renders its templates under its policy and serves its assets."""

    def __init__(self, host: story.Host, templates: jinja2.Environment, policy: str) -> None:
        self.host = host
        self.app = web.Application()
        self._templates = templates
        self._policy = policy
        for folder in ("common", host.site):
            self.app.router.add_get(f"/{folder}/{{name}}", _asset_handler(folder))

    def page(self, path: str, template: str, facts: Mapping[str, Any] | None = None, **options: Any) -> None:
        """Serve ``template`` of this site at ``path``; ``options`` are those of :meth:`response`."""
        body = self.render(template, facts)

        async def handler(_request: web.Request) -> web.Response:
            return self.response(body, **options)

        self.app.router.add_get(path, handler)

    def render(self, template: str, facts: Mapping[str, Any] | None = None) -> str:
        """The page as text."""
        name = template if "/" in template else f"{self.host.site}/{template}"
        return self._templates.get_template(name).render(host=self.host, **(facts or {}))

    def response(self, body: str, *, status: int = 200, policy: str | None = None) -> web.Response:
        """An HTML response under this site's policy, or under ``policy``."""
        headers = {
            "Content-Security-Policy": policy or self._policy,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache",
        }
        return web.Response(text=body, status=status, content_type="text/html", charset="utf-8", headers=headers)

    def close_with_not_found(self) -> None:
        """Answer every other path with this site's page for lost visitors; call it last."""
        body = self.render("common/lost.html")

        async def handler(_request: web.Request) -> web.Response:
            return self.response(body, status=404)

        self.app.router.add_get("/{path:.*}", handler)


def _asset_handler(folder: str) -> Any:
    async def handler(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        suffix = name[name.rfind(".") :]
        if suffix not in TYPES or "/" in name or "\\" in name:
            raise web.HTTPNotFound
        try:
            text = read_asset(f"{folder}/{name}")
        except FileNotFoundError:
            raise web.HTTPNotFound from None
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "max-age=60"}
        return web.Response(text=text, content_type=TYPES[suffix], charset="utf-8", headers=headers)

    return handler
