"""The demo world: five web sites as aiohttp applications, one for each host."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from sites import ads, story
from sites.pages import Site, content_security_policy, environment
from sites.questions import QUESTIONS

Strip = Callable[[], list[dict[str, Any]]]
"""Gives what the agent just did, oldest first: ``{"time": ISO 8601 text, "site": host, "text": sentence}``."""


def demo_sites(
    mounts: Mapping[str, Mapping[str, web.Application]] | None = None,
    strip: Strip | None = None,
) -> dict[str, web.Application]:
    """Applications of the five sites by host name, ready to be mapped to their https origins.

    ``mounts`` adds applications below a path of a host, such as
    ``{"adtech.test": {"/collector/": collector}, "aggregator.test": {"/service/": service}}``;
    KeyError for a host that is none of the five. ``strip`` feeds ``https://home.test/strip.json``;
    without it the pages carry no strip.
    """
    templates = environment(strip=strip is not None)
    sites = {host.name: Site(host, templates, _POLICIES[host.site]) for host in story.HOSTS}
    _home(sites["home.test"], strip)
    _news(sites["news.test"])
    _shop(sites["shop.test"])
    ads.add_pages(sites["adtech.test"])
    meanings = {bucket: meaning for question in QUESTIONS.values() for bucket, meaning in question.meanings.items()}
    sites["aggregator.test"].page("/", "index.html", {"buckets": meanings})
    for name, applications in (mounts or {}).items():
        for prefix, application in applications.items():
            sites[name].app.add_subapp(prefix, application)
    for site in sites.values():
        site.close_with_not_found()
    return {name: site.app for name, site in sites.items()}


_ADTECH = "https://adtech.test"
_POLICIES = {
    "home": content_security_policy(),
    "news": content_security_policy(connect=[_ADTECH], img=[_ADTECH], frame=[_ADTECH]),
    "shop": content_security_policy(connect=[_ADTECH], img=[_ADTECH], frame=[_ADTECH]),
    "adtech": content_security_policy(connect=[story.AGGREGATION_SERVICE]),
    "aggregator": content_security_policy(connect=[_ADTECH]),
}


def _home(site: Site, strip: Strip | None) -> None:
    site.page("/", "index.html", {"odds": f"{math.exp(story.EPSILON):.2f}"})
    site.page("/learned", "learned.html")
    if strip is None:
        return

    async def recent(_request: web.Request) -> web.Response:
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"}
        return web.json_response({"schema": 1, "entries": strip()}, headers=headers)

    site.app.router.add_get("/strip.json", recent)


def _news(site: Site) -> None:
    site.page("/", "index.html")
    site.page("/newsletter", "newsletter.html")
    for article in story.ARTICLES:
        facts = {"article": article, "campaign": story.CAMPAIGNS[article.campaign]}
        site.page(f"/article/{article.slug}", f"{article.slug}.html", facts)


def _shop(site: Site) -> None:
    site.page("/", "index.html")
    site.page("/cart", "cart.html")
    for product in story.PRODUCTS:
        site.page(f"/product/{product.slug}", "product.html", {"product": product})
    thanks = {product.slug: site.render("thanks.html", {"product": product}) for product in story.PRODUCTS}
    thanks_for_nothing = site.render("thanks.html", {"product": None})

    async def thank(request: web.Request) -> web.Response:
        return site.response(thanks.get(request.query.get("product", ""), thanks_for_nothing))

    site.app.router.add_get("/thanks", thank)
