"""An opted-out or private agent does exactly what another does, and a page cannot tell them apart."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Page

from agent.browser.launch import Browser
from agent.model.clock import Clock
from agent.model.rng import Draw, SeededRng
from agent.model.settings import LOCAL_SERVICE
from agent.runtime import Agent
from tests.browser.ledger import site
from tests.report_contents import conversion

pytestmark = pytest.mark.browser
_VALUE = re.compile(r"'(?:[^']|'')*'|\bNULL\b|-?\b\d+(?:\.\d+)?\b")
KINDS = ("enabled", "opted out", "private")

SAVES = {
    "current": "navigator.attribution.saveImpression({ histogramIndex: 1, conversionSites: ['shop.test'] })",
    "level1_2024": "navigator.privateAttribution.saveImpression"
    "({ histogramIndex: 1, ad: 'a', conversionSite: 'shop.test' })",
}
MEASURES = {
    "current": f"navigator.attribution.measureConversion"
    f"({{ aggregationService: '{LOCAL_SERVICE.url}', histogramSize: 4 }}).then((result) => result.report)",
    "level1_2024": f"navigator.privateAttribution.measureConversion"
    f"({{ aggregator: '{LOCAL_SERVICE.name}', histogramSize: 4, value: 1 }})",
}


class CountingRng:
    """Chance that notes what was drawn."""

    def __init__(self, source: SeededRng, drawn: list[tuple[str, Draw, int]]) -> None:
        self._source, self._drawn = source, drawn

    def fraction(self, draw: Draw) -> float:
        self._drawn.append(("fraction", draw, 0))
        return self._source.fraction(draw)

    def below(self, draw: Draw, bound: int) -> int:
        self._drawn.append(("below", draw, bound))
        return self._source.below(draw, bound)

    def bytes(self, draw: Draw, count: int) -> bytes:
        self._drawn.append(("bytes", draw, count))
        return self._source.bytes(draw, count)


@dataclass
class Watched:
    """An agent, and all that it does where somebody could count it."""

    agent: Agent
    drawn: list[tuple[str, Draw, int]] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    """Lengths of the messages that answer pages."""
    posted: list[int] = field(default_factory=list)
    """Lengths of the reports that the agent sent itself."""

    async def watch(self, act: Callable[[], Awaitable[object]]) -> dict[str, list[Any]]:
        """What ``act`` makes the agent do."""
        for noted in (self.drawn, self.statements, self.answers, self.posted):
            noted.clear()
        await act()
        async with asyncio.timeout(5):
            while "COMMIT" not in self.statements:  # the seed's saveImpression returns at once
                await asyncio.sleep(0.005)
        return {
            "drawn": list(self.drawn),
            "statements": list(self.statements),
            "answers": list(self.answers),
            "posted": list(self.posted),
        }


@asynccontextmanager
async def _watched(browser: Browser, kind: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    monkeypatch.setattr(
        "agent.runtime.agent.rng_for", lambda seed, chapter: CountingRng(SeededRng(seed, chapter), drawn)
    )
    drawn: list[tuple[str, Draw, int]] = []
    async with Agent.launch(
        browser=browser, seed=7, clock=Clock.frozen(), private=kind == "private", opted_out=kind == "opted out"
    ) as agent:
        watched = Watched(agent, drawn)

        async def measure(_request: web.Request) -> web.Response:
            field = f'aggregation-service="{LOCAL_SERVICE.url}", histogram-size=4, report-url="/report"'
            return web.Response(headers={"Measure-Conversion": field})

        async def save(_request: web.Request) -> web.Response:
            return web.Response(headers={"Save-Impression": "histogram-index=2"})

        async def take(request: web.Request) -> web.Response:
            watched.posted.append(len(await request.read()))
            return web.Response()

        agent.map("news.test", site({"/save": save}))
        agent.map("shop.test", site({"/measure": measure, "/report": take}))
        await agent._database.on_statement(lambda text: watched.statements.append(_VALUE.sub("?", text)))
        yield watched


async def _post_report(agent: Agent, page: Page, *, reports: int) -> None:
    """Have a response measure a conversion, and wait until all of the agent's reports are delivered."""
    await page.evaluate("() => fetch('/measure', { cache: 'no-store' })")
    await agent.clock.advance(0)
    await agent.reports.wait(count=reports)


async def _do_everything(watched: Watched, browser: Browser) -> dict[str, Any]:
    """Everything that a page can make an agent do, twice, and what was seen of each."""
    seen: dict[str, Any] = {}
    post = browser.channel._pipe.post

    def noting(method: str, params: Any, session: str | None = None) -> int:
        if "expression" in params:
            watched.answers.append(len(params["expression"]))
        return post(method, params, session)

    browser.channel._pipe.post = noting  # type: ignore[method-assign]
    try:
        news = await watched.agent.new_page("https://news.test/")
        shop = await watched.agent.new_page("https://shop.test/")
        for turn in (1, 2):
            for dialect, script in SAVES.items():
                act = partial(news.evaluate, f"async () => JSON.stringify(await {script})")
                seen[f"save {dialect} {turn}"] = await watched.watch(act)
            for dialect, script in MEASURES.items():
                act = partial(shop.evaluate, f"async () => {{ const report = await {script}; return report.length; }}")
                seen[f"measure {dialect} {turn}"] = await watched.watch(act)
            act = partial(news.evaluate, "() => fetch('/save', { cache: 'no-store' })")
            seen[f"field {turn}"] = await watched.watch(act)
            act = partial(_post_report, watched.agent, shop, reports=3 * turn)
            seen[f"report {turn}"] = (await watched.watch(act))["posted"]
    finally:
        browser.channel._pipe.post = post  # type: ignore[method-assign]
    return seen


async def test_statements_draws_and_bytes_are_equal_whether_the_api_is_enabled_or_not(
    agent_browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {}
    for kind in KINDS:
        async with _watched(agent_browser, kind, monkeypatch) as watched:
            seen[kind] = await _do_everything(watched, agent_browser)
    for kind in KINDS[1:]:
        for act, of_enabled in seen["enabled"].items():
            assert seen[kind][act] == of_enabled, f"{act} of an agent that is {kind}"
    assert seen["enabled"]["measure current 1"]["drawn"], "the watch sees draws"
    assert seen["enabled"]["measure current 1"]["statements"], "the watch sees statements"
    assert seen["enabled"]["measure current 1"]["answers"], "the watch sees answers"
    assert seen["enabled"]["report 1"], "the watch sees what is sent"


@pytest.fixture
async def agents(agent_browser: Browser) -> AsyncIterator[dict[str, Agent]]:
    """One agent of each kind."""
    async with AsyncExitStack() as stack:
        found = {}
        for kind in KINDS:
            found[kind] = await stack.enter_async_context(
                Agent.launch(
                    browser=agent_browser, clock=Clock.frozen(), seed=1,
                    private=kind == "private", opted_out=kind == "opted out",
                    maps={"news.test": site({}), "shop.test": site({})},
                )
            )  # fmt: skip
        yield found


async def test_pages_see_equal_shapes_and_nothing_is_stored(agents: dict[str, Agent]) -> None:
    looks = """async () => {
        const describe = (value) => [typeof value, Object.prototype.toString.call(value), value?.length ?? null,
            JSON.stringify(Object.getOwnPropertyNames(value ?? {}).slice(-5))];
        const bad = [];
        for (const options of [{ histogramIndex: 1e6 }, {}, { histogramIndex: 1, conversionSites: ["com"] }])
            await navigator.attribution.saveImpression(options).catch((e) => bad.push([e.name, e.message]));
        return JSON.stringify([SAVE1, SAVE2, MEASURE1, MEASURE2].map(describe).concat(bad));
    }"""
    for number, dialect in enumerate(SAVES, 1):
        looks = looks.replace(f"SAVE{number}", f"await {SAVES[dialect]}")
        looks = looks.replace(f"MEASURE{number}", f"await {MEASURES[dialect]}")
    seen = {}
    for kind, agent in agents.items():
        page = await agent.new_page("https://shop.test/")
        seen[kind] = await page.evaluate(looks)
    assert len(set(seen.values())) == 1, seen
    stored = {kind: len(await agent.state.impressions()) for kind, agent in agents.items()}
    assert stored == {"enabled": 2, "opted out": 0, "private": 0}
    for kind in KINDS[1:]:
        assert await agents[kind].state.budgets() == []
        assert {conversion(report).histogram for report in await agents[kind].reports.all()} == {(0, 0, 0, 0)}
