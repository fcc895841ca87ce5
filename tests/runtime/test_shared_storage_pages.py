"""Shared Storage from the page to the store and to the report, in real Chromium."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Page

from agent.model.clock import Clock
from agent.model.private_aggregation import PRIVATE_AGGREGATION
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.model.settings import Settings
from agent.model.shared_storage import StorageEvent
from agent.model.shared_storage_limits import SharedStorageLimits
from agent.runtime import Agent

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
NEWS, ADTECH = "https://news.test", "https://adtech.test"
ADD_MODULE_DISABLED = (
    "sharedStorage.worklet.addModule is disabled because either sharedStorage is disabled or both"
    " sharedStorage.selectURL and privateAggregation are disabled"
)
WORKLET = """
class Copy { async run(data) {
    await sharedStorage.set("copy", String(await sharedStorage.get("source")) + data.more);
} }
class Contribute { async run() { privateAggregation.contributeToHistogram({ bucket: 7n, value: 5 }); } }
class Spin { async run() { privateAggregation.contributeToHistogram({ bucket: 8n, value: 1 }); for (;;); } }
class Wait { async run() {
    privateAggregation.contributeToHistogram({ bucket: 9n, value: 1 });
    await sharedStorage.set("begun", "1");
    await new Promise(() => {});
} }
class Last { async run(urls) { return urls.length - 1; } }
class Bad { async run() { throw new RangeError("boom"); } }
for (const each of [Copy, Contribute, Spin, Wait, Last, Bad]) register(each.name, each);
"""
SHOW = """async (urls) => {
    const urn = await sharedStorage.selectURL("Last", urls.map((url) => ({ url })), { keepAlive: true });
    const frame = document.createElement("iframe");
    frame.src = urn;
    document.body.append(frame);
    await new Promise((done) => { frame.onload = done; });
}"""


@dataclass
class Sites:
    """Pages, one worklet script, and what was reported."""

    reports: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def app(self) -> web.Application:
        """The application for ``agent.map``."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            self.reports.append((request.path, await request.json()))
            return web.Response()
        if request.path == "/worklet.js":
            return web.Response(text=WORKLET, content_type="text/javascript")
        text = f"<!doctype html><p>{request.path}</p><a target=_top href={NEWS}/landing>go</a>"
        return web.Response(text=text, content_type="text/html")


@pytest.fixture
async def sites(agent: Agent) -> Sites:
    """Two hosts of the world."""
    return _sites(agent)


def _sites(agent: Agent) -> Sites:
    sites = Sites()
    for origin in (NEWS, ADTECH):
        agent.map(origin.removeprefix("https://"), sites.app())
    return sites


async def _page(agent: Agent, origin: str = NEWS) -> Page:
    page = await agent.new_page(f"{origin}/")
    await page.evaluate("sharedStorage.worklet.addModule('/worklet.js')")
    return page


async def _event(agent: Agent, kind: str, count: int = 1) -> list[str]:
    """The verdicts of the events of ``kind``, once there are so many."""
    async with asyncio.timeout(20):
        while len(found := await agent.events.all(kind)) < count:
            await asyncio.sleep(0.02)
    return [event.verdict for event in found]


async def _entries(agent: Agent, origin: str = NEWS) -> dict[str, str]:
    return {entry.key: entry.value for entry in await agent.shared_storage.entries(origin)}


async def test_a_worklet_reads_what_its_page_wrote_before(agent: Agent, sites: Sites) -> None:
    del sites
    page = await _page(agent)
    await page.evaluate(
        """() => {
            for (const digit of "0123456789") sharedStorage.append("source", digit);
            return sharedStorage.run("Copy", { data: { more: "!" } });
        }"""
    )
    assert await _event(agent, StorageEvent.RUN) == ["finished"]
    assert (await _entries(agent))["copy"] == "0123456789!"


async def test_a_contribution_is_reported_within_the_hour(agent: Agent, sites: Sites) -> None:
    page = await _page(agent)
    await page.evaluate("sharedStorage.run('Contribute')")
    await agent.clock.advance("59m")
    await agent.clock.advance("2m")
    [(path, body)] = sites.reports
    assert path == "/.well-known/private-aggregation/report-shared-storage"
    assert json.loads(body["shared_info"])["reporting_origin"] == NEWS


async def test_an_operation_that_never_ends_reports_five_seconds_later_by_the_agents_clock(
    agent: Agent, sites: Sites
) -> None:
    page = await _page(agent)
    await page.evaluate("sharedStorage.run('Wait', { privateAggregationConfig: { contextId: 'c' } })")
    await agent.clock.advance(4999)
    assert sites.reports == []
    await agent.clock.advance(101)
    [(_, body)] = sites.reports
    assert body["context_id"] == "c"


@pytest.mark.parametrize("how", ["navigation", "frame", "page"])
async def test_what_an_operation_contributed_is_kept_when_its_document_ends(
    agent: Agent, sites: Sites, how: str
) -> None:
    del sites
    page = await agent.new_page(f"{NEWS}/")
    await page.evaluate(f"""() => new Promise((done) => {{
        const frame = document.createElement("iframe");
        frame.src = "{ADTECH}/frame";
        frame.onload = done;
        document.body.append(frame);
    }})""")
    frame = page.frames[1]
    await frame.evaluate("sharedStorage.worklet.addModule('/worklet.js')")
    await frame.evaluate("sharedStorage.run('Wait')")
    async with asyncio.timeout(10):
        while "begun" not in await _entries(agent, ADTECH):
            await asyncio.sleep(0.02)
    if how == "navigation":
        await page.goto(f"{NEWS}/elsewhere")
    elif how == "frame":
        await page.evaluate("document.querySelector('iframe').remove()")
    else:
        await page.close()
    assert await _event(agent, StorageEvent.RUN) == ["died"]
    assert await _event(agent, PRIVATE_AGGREGATION) == ["report-scheduled"]


async def test_a_worklet_that_spins_holds_up_neither_its_page_nor_another_worklet(agent: Agent, sites: Sites) -> None:
    del sites
    page = await _page(agent)
    await page.evaluate("sharedStorage.run('Spin', { keepAlive: true })")
    other = await _page(agent, ADTECH)
    await other.evaluate("sharedStorage.run('Copy', { data: { more: '' } })")
    assert "finished" in await _event(agent, StorageEvent.RUN)
    assert await page.evaluate("1 + 1") == 2
    await page.goto(f"{NEWS}/elsewhere")
    assert sorted(await _event(agent, StorageEvent.RUN, 2)) == ["died", "finished"]
    assert await _event(agent, PRIVATE_AGGREGATION) == ["report-scheduled"], "what it contributed before is kept"


async def test_failures_of_operations_are_told_in_the_pages_console(agent: Agent, sites: Sites) -> None:
    del sites
    page = await _page(agent)
    lines: list[tuple[str, str]] = []
    page.on("console", lambda line: lines.append((line.type, line.text)))
    await page.evaluate("sharedStorage.run('Bad', { keepAlive: true })")
    await page.evaluate("sharedStorage.run('missing', { keepAlive: true })")
    assert await _event(agent, StorageEvent.RUN, 2) == ["failed", "failed"]
    async with asyncio.timeout(10):
        while len(lines) < 2:
            await asyncio.sleep(0.02)
    assert [kind for kind, _ in lines] == ["error", "error"]
    assert {text.partition("\n")[0] for _, text in lines} == {"RangeError: boom", "Cannot find operation name."}


async def test_a_selected_url_is_shown_and_pays_when_its_frame_navigates_the_tab(agent: Agent, sites: Sites) -> None:
    del sites
    page = await _page(agent)
    await page.evaluate(SHOW, [f"{ADTECH}/{number}" for number in range(4)])
    shown = page.frames[1]
    assert await shown.text_content("p") == "/3"
    assert await agent.shared_storage.navigation_budgets() == []
    await shown.click("a")
    await page.wait_for_url(f"{NEWS}/landing")
    await _event(agent, StorageEvent.NAVIGATION)
    [(site, left, _)] = await agent.shared_storage.navigation_budgets()
    assert (site, left) == (NEWS, 10.0)


async def test_a_selected_url_pays_too_where_it_shares_its_process_and_origin_with_the_frame_around_it(
    agent: Agent, sites: Sites
) -> None:
    del sites
    page = await agent.new_page(f"{NEWS}/")
    await page.evaluate(
        """(url) => new Promise((done) => {
            const frame = document.createElement("iframe");
            frame.src = url;
            frame.onload = done;
            document.body.append(frame);
        })""",
        f"{ADTECH}/poster",
    )
    poster = page.frames[1]
    await poster.evaluate("sharedStorage.worklet.addModule('/worklet.js')")
    await poster.evaluate(SHOW, [f"{ADTECH}/{number}" for number in range(2)])
    await page.frames[2].click("a")
    await page.wait_for_url(f"{NEWS}/landing")
    await _event(agent, StorageEvent.NAVIGATION)
    assert [(site, left) for site, left, _ in await agent.shared_storage.navigation_budgets()] == [(ADTECH, 11.0)]


async def test_a_document_that_shows_a_selected_url_has_a_fence_from_its_first_script_on(
    agent: Agent, sites: Sites
) -> None:
    del sites

    async def ad(_: web.Request) -> web.Response:
        text = "<!doctype html><script>window.found = typeof window.fence</script>"
        return web.Response(text=text, content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", ad)
    agent.map("ads.test", app)
    page = await _page(agent)
    await page.evaluate(SHOW, ["https://ads.test/0", "https://ads.test/1"])
    assert await page.frames[1].evaluate("[window.found, location.pathname]") == ["object", "/1"]
    assert await page.evaluate("typeof window.fence") in ("undefined", "object")
    plain = await agent.new_page("https://ads.test/1")
    assert await plain.evaluate("window.fence === null || window.fence === undefined")


async def test_clear_site_data_for_storage_clears_the_origins_entries(agent: Agent, sites: Sites) -> None:
    del sites

    async def clear(_: web.Request) -> web.Response:
        return web.Response(headers={"Clear-Site-Data": '"storage"'})

    app = web.Application()
    app.router.add_get("/clear", clear)
    agent.map("clear.test", app)
    await agent.shared_storage.set("https://clear.test", "k", "v")
    await agent.shared_storage.set(NEWS, "k", "v")
    page = await agent.new_page(f"{NEWS}/")
    await page.evaluate("fetch('https://clear.test/clear', { mode: 'no-cors' }).then(() => 0)")
    assert await _entries(agent, "https://clear.test") == {}
    assert await _entries(agent) == {"k": "v"}


async def test_the_owner_sees_and_changes_what_is_stored(agent: Agent) -> None:
    stored = agent.shared_storage
    assert await stored.set(NEWS, "a", "1") is None
    await stored.set(NEWS, "a", "2", ignore_if_present=True)
    await stored.set(NEWS, "b", "3")
    assert await stored.set(NEWS, "", "x") is not None, "an empty key cannot be"
    assert await _entries(agent) == {"a": "1", "b": "3"}
    metadata = await stored.metadata(NEWS)
    assert (metadata.length, metadata.bytes_used, metadata.remaining_budget) == (2, 8, 12.0)
    assert metadata.creation_time == agent.clock.now()
    assert [origin for origin, _ in await stored.origins()] == [NEWS]
    await stored.delete(NEWS, "a")
    assert await _entries(agent) == {"b": "3"}
    await stored.clear(NEWS)
    assert await stored.origins() == []


async def test_clearing_a_sites_history_clears_what_it_stored_and_spent(agent: Agent) -> None:
    await agent.shared_storage.set(NEWS, "k", "v")
    await agent.shared_storage.set(ADTECH, "k", "v")
    await agent.shared_storage.navigated(NEWS, 3.0, site="news.test")
    await agent.state.clear(site="news.test")
    assert await _entries(agent) == {}
    assert await agent.shared_storage.remaining_budget(NEWS) == 12
    assert await _entries(agent, ADTECH) == {"k": "v"}
    await agent.state.reset()
    assert await agent.shared_storage.origins() == []


@pytest.mark.parametrize("kind", ["private", "opted_out"])
async def test_a_private_or_opted_out_profile_is_told_that_it_is_disabled(agent: Agent, kind: str) -> None:
    del agent  # its browser is this one's
    async with Agent.launch(clock=Clock.frozen(), **{kind: True}) as other:  # type: ignore[arg-type]
        sites = _sites(other)
        page = await other.new_page(f"{NEWS}/")
        calls = ["set('a', 'b')", "worklet.addModule('/worklet.js')"]
        errors = [await page.evaluate(f"sharedStorage.{call}.then(String, String)") for call in calls]
        assert errors == ["OperationError: sharedStorage is disabled", f"OperationError: {ADD_MODULE_DISABLED}"]
        assert await other.shared_storage.origins() == []
        assert sites.reports == []


class TestWithoutEnrolment:
    """Only ``adtech.test`` is enrolled."""

    @pytest.fixture
    def agent_settings(self) -> Settings:
        """See :mod:`agent.pytest_fixtures`."""
        return Settings(enrolled_sites=frozenset({ADTECH}))

    async def test_a_site_that_is_not_enrolled_is_refused_and_one_that_is_may(self, agent: Agent, sites: Sites) -> None:
        del sites
        page = await agent.new_page(f"{NEWS}/")
        outcome = await page.evaluate("sharedStorage.set('a', 'b').then(String, String)")
        assert outcome == "OperationError: sharedStorage is disabled"
        page = await _page(agent, ADTECH)
        await page.evaluate("sharedStorage.set('source', 'b')")
        await page.evaluate("sharedStorage.run('Copy', { data: { more: '' } })")
        assert await _event(agent, StorageEvent.RUN) == ["finished"]
        assert await _entries(agent, ADTECH) == {"source": "b", "copy": "b"}


class TestDeveloperMode:
    """Reports leave at once, and late contributions crash the page."""

    @pytest.fixture
    def agent_settings(self) -> Settings:
        """See :mod:`agent.pytest_fixtures`."""
        limits = PrivateAggregationLimits(developer_mode=True, late_contribution_crashes=True)
        return Settings(private_aggregation_limits=limits)

    async def test_a_report_leaves_at_once(self, agent: Agent, sites: Sites) -> None:
        page = await _page(agent)
        await page.evaluate("sharedStorage.run('Contribute')")
        async with asyncio.timeout(10):
            while not sites.reports:
                await asyncio.sleep(0.02)

    async def test_a_late_contribution_crashes_the_page(self, agent: Agent, sites: Sites) -> None:
        del sites
        late = """register("late", class { async run() { sharedStorage.get("a").then(() => sharedStorage.get("b"))
            .then(() => privateAggregation.contributeToHistogram({ bucket: 1n, value: 1 })); } });"""
        page = await agent.new_page(f"{NEWS}/")
        crashed = asyncio.Event()
        page.on("crash", lambda _: crashed.set())
        await page.evaluate(
            """async (text) => {
                const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
                await sharedStorage.worklet.addModule(url);
                await sharedStorage.run("late", { keepAlive: true });
            }""",
            late,
        )
        await asyncio.wait_for(crashed.wait(), 10)


async def test_an_operation_called_right_before_its_frame_is_removed_is_run(agent: Agent, sites: Sites) -> None:
    del sites
    page = await agent.new_page(f"{NEWS}/")
    await page.evaluate(
        """async () => {
            const frame = document.createElement("iframe");
            frame.src = "/frame";
            document.body.append(frame);
            await new Promise((done) => { frame.onload = done; });
            const { sharedStorage } = frame.contentWindow;
            await sharedStorage.worklet.addModule("/worklet.js");
            sharedStorage.run("Copy", { data: { more: "!" } });
            frame.remove();
        }"""
    )
    assert await _event(agent, StorageEvent.RUN) == ["finished"]
    assert await _entries(agent) == {"copy": "undefined!"}


async def test_a_page_has_so_many_worklets_and_others_have_theirs() -> None:
    limits = SharedStorageLimits(max_worklets_per_page=3)
    async with Agent.launch(settings=Settings(shared_storage_limits=limits)) as agent:
        _sites(agent)
        page = await agent.new_page(f"{NEWS}/")
        create = """async (count) => {
            const made = [];
            for (let n = 0; n < count; n += 1) made.push(sharedStorage.createWorklet("/worklet.js"));
            return (await Promise.allSettled(made)).map((one) => one.reason?.message ?? "made");
        }"""
        refused = "The page has too many shared storage worklets."
        assert await page.evaluate(create, 5) == ["made"] * 3 + [refused] * 2
        other = await agent.new_page(f"{NEWS}/")
        assert await other.evaluate(create, 1) == ["made"]
        await page.reload()
        assert await page.evaluate(create, 3) == ["made"] * 3
