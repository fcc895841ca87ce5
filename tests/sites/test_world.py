"""Every page that a visitor can reach, and what the runner plugs into the world."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from importlib import resources
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sites import auction
from sites.story import ARTICLES, CAMPAIGNS, HOSTS, POSTER, PRODUCTS, TOUR
from sites.world import demo_sites
from tests.sites.markup import Page

Clients = dict[str, TestClient[web.Request, web.Application]]
MOUNTED = ("/collector/", "/service/", "/attribution-collector/", "/measurement/", "/frontend/")
INLINE = re.compile(r"on[a-z]+")


@pytest.fixture(scope="module")
async def clients() -> AsyncIterator[Clients]:
    started = {
        host: TestClient(TestServer(app))
        for host, app in demo_sites(strip=lambda: [{"time": "t", "site": "s", "text": "x"}]).items()
    }
    for client in started.values():
        await client.start_server()
    yield started
    for client in started.values():
        await client.close()


@pytest.fixture(scope="module")
async def pages(clients: Clients) -> dict[str, tuple[str, Page]]:
    """All pages that links, forms and frames lead to from the tour: address -> (policy, page)."""
    found: dict[str, tuple[str, Page]] = {}
    waiting = [f"{host.origin}/" for host in HOSTS]
    while waiting:
        address = urldefrag(waiting.pop()).url
        parts = urlsplit(address)
        if address in found or parts.path.startswith(MOUNTED):
            continue
        answer = await clients[parts.netloc].get(f"{parts.path}?{parts.query}")
        assert answer.status == 200, address
        if answer.content_type != "text/html":
            continue
        page = Page(await answer.text())
        found[address] = (answer.headers["Content-Security-Policy"], page)
        waiting += [
            urljoin(address, element.attributes[key])
            for element in page.elements
            for key in ("href", "src", "action")
            if key in element.attributes
        ]
        waiting += [
            urljoin(address, url)
            for element in page.elements
            for url in element.attributes.get("data-urls", "").split()
        ]
    return found


def test_the_links_lead_to_every_page_of_the_story(pages: dict[str, tuple[str, Page]]) -> None:
    expected = {step.url for step in TOUR}
    expected |= {f"https://shop.test/product/{product.slug}" for product in PRODUCTS}
    expected |= {f"https://news.test/article/{article.slug}" for article in ARTICLES}
    expected |= {f"https://news.test{campaign.path}" for campaign in CAMPAIGNS}
    expected |= {"https://home.test/", "https://shop.test/cart", "https://shop.test/thanks"}
    expected |= {"https://adtech.test/attribution", "https://adtech.test/reach", "https://adtech.test/poster"}
    expected |= {f"https://adtech.test/creative/{creative.index}" for creative in POSTER.creatives}
    assert expected <= pages.keys()


def test_every_page_has_a_language_a_title_one_heading_and_a_main_part(pages: dict[str, tuple[str, Page]]) -> None:
    titles = set()
    for address, (_, page) in pages.items():
        assert page.all("html")[0].attributes["lang"] == "en", address
        assert len(page.all("h1")) == 1, address
        assert page.all("h1")[0].text.strip(), address
        assert len(page.all("main")) == 1, address
        titles.add(page.all("title")[0].text.strip())
    assert "" not in titles
    assert len(titles) == len(pages)


def test_everything_a_visitor_can_operate_or_see_has_a_name(pages: dict[str, tuple[str, Page]]) -> None:
    for address, (_, page) in pages.items():
        ids = {element.attributes["id"] for element in page.elements if "id" in element.attributes}
        for name in ("a", "button", "summary"):
            for element in page.all(name):
                pictured = address == "https://news.test/newsletter" and "data-testid" in element.attributes
                assert element.text.strip() or pictured, f"{address}: <{name}> without text"
        for picture in page.all("img"):
            assert "alt" in picture.attributes, address
        for frame in page.all("iframe"):
            assert frame.attributes["title"], address
        for control in page.all("input"):
            assert control.attributes["type"] == "hidden", f"{address}: a visible field needs a label"
        for element in page.elements:
            if "aria-labelledby" in element.attributes:
                assert element.attributes["aria-labelledby"] in ids, address


def test_a_link_that_is_only_a_picture_says_in_words_where_it_leads(pages: dict[str, tuple[str, Page]]) -> None:
    _, page = pages["https://news.test/newsletter"]
    picture = next(element for element in page.all("img") if "adtech.test" in element.attributes["src"])
    assert CAMPAIGNS[2].headline in picture.attributes["alt"]


def test_no_id_occurs_twice_on_a_page(pages: dict[str, tuple[str, Page]]) -> None:
    for address, (_, page) in pages.items():
        ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
        assert len(ids) == len(set(ids)), address


def test_every_page_refuses_inline_script_and_style_and_carries_none(pages: dict[str, tuple[str, Page]]) -> None:
    for address, (policy, page) in pages.items():
        directives = dict(directive.split(" ", 1) for directive in policy.split("; "))
        assert directives["default-src"] == "'none'", address
        assert directives["script-src"] == directives["style-src"] == "'self'", address
        assert directives["require-trusted-types-for"] == "'script'", address
        assert directives["base-uri"] == "'none'", address
        assert all(script.attributes["src"] for script in page.all("script")), address
        assert not page.all("style"), address
        for element in page.elements:
            assert "style" not in element.attributes, address
            assert not [key for key in element.attributes if INLINE.fullmatch(key)], address


def test_only_ads_may_be_framed_and_only_where_they_hang(pages: dict[str, tuple[str, Page]]) -> None:
    allowed = {
        "frame": "https://news.test",
        "poster": "https://news.test https://shop.test",
        # The poster's frame is among the ancestors of the picture that it shows.
        "creative": "'self' https://news.test https://shop.test",
    }
    for address, (policy, _) in pages.items():
        parts = urlsplit(address)
        kind = parts.path.split("/")[1] if parts.netloc == "adtech.test" else ""
        ancestors = allowed.get(kind, "'none'")
        assert f"frame-ancestors {ancestors};" in policy, address


def test_only_the_poster_may_show_what_a_urn_stands_for(pages: dict[str, tuple[str, Page]]) -> None:
    for address, (policy, _) in pages.items():
        assert ("urn:" in policy) == (address == "https://adtech.test/poster"), address


def test_the_poster_hangs_on_the_front_pages_of_its_sites_alone(pages: dict[str, tuple[str, Page]]) -> None:
    hung = {
        address
        for address, (_, page) in pages.items()
        for frame in page.all("iframe")
        if frame.attributes.get("src") == "https://adtech.test/poster"
    }
    assert hung == {f"https://{site}.test/" for site in POSTER.sites}


def test_no_file_of_the_sites_names_a_host_outside_the_demo_world() -> None:
    own = {*(host.name for host in HOSTS), auction.HOST}
    texts = {
        f"{folder.name}/{file.name}": file.read_text("utf-8")
        for folder in resources.files("sites").iterdir()
        if folder.is_dir() and folder.name != "__pycache__"
        for file in folder.iterdir()
    }
    assert len(texts) > 30
    for name, text in texts.items():
        named = set(re.findall(r"(?:https?:)?//([a-z0-9-]+\.[a-z0-9.-]+)", text)) - {"www.w3.org"}
        assert named <= own, name


async def test_every_script_style_and_picture_of_a_page_is_there(
    clients: Clients, pages: dict[str, tuple[str, Page]]
) -> None:
    wanted = {
        urljoin(address, element.attributes[key])
        for address, (_, page) in pages.items()
        for element in page.elements
        for key in ("src", "href")
        if element.name in {"script", "img", "link"} and key in element.attributes
    }
    kinds = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    for address in wanted:
        parts = urlsplit(address)
        answer = await clients[parts.netloc].get(f"{parts.path}?{parts.query}")
        assert answer.status == 200, address
        assert answer.content_type == kinds[parts.path[parts.path.rfind(".") :]], address


async def test_every_ad_registers_that_it_was_seen_and_clicked_at_the_address_of_its_campaign(
    pages: dict[str, tuple[str, Page]],
) -> None:
    frames = {f"https://adtech.test/frame/{campaign.index}": campaign for campaign in CAMPAIGNS}
    shown = frames | {f"https://news.test{campaign.path}": campaign for campaign in CAMPAIGNS}
    found = set()
    for address, (_, page) in pages.items():
        for element in page.elements:
            if "attributionsrc" not in element.attributes:
                continue
            campaign = shown[address]
            # A picture without an address of its own registers by the answer that brought it.
            target = element.attributes["attributionsrc"] or element.attributes["src"].replace(
                "ad.svg", "attribution/source"
            )
            expected = f"https://adtech.test/attribution/source?campaign={campaign.index}"
            assert urljoin(address, target) == expected, address
            found.add((campaign, element.name))
    assert found == {(campaign, name) for campaign in CAMPAIGNS for name in ("img", "a")}


async def test_the_thanks_for_a_product_carry_its_pixel_and_other_thanks_carry_none(clients: Clients) -> None:
    for query, expected in (("?product=lamp", ["lamp"]), ("", []), ("?product=boat", [])):
        page = Page(await (await clients["shop.test"].get(f"/thanks{query}")).text())
        pixels = [element.attributes["src"] for element in page.all("img")]
        assert pixels == [f"https://adtech.test/attribution/trigger?product={slug}" for slug in expected]


async def test_an_unknown_path_is_answered_with_a_page_and_404(clients: Clients) -> None:
    for host, client in clients.items():
        answer = await client.get("/nothing/here")
        assert answer.status == 404, host
        assert "There is no such page" in await answer.text(), host


async def test_a_mounted_application_answers_below_its_path_and_the_site_elsewhere() -> None:
    async def hello(_request: web.Request) -> web.Response:
        return web.Response(text="mounted")

    mounted = web.Application()
    mounted.router.add_get("/reports", hello)
    app = demo_sites({"adtech.test": {"/collector/": mounted}})["adtech.test"]
    async with TestClient(TestServer(app)) as client:
        assert await (await client.get("/collector/reports")).text() == "mounted"
        assert "What a measurement company sees" in await (await client.get("/")).text()


def test_mounting_on_a_host_that_is_none_of_the_five_is_a_key_error() -> None:
    with pytest.raises(KeyError, match=r"elsewhere\.test"):
        demo_sites({"elsewhere.test": {"/x/": web.Application()}})


async def test_the_strip_is_told_to_every_origin(clients: Clients) -> None:
    answer = await clients["home.test"].get("/strip.json")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert await answer.json() == {"schema": 1, "entries": [{"time": "t", "site": "s", "text": "x"}]}


async def test_without_a_teller_no_page_asks_for_the_strip() -> None:
    for host, app in demo_sites().items():
        async with TestClient(TestServer(app)) as client:
            assert "strip" not in await (await client.get("/")).text(), host
            assert (await client.get("/strip.json")).status == 404, host
