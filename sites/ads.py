"""The measurement company's pages: its dashboards, the ads that it serves into other sites, and what they register."""

from __future__ import annotations

import json

from aiohttp import web

from sites import reach, registrations, story
from sites.pages import Site, content_security_policy
from sites.questions import ATTRIBUTION_REPORTING, PRIVATE_AGGREGATION

_PRODUCTS = {product.slug: product for product in story.PRODUCTS}
_PIXEL = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
_UNCACHED = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def save_impression(campaign: story.Campaign) -> str:
    """Value of the ``Save-Impression`` response field that notes down ``campaign`` (W3C Attribution, HTTP API)."""
    return f'histogram-index={campaign.index}, conversion-sites=("{story.HOSTS[2].name}"), match-value={campaign.index}'


def add_pages(site: Site) -> None:
    """Give adtech.test its dashboards, the ads of each campaign, and what they and the purchases register."""
    site.page("/", "index.html")
    facts = {
        "campaigns": {str(campaign.number): campaign.label for campaign in story.CAMPAIGNS},
        "question": ATTRIBUTION_REPORTING,
    }
    site.page("/attribution", "attribution.html", facts)
    site.page("/reach", "reach.html", {"counted": reach.counted(), "question": PRIVATE_AGGREGATION})
    _add_poster(site)
    policy = content_security_policy(ancestors=story.HOSTS[1].origin)
    pictures = []
    for campaign in story.CAMPAIGNS:
        facts = {"campaign": campaign, "value": reach.VALUE}
        site.page(f"/frame/{campaign.index}", "frame.html", facts, policy=policy)
        pictures.append(site.render("ad.svg.j2", {"campaign": campaign}))

    async def picture(request: web.Request) -> web.Response:
        campaign = _campaign(request)
        headers = _UNCACHED | {
            "Save-Impression": save_impression(campaign),
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        }
        headers |= _source_field(request, campaign)
        return web.Response(
            text=pictures[campaign.index], content_type="image/svg+xml", charset="utf-8", headers=headers
        )

    site.app.router.add_get("/ad.svg", picture)
    site.app.router.add_get("/attribution/source", _register_source)
    site.app.router.add_get("/attribution/trigger", _register_trigger)


def _add_poster(site: Site) -> None:
    """The poster's frame, and the creatives of which it shows one in a frame of its own."""
    poster = story.POSTER
    showing = " ".join(host.origin for host in story.HOSTS if host.site in poster.sites)
    # What selectURL() gives in the place of the URL that it chose begins with urn:.
    policy = content_security_policy(ancestors=showing, frame=("'self'", "urn:"))
    facts = {"poster": poster, "value": reach.VALUE, "often": reach.OFTEN}
    site.page("/poster", "poster.html", facts, policy=policy)
    policy = content_security_policy(ancestors=f"'self' {showing}")
    for creative in poster.creatives:
        site.page(f"/creative/{creative.index}", "creative.html", {"creative": creative}, policy=policy)


async def _register_source(request: web.Request) -> web.Response:
    """``?campaign=2``: registers the ad that was seen or clicked; whoever opens it in a tab can read what it says."""
    campaign = _campaign(request)
    shown = registrations.source_registration(campaign, clicked="navigation-source" in _eligible(request))
    return web.Response(
        text=json.dumps(shown, indent=2),
        content_type="application/json",
        headers=_UNCACHED | _source_field(request, campaign),
    )


async def _register_trigger(request: web.Request) -> web.Response:
    """``?product=lamp``: a picture of one point, whose response registers the purchase."""
    product = _PRODUCTS.get(request.query.get("product", ""))
    if product is None:
        raise web.HTTPNotFound
    value = registrations.field_value(registrations.trigger_registration(product))
    headers = _UNCACHED | {registrations.REGISTER_TRIGGER: value}
    return web.Response(text=_PIXEL, content_type="image/svg+xml", headers=headers)


def _campaign(request: web.Request) -> story.Campaign:
    index = request.query.get("campaign", "")
    if index not in {str(campaign.index) for campaign in story.CAMPAIGNS}:
        raise web.HTTPNotFound
    return story.CAMPAIGNS[int(index)]


def _eligible(request: web.Request) -> frozenset[str]:
    return registrations.eligible_for(request.headers.get(registrations.ELIGIBLE, ""))


def _source_field(request: web.Request, campaign: story.Campaign) -> dict[str, str]:
    """The field that registers ``campaign``, where the browser said that it would take one."""
    eligible = _eligible(request) & {"event-source", "navigation-source"}
    if not eligible:
        return {}
    registration = registrations.source_registration(campaign, clicked="navigation-source" in eligible)
    return {registrations.REGISTER_SOURCE: registrations.field_value(registration)}
