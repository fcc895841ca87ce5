"""Links and window.open with `attributionsrc`: sources only with the user's activation, announced before they start."""

from __future__ import annotations

from typing import Any

import pytest

from tests.injected_js.conftest import URL, NewHost
from tests.injected_js.registering import Registering, open_page

pytestmark = pytest.mark.browser

LAND = "https://land.test/"
PIXEL = (
    "<map name=m><area id=a shape=default {}></map>"
    "<img id=i usemap=#m width=9 height=9 src='data:image/gif;base64,"
    "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7'>"
)


async def show(new_host: NewHost, markup: str) -> Registering:
    """A page with ``markup``."""
    return await open_page(new_host, pages={URL: (f"<!doctype html><body>{markup}", {})})


def told(page: Registering) -> list[Any]:
    """What was announced of navigations, in its order: their numbers and URLs, and those of background requests."""
    calls = [call for call in page.host.calls if call["api"] == "attributionReporting"]
    return [
        {key: value for key, value in call["options"].items() if key in ("navigation", "url", "eligibility")}
        | {"method": call["method"]}
        for call in calls
    ]


def navigation(number: int, url: str) -> dict[str, Any]:
    return {"method": "navigation", "navigation": number, "url": url}


def background(number: int, url: str) -> dict[str, Any]:
    return {"method": "request", "navigation": number, "url": url, "eligibility": "navigation-source"}


def cancelled(number: int) -> dict[str, Any]:
    return {"method": "cancelled", "navigation": number}


@pytest.mark.parametrize(
    ("markup", "urls"),
    [
        (f"<a id=a href={LAND} attributionsrc>x</a>", []),
        (f"<a id=a href={LAND} attributionsrc='https://r.test/1 https://r.test/2 http://r.test/'>x</a>", [1, 2]),
        (f"<a href={LAND} attributionsrc=https://r.test/1><b id=a>x</b></a>", [1]),
        (f"<a id=a target=_blank href={LAND} attributionsrc=https://r.test/1>x</a>", [1]),
        (PIXEL.format(f"href={LAND} attributionsrc=https://r.test/1"), [1]),
    ],
)
async def test_a_followed_link_is_announced_with_its_background_requests(
    new_host: NewHost, markup: str, urls: list[int]
) -> None:
    page = await show(new_host, markup)
    await page.host.page.click("#i" if "<map" in markup else "#a")
    await page.settle()
    assert told(page) == [navigation(1, LAND), *(background(1, f"https://r.test/{n}") for n in urls)]
    for url in (LAND, *(f"https://r.test/{n}" for n in urls)):
        await page.one_sent(url)


@pytest.mark.parametrize(
    "markup",
    [
        f"<a id=a href={LAND}>x</a>",
        "<a id=a attributionsrc=/r>x</a>",
        f"<a id=a download href={LAND} attributionsrc=/r>x</a>",
        f"<p id=a attributionsrc=/r><a href={LAND}>x</a></p>",
        f"<a href={LAND} attributionsrc=/r><a id=a href={LAND}>x</a></a>",
    ],
)
async def test_other_clicks_announce_nothing(new_host: NewHost, markup: str) -> None:
    page = await show(new_host, markup)
    await page.host.page.click("#a")
    await page.settle()
    assert told(page) == []


LINK = f"<a id=a href={LAND} attributionsrc=https://r.test/1>x</a>"
FOLLOWED = [navigation(1, LAND), background(1, "https://r.test/1")]


@pytest.mark.parametrize(
    ("listener", "expected"),
    [
        ("document.onclick = (e) => e.preventDefault()", [navigation(1, LAND), cancelled(1)]),
        (
            "document.onclick = (e) => { e.preventDefault(); e.stopPropagation(); }",
            [navigation(1, LAND), cancelled(1)],
        ),
        ("a.onclick = (e) => e.stopImmediatePropagation()", FOLLOWED),
        ("addEventListener('click', (e) => e.stopImmediatePropagation(), true)", FOLLOWED),
        (
            "a.onclick = () => { a.href = 'https://other.test/'; }",
            [
                navigation(1, LAND),
                cancelled(1),
                navigation(2, "https://other.test/"),
                background(2, "https://r.test/1"),
            ],
        ),
        (
            "a.onclick = () => { a.attributionSrc = 'https://r.test/2'; }",
            [navigation(1, LAND), background(1, "https://r.test/2")],
        ),
    ],
)
async def test_listeners_of_the_page_have_their_say(new_host: NewHost, listener: str, expected: list[Any]) -> None:
    page = await show(new_host, LINK)
    await page.host.run(listener)
    await page.host.page.click("#a")
    await page.settle(0.5)
    assert told(page) == expected


async def test_a_document_too_busy_for_another_task_registers_the_link_it_leaves_by(new_host: NewHost) -> None:
    page = await show(new_host, LINK)
    await page.host.run(
        """a.onclick = (event) => {
            event.stopImmediatePropagation();
            requestAnimationFrame(function draw() {
                const end = performance.now() + 600;
                while (performance.now() < end);
                requestAnimationFrame(draw);
            });
        };"""
    )
    await page.host.page.click("#a")
    await page.host.page.wait_for_url(LAND)
    await page.one_sent("https://r.test/1")
    assert told(page) == FOLLOWED


async def test_a_navigation_of_the_listener_s_own_is_not_the_link_s(new_host: NewHost) -> None:
    page = await show(new_host, LINK)
    await page.host.run(
        """a.onclick = (event) => {
            event.stopImmediatePropagation();
            location.href = "#elsewhere";
            event.preventDefault();
        };"""
    )
    await page.host.page.click("#a")
    await page.settle(0.5)
    assert told(page) == [navigation(1, LAND), cancelled(1)]


@pytest.mark.parametrize(
    "script",
    [
        "a.click()",
        "a.dispatchEvent(new MouseEvent('click', { bubbles: true }))",
        "open('/x', '_self', 'attributionsrc=/r')",
    ],
)
async def test_without_activation_a_navigation_is_like_any_other(new_host: NewHost, script: str) -> None:
    page = await show(new_host, f"{LINK}<script>setTimeout(() => {script}, 50)</script>")
    await page.host.page.wait_for_url("**/x" if "open" in script else LAND)
    assert told(page) == []
    assert page.sent("https://r.test/1") == []


@pytest.mark.parametrize("script", ["e.click()", "document.createElement('p').append(e); e.firstElementChild.click()"])
async def test_a_link_outside_the_document_is_followed_too(new_host: NewHost, script: str) -> None:
    page = await show(new_host, LINK.replace("x", "<b>x</b>"))
    await page.host.run(f"const e = a; e.target = '_blank'; e.remove(); {script}")
    await page.settle()
    assert told(page) == FOLLOWED


@pytest.mark.parametrize("mode", ["open", "closed"])
async def test_a_link_in_a_shadow_tree_is_followed_too(new_host: NewHost, mode: str) -> None:
    page = await show(new_host, "<div id=d></div>")
    await page.host.run(f"d.attachShadow({{ mode: '{mode}' }}).innerHTML = argument", LINK)
    await page.host.page.mouse.click(12, 16)
    await page.settle()
    assert told(page) == FOLLOWED


async def test_clicks_are_seen_after_the_document_was_opened_anew(new_host: NewHost) -> None:
    page = await show(new_host, "")
    await page.host.run("document.open(); document.write(argument); document.close()", LINK)
    await page.host.page.click("#a")
    await page.settle()
    assert told(page) == FOLLOWED


@pytest.mark.parametrize(
    ("attributes", "referrer"),
    [("", URL), ("rel='x NoReferrer'", None), ("referrerpolicy=no-referrer", None), ("referrerpolicy=origin", URL)],
)
async def test_background_requests_have_the_referrer_policy_of_the_link(
    new_host: NewHost, attributes: str, referrer: str | None
) -> None:
    page = await show(new_host, f"<a id=a target=_blank {attributes} href={LAND} attributionsrc=/r>x</a>")
    await page.host.page.click("#a")
    await page.settle()
    request = await page.one_sent(f"{URL}r")
    assert request.headers.get("referer") == referrer


@pytest.mark.parametrize("call", ["window.open", "document.open"])
@pytest.mark.parametrize(
    ("features", "urls"),
    [
        ("attributionsrc", []),
        ("attributionsrc=", []),
        ("width=1, AttributionSrc = https%3A%2F%2FR.test%2FA%3Fb%3DC%2520d", ["https://r.test/A?b=C%20d"]),
        ("attributionsrc=/1 ,attributionsrc=/2", [URL + "1", URL + "2"]),
        ("attributionsrc=http://r.test/ attributionsrc=%ff", [URL + "%ff"]),
    ],
)
async def test_window_open_with_the_feature_is_announced(
    new_host: NewHost, call: str, features: str, urls: list[str]
) -> None:
    page = await show(new_host, "")
    await page.run(f"{call}('/x#y', '_blank', argument)", features)
    assert told(page) == [navigation(1, URL + "x"), *(background(1, url) for url in urls)]
    await page.one_sent(URL + "x")


@pytest.mark.parametrize(
    "arguments",
    [
        "'/x'",
        "'/x', '_blank', null",
        "'/x', '_blank', 'xattributionsrc=/r'",
        "'/x', '_blank', 'width=attributionsrc'",
        "'/x', 'attributionsrc'",
    ],
)
async def test_window_open_without_the_feature_is_not(new_host: NewHost, arguments: str) -> None:
    page = await show(new_host, "")
    await page.run(f"open({arguments})")
    assert told(page) == []


async def test_window_open_converts_its_arguments_once_and_in_their_order(new_host: NewHost) -> None:
    page = await show(new_host, "")
    read = await page.run(
        """
        const read = [], text = (name, value) => ({ toString() { read.push(name); return value; } });
        open(text("url", "/x"), text("target", "_blank"), text("features", "noreferrer,attributionsrc=/r"));
        return read;
        """
    )
    assert read == ["url", "target", "features"]
    assert told(page) == [navigation(1, URL + "x"), background(1, URL + "r")]
    request = await page.one_sent(f"{URL}r")
    assert "referer" not in request.headers
