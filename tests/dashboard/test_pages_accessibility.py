"""Every page in Chromium before axe-core, in light on a wide screen and in dark on a phone."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, async_playwright

from agent.browser.chromium import find_chromium
from agent.model.attribution import CallContext
from agent.model.attribution_reporting.eligibility import REGISTER_SOURCE, Eligibility, RegistrationResponse
from agent.model.events import Check, Event, Trace
from agent.model.reports import ReportState
from tests.attribution_world import CURRENT
from tests.dashboard.conftest import Dashboard, register
from tests.dashboard.test_pages import TEN

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AXE = "axe-core@4.11.0"
PAGES = [f"/{name}" for name in TEN] + ["/explain/last", "/reports/latest", "/api", "/reports?state=lost"]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, from npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm on this machine, which has axe-core")
    folder = tmp_path_factory.mktemp("axe")
    packed = subprocess.run(
        [npm, "pack", "--silent", AXE], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    if packed.returncode:
        pytest.skip(f"npm has no {AXE}: {packed.stderr.strip()[:200]}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=find_chromium().path, args=["--no-sandbox"])
        try:
            yield launched
        finally:
            await launched.close()


async def fill(dashboard: Dashboard) -> None:
    """Something on every page."""
    agent = dashboard.agent
    await register(agent)
    await register(agent, source={"destination": "shop.test"})
    await agent.save_impression(
        CURRENT, CallContext("news.test"), {"histogramIndex": 1, "conversionSites": ["shop.test"]}
    )
    asked = {
        "aggregationService": "https://aggregator.test",
        "epsilon": 0.5,
        "histogramSize": 2,
        "value": 1,
        "maxValue": 1,
    }
    assert isinstance(await agent.measure_conversion(CURRENT, CallContext("shop.test"), asked), bytes)
    assert await agent.shared_storage.set("https://shop.test", "key", "value") is None
    failed = Check("rule", passed=False, detail="65,536 - 60,000 = 5,536 left", fix="ask for less")
    await agent.note(Event("conversion", agent.clock.now(), "stored", "summary", "shop.test", {}, Trace((failed,))))
    waiting = await agent.reports.newest(states=[ReportState.PENDING], limit=1)
    await agent.reports.send(waiting[0].id)

    async def take(_: web.Request) -> web.Response:
        return web.Response()

    collector = web.Application()
    collector.router.add_post("/{path:.*}", take)
    agent.hosts.map("adtech.test", collector)
    await agent.reports.send_pending()
    await register(agent)
    agent.chaos.set("adtech.test", fail="50%")
    batch = {"origin": "https://adtech.test", "kind": "aggregatable"}
    for _ in range(2):
        assert (await dashboard.api("POST", "/aggregation", batch)).status == 200


def told(violations: list[dict[str, Any]]) -> list[str]:
    return [
        f"{one['id']}: {one['help']}: {node['html'][:120]} {node['failureSummary']}"
        for one in violations
        for node in one["nodes"]
    ]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
async def test_every_page_is_accessible(
    dashboard: Dashboard, browser: Browser, axe: str, scheme: Any, width: int
) -> None:
    await fill(dashboard)
    # The policy of the pages would keep axe out; test_pages_browser.py holds the pages to it.
    context = await browser.new_context(
        bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce"
    )
    page = await context.new_page()
    problems: dict[str, list[str]] = {}
    for address in PAGES:
        await page.goto(f"{dashboard.address}{address}")
        await page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")
        await page.evaluate(axe)
        found = await page.evaluate("(tags) => axe.run({runOnly: tags})", TAGS)
        if found["violations"]:
            problems[address] = told(found["violations"])
    assert problems == {}


@pytest.mark.parametrize("width", [320, 390, 1024])
async def test_no_page_is_wider_than_its_screen(dashboard: Dashboard, browser: Browser, width: int) -> None:
    await fill(dashboard)
    page = await browser.new_page(viewport={"width": width, "height": 800})
    wide = {}
    for address in PAGES:
        await page.goto(f"{dashboard.address}{address}")
        await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        over = await page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            wide[address] = over
    assert wide == {}


async def test_a_long_name_makes_no_table_wider_than_the_screen(dashboard: Dashboard, browser: Browser) -> None:
    host = f"{'a' * 60}.{'b' * 60}.test"
    fields = {REGISTER_SOURCE: json.dumps({"destination": f"https://{host}"}).encode()}
    kind = Eligibility.NAVIGATION_SOURCE
    await dashboard.agent.register(RegistrationResponse(f"https://{host}", f"https://{host}/s", kind, fields))
    options = {"histogramIndex": 1, "conversionSites": [f"{letter * 60}.test" for letter in "cde"]}
    await dashboard.agent.save_impression(CURRENT, CallContext(f"{'b' * 60}.test"), options)
    assert await dashboard.agent.shared_storage.set(f"https://{host}", "k" * 100, "v" * 200) is None
    page = await browser.new_page(viewport={"width": 1280, "height": 800})
    for address in ("/sources", "/budgets", "/shared-storage"):
        await page.goto(f"{dashboard.address}{address}")
        over = await page.locator(".scroll").evaluate_all("all => all.map(one => one.scrollWidth - one.clientWidth)")
        assert over
        assert max(over) <= 0, address


@pytest.mark.parametrize("width", [320, 390])
async def test_on_a_phone_the_rows_of_tables_are_cards_and_still_rows(
    dashboard: Dashboard, browser: Browser, width: int
) -> None:
    """Nothing has to be scrolled sideways, and who hears the page hears of rows and columns as ever."""
    await fill(dashboard)
    phone, desk = [await browser.new_page(viewport={"width": wide, "height": 800}) for wide in (width, 1280)]
    tables = 0
    for address in PAGES:
        told = []
        for page in (phone, desk):
            await page.goto(f"{dashboard.address}{address}")
            await page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")
            told.append([await page.get_by_role(role).count() for role in ("table", "row", "columnheader", "cell")])
            if page is phone:
                wide = await page.locator(".scroll").evaluate_all(
                    "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.ariaLabel)"
                )
                assert wide == [], address
        assert told[0] == told[1], address
        tables += told[0][0]
        labels = await phone.locator("tbody :is(td, th)").evaluate_all("all => all.map(one => one.dataset.label)")
        assert all(labels), address
    assert tables >= 15
