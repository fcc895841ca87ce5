"""One more site, for journeys: auction.test, which remembers an interest, lets it bid, and shows what won.

It plays all three parts of Protected Audience: the owner of the interest group, the seller, and the page.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from sites.pages import TYPES, read_asset

HOST = "auction.test"
_PAGES = {"/": "index.html", "/ad": "ad.html"}
_FOR_AUCTIONS = {"bidding.js", "deciding.js"}


def auction_site(mounts: Mapping[str, web.Application] | None = None) -> web.Application:
    """The application of ``https://auction.test``; ``mounts`` adds applications below paths, such as a collector."""
    app = web.Application()
    for prefix, application in (mounts or {}).items():
        app.add_subapp(prefix, application)
    app.router.add_get("/{path:.*}", _answer)
    return app


async def _answer(request: web.Request) -> web.Response:
    name = _PAGES.get(request.path, request.path.removeprefix("/"))
    suffix = name[name.rfind(".") :]
    if "/" in name or "\\" in name or (suffix not in TYPES and name not in _PAGES.values()):
        raise web.HTTPNotFound
    try:
        text = read_asset(f"auction/{name}")
    except FileNotFoundError:
        raise web.HTTPNotFound from None
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    if name in _FOR_AUCTIONS:
        headers["Ad-Auction-Allowed"] = "true"
    return web.Response(text=text, content_type=TYPES.get(suffix, "text/html"), charset="utf-8", headers=headers)
