"""The measurement company's pages: its dashboard, and the ads that it serves into other sites."""

from __future__ import annotations

from aiohttp import web

from sites import story
from sites.pages import Site, content_security_policy


def save_impression(campaign: story.Campaign) -> str:
    """Value of the ``Save-Impression`` response field that notes down ``campaign`` (W3C Attribution, HTTP API)."""
    return f'histogram-index={campaign.index}, conversion-sites=("{story.HOSTS[2].name}"), match-value={campaign.index}'


def add_pages(site: Site) -> None:
    """Give adtech.test its dashboard, an ad frame for each campaign, and the ad image with its response field."""
    site.page("/", "index.html")
    policy = content_security_policy(ancestors=story.HOSTS[1].origin)
    pictures = []
    for campaign in story.CAMPAIGNS:
        site.page(f"/frame/{campaign.index}", "frame.html", {"campaign": campaign}, policy=policy)
        pictures.append(site.render("ad.svg.j2", {"campaign": campaign}))

    async def picture(request: web.Request) -> web.Response:
        index = request.query.get("campaign", "")
        if index not in {str(campaign.index) for campaign in story.CAMPAIGNS}:
            raise web.HTTPNotFound
        headers = {
            "Save-Impression": save_impression(story.CAMPAIGNS[int(index)]),
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        return web.Response(text=pictures[int(index)], content_type="image/svg+xml", charset="utf-8", headers=headers)

    site.app.router.add_get("/ad.svg", picture)
