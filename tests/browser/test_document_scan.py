"""Whether a request is awaited as soon as anything that a page got names the attribute, even for the very first one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Page

from agent.browser import devtools_pipe
from agent.browser.launch import Browser
from agent.runtime import Agent
from tests.browser.announcing import Wire

pytestmark = pytest.mark.browser
PIXEL = "https://adtech.test/pixel"
USE = f"""(() => {{ Object.assign(new Image(), {{ attributionSrc: "", src: "{PIXEL}" }}); }})()"""
MARKUP = f'<img attributionsrc src="{PIXEL}">'


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lagging_browser() -> AsyncIterator[Browser]:
    """A Chromium whose messages come late, in their order: what a page announces comes after the request."""
    received = devtools_pipe._Messages.data_received

    def late(self: devtools_pipe._Messages, data: bytes) -> None:
        asyncio.get_running_loop().call_later(0.05, received, self, data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devtools_pipe._Messages, "data_received", late)
        async with Browser() as browser:
            yield browser


async def _evaluated(page: Page) -> None:
    await page.goto("https://news.test/page")
    await page.evaluate(USE)


async def _added_before(page: Page) -> None:
    await page.add_init_script(USE)
    await page.goto("https://news.test/page")


async def _added(page: Page) -> None:
    await page.goto("https://news.test/page")
    await page.add_script_tag(content=USE)


async def _answered_by_the_test(page: Page) -> None:
    await page.route("**/use.js", lambda route: route.fulfill(body=USE, content_type="text/javascript"))
    await page.goto("https://news.test/uses")


async def _external(page: Page) -> None:
    await page.goto("https://news.test/uses")


async def _inline(page: Page) -> None:
    await page.goto("https://news.test/inline")


async def _fetched(page: Page) -> None:
    await page.goto("https://news.test/fetches")


@pytest.mark.parametrize(
    "way",
    [_evaluated, _added_before, _added, _answered_by_the_test, _external, _inline, _fetched],
    ids=lambda way: way.__name__[1:],
)
async def test_the_first_image_of_all_is_eligible_however_its_page_got_the_attributes_name(
    lagging_browser: Browser, wire: Wire, way: Callable[[Page], Awaitable[None]]
) -> None:
    wire.pages |= {
        "/page": "<!doctype html><body>",
        "/uses": "<!doctype html><script src=use.js></script>",
        "/use.js": USE,
        "/inline": f"<!doctype html><script>{USE}</script>",
        "/fetches": """<!doctype html><body><script>
            fetch("/markup").then((answer) => answer.json()).then((markup) => { document.body.innerHTML = markup; });
        </script>""",
        "/markup": json.dumps(MARKUP),
    }
    async with Agent.launch(browser=lagging_browser) as agent:
        agent.map("news.test", wire.app())
        agent.map("adtech.test", wire.app())
        await way(await agent.new_page())
        [seen] = await wire.until(1)
    assert (seen.url, seen.eligible) == (PIXEL, {"event-source", "trigger"})
