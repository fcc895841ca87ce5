from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from agent.browser.debug_cookie import permits, read_set_cookie
from agent.browser.launch import Browser
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.clock import Clock
from agent.model.settings import Settings
from agent.runtime import Agent
from tests.browser.announcing import Wire

ADTECH = URL("https://adtech.test/")
COOKIE = {
    "name": "ar_debug",
    "domain": "adtech.test",
    "path": "/",
    "secure": True,
    "httpOnly": True,
    "sameSite": "None",
}
REGISTER = "https://adtech.test/register"
FULL = "ar_debug=1; Secure; HttpOnly; SameSite=None"


def test_secure_http_only_same_site_none_and_unpartitioned_is_the_cookie() -> None:
    assert permits(COOKIE, "adtech.test")
    assert permits(COOKIE | {"domain": ".adtech.test"}, "reports.adtech.test")


@pytest.mark.parametrize(
    "other",
    [
        {"secure": False},
        {"httpOnly": False},
        {"sameSite": "Lax"},
        {"sameSite": "Strict"},
        {"partitionKey": {"topLevelSite": "https://news.test", "hasCrossSiteAncestor": True}},
        {"name": "ar_debug2"},
        {"path": "/register"},
        {"domain": "rival.test"},
        {"domain": "reports.adtech.test"},
        {"domain": ".dtech.test"},
    ],
    ids=str,
)
def test_a_cookie_without_an_attribute_or_of_another_origin_is_not(other: dict[str, Any]) -> None:
    assert not permits(COOKIE | other, "adtech.test")
    unset = {key: value for key, value in COOKIE.items() if key != "sameSite"}
    assert not permits(unset, "adtech.test"), "Chromium takes a cookie that says nothing for Lax"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (FULL, True),
        ("ar_debug=; secure;httponly ; samesite=none; path=/; domain=.adtech.test; max-age=60", True),
        (f"{FULL}; Expires=Thu, 01 Jan 1970 00:00:00 GMT", False),
        (f"{FULL}; Max-Age=0", False),
        (f"{FULL}; Max-Age=-1; Expires=Fri, 31 Dec 9999 23:59:59 GMT", False),
        (f"{FULL}; Max-Age={'9' * 5000}; Expires=Thu, 01 Jan 1970 00:00:00 GMT", True),
        (f"{FULL}; Expires=soon", True),
        (f"{FULL}; Partitioned", None),
        (f"{FULL}; Path=/register", None),
        (f"{FULL}; Domain=rival.test", None),
        ("ar_debug=1; Secure; SameSite=None", None),
        ("ar_debug=1; HttpOnly; SameSite=None", None),
        ("ar_debug=1; Secure; HttpOnly", None),
        ("other=1; Secure; HttpOnly; SameSite=None", None),
        ("", None),
    ],
)
def test_what_a_response_sets_is_read_with_its_end(value: str, told: bool | None) -> None:
    assert read_set_cookie(value, REGISTER) is told


def test_without_a_path_a_cookie_is_its_url_s_folder_s() -> None:
    assert read_set_cookie(FULL, "https://adtech.test/deep/register") is None


def _adtech() -> web.Application:
    async def answer(request: web.Request) -> web.Response:
        response = web.Response(headers={"Attribution-Reporting-Register-Trigger": "{}"})
        if cookie := request.query.get("cookie"):
            response.headers["Set-Cookie"] = cookie
        return response

    app = web.Application()
    app.router.add_get("/", answer)
    return app


@pytest.mark.browser
@pytest.mark.parametrize(
    ("required", "cookie", "permissions"),
    [
        (False, "", [True, True]),
        (True, "", [False, False]),
        (True, FULL, [True, True]),
        (True, "ar_debug=1; Secure; SameSite=None", [False, False]),
        (True, f"{FULL}; Partitioned", [False, False]),
    ],
)
async def test_debug_permission_asks_for_the_cookie_where_it_is_required(
    agent_browser: Browser, wire: Wire, required: bool, cookie: str, permissions: list[bool]
) -> None:
    settings = Settings(attribution_reporting_limits=AttributionReportingLimits(debug_cookie_required=required))
    maps = {"news.test": wire.app(), "adtech.test": _adtech()}
    wire.pages["/"] = "<!doctype html>"
    async with Agent.launch(browser=agent_browser, clock=Clock.frozen(), maps=maps, settings=settings) as agent:
        page = await agent.new_page("https://news.test/")
        ask = "(url) => fetch(url, { mode: 'no-cors', credentials: 'include' }).then(() => 0)"
        await page.evaluate(ask, str(ADTECH.with_query(cookie=cookie)))
        await page.evaluate(ask, str(ADTECH))
        registered = await wire.until_registered(2)
    assert [one.debug_permission for one in registered] == permissions
