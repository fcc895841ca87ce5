"""The fixtures of synchronous tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pytest_projects import run_project, write_project

TESTS = """
import pytest
from aiohttp import web
from agent.expectations import expect

@pytest.fixture
def shopping(sync_agent, sync_sites, sync_reporting, sync_page):
    sync_sites.serve("news.test", "pages/news")
    sync_sites.serve("shop.test", "pages/shop")
    sync_reporting.source(destination="https://shop.test", source_event_id="123", aggregation_keys={"sale": "0x500"})
    sync_reporting.trigger(
        event_trigger_data=[{"trigger_data": "2"}],
        aggregatable_trigger_data=[{"key_piece": "0x59", "source_keys": ["sale"]}],
        aggregatable_values={"sale": 52},
    )
    sync_page.goto("https://news.test/")
    return sync_page

def test_playwrights_objects_read_as_those_of_its_synchronous_api(shopping, sync_agent):
    page, said, asked = shopping, [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", asked.append)
    page.route("**/answer", lambda route: route.fulfill(body=route.request.method))
    assert page.title() == "News"
    assert page.locator("a").all()[0].inner_text() == "Summer sale"
    assert page.evaluate("fetch('/answer').then((response) => response.text())") == "GET"
    assert [request.url for request in asked] == ["https://news.test/answer"]
    page.evaluate("console.log('said')")
    assert said == ["said"]
    page.remove_listener("request", asked.append)
    with page.expect_popup() as popup:
        page.evaluate("window.open('https://shop.test/'); 0")
    popup.value.wait_for_load_state()
    assert popup.value.url == "https://shop.test/"
    assert popup.value.context == sync_agent.context
    assert len(sync_agent.context.pages) == 2
    with page.expect_request(lambda request: request.url.endswith("/wanted")) as wanted:
        page.evaluate("fetch('/unwanted'); fetch('/wanted'); 0")
    assert wanted.value.url == "https://news.test/wanted"
    page.expose_function("twice", lambda number: 2 * number)
    assert page.evaluate("twice(21)") == 42
    expect(page.get_by_role("link", name="Summer sale")).to_be_visible()
    with pytest.raises(AssertionError, match="Locator expected to have text"):
        expect(page.get_by_role("link")).to_have_text("other", timeout=100)

@pytest.mark.agent(noise=False)
def test_all_fixtures_wait(shopping, sync_agent, sync_reporting, sync_clock, sync_summary):
    shopping.get_by_role("link", name="Summer sale").click()
    expect(sync_agent).to_have_source(event_id=123, type="navigation")
    shopping.get_by_role("button", name="Buy now").click()
    expect(sync_agent).to_have_trigger(verdict="stored")
    sync_clock.to_next_report()
    report = sync_reporting.expect_aggregatable(bucket=0x559)
    assert report.value == (52,)
    sync_clock.advance("2d")
    assert sync_reporting.expect_event_level(trigger_data=2).source_event_id == "123"
    assert sync_summary.aggregatable() == {0x559: 52}
    assert [one.kind for one in sync_reporting.received] == ["aggregatable", "event-level"]
    assert len(sync_agent.reports.all()) == 2

def test_sites_are_also_applications(sync_sites, sync_page):
    async def hello(request):
        return web.Response(text="hello")
    app = web.Application()
    app.router.add_get("/", hello)
    sync_sites.serve("app.test", app)
    assert sync_page.goto("https://app.test/").text() == "hello"
    async def asgi(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": scope["server"][0].encode()})
    sync_sites.serve("asgi.test", asgi)
    assert sync_page.goto("https://asgi.test/").text() == "asgi.test"

def test_a_function_that_is_asynchronous_itself_stays_so(sync_sites, sync_page):
    async def fulfil(route):
        await route.fulfill(body="mine")
    sync_page.route("**/mine", fulfil)
    sync_sites.serve("news.test", "pages/news")
    assert sync_page.goto("https://news.test/mine").text() == "mine"

def test_a_failure_tells_why(shopping, sync_reporting):
    shopping.goto("https://shop.test/")
    shopping.get_by_role("button", name="Buy now").click()
    sync_reporting.expect_event_level(timeout=0.5)
"""


@pytest.mark.browser
def test_synchronous_tests_have_the_same_fixtures_without_pytest_asyncio(tmp_path: Path) -> None:
    write_project(tmp_path, TESTS, settings="[pytest]\n")
    done = run_project(tmp_path, "-p", "no:asyncio")
    assert "1 failed, 4 passed" in done.stdout, done.stdout + done.stderr
    assert "FAIL  matching source" in done.stdout
    assert "blocking.py" not in done.stdout, "the traceback ends at the test's own line"
    (bundle,) = (tmp_path / "tallyhost-results").iterdir()
    assert {"screenshot-1.png", "trace.zip", "events.jsonl"} <= {path.name for path in bundle.iterdir()}
