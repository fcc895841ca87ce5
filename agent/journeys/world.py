"""The demo's world: five sites on one machine, a crowd of simulated users, one clock, one seed."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from agent.aggregation.apps import collector_app, service_app
from agent.browser.launch import Browser
from agent.browser.network.client import HostClient
from agent.browser.network.hosts import HostMap, Refusal
from agent.crypto.keys import KeyRing, generate_key
from agent.engines.attribution.epochs import epoch_of
from agent.journeys.visits import WEEKS, Purchase, SeenAd, Visit, plan_visits
from agent.model.attribution import AttributionVerdict, BudgetKind, Dialect
from agent.model.clock import WEEK, Clock, format_instant, wall_time
from agent.model.errors import TallyhostError
from agent.model.events import Event
from agent.model.limits import AttributionLimits
from agent.model.reports import ConversionContent
from agent.model.rng import SeededRng
from agent.model.settings import Settings
from agent.reporting.model import API_NAMES, ApiSummary, DemoRun, RowKind, TimelineRow, WeekBudget
from agent.runtime import Agent
from sites import story
from sites.world import demo_sites
from storage.aggregation_ledger import DatabaseLedger
from storage.collected_reports import DatabaseCollection
from storage.database import MEMORY, AsyncDatabase

USERS = 20
_STRIP_LENGTH = 12
_SETTINGS = Settings(limits=AttributionLimits(value_cap=story.MAX_VALUE))
"""The seed dialect has no maxValue; the shop's purchases have the value 1, so the service caps at that."""
_SERVICES = {Dialect.CURRENT: story.AGGREGATION_SERVICE, Dialect.LEVEL1_2024: story.AGGREGATOR}
_KINDS = {"impression": RowKind.IMPRESSION, "conversion": RowKind.CONVERSION}
_OUTCOMES: dict[str, str] = {
    AttributionVerdict.ATTRIBUTED: "purchase measured: an ad is credited",
    AttributionVerdict.NO_MATCHING_IMPRESSION: "purchase measured: no ad led here, the report holds zeros",
    AttributionVerdict.BUDGET_EXHAUSTED: "purchase measured: the week's budget is used up, the report holds zeros",
}


class World:
    """The five sites with their collector and aggregation service, the users, and what happened so far."""

    def __init__(
        self,
        seed: int,
        start: int,
        tell: Callable[[TimelineRow], None],
        browser: Browser,
        hosts: HostMap,
        client: HostClient,
        database: AsyncDatabase,
    ) -> None:
        self.browser, self._client, self._tell = browser, client, tell
        self._clock = Clock.frozen(start)
        self._seed, self._started = seed, start
        self._rng = SeededRng(seed)
        self._keys = KeyRing(generate_key(self._rng))
        self._ledger = DatabaseLedger(database)
        self._timeline: list[TimelineRow] = []
        self._strip: deque[dict[str, Any]] = deque(maxlen=_STRIP_LENGTH)
        self._true: dict[Dialect, list[int]] = {dialect: [0] * story.HISTOGRAM_SIZE for dialect in Dialect}
        collector = collector_app(DatabaseCollection(database), self._clock)
        service = service_app(
            keys=self._keys,
            ledger=self._ledger,
            rng=self._rng,
            clock=self._clock,
            minimum_batch=_SETTINGS.minimum_batch,
            value_cap=_SETTINGS.limits.value_cap,
        )
        mounts = {"adtech.test": {"/collector/": collector}, "aggregator.test": {"/service/": service}}
        sites = demo_sites(mounts, lambda: list(self._strip))
        self.maps = {host: str(hosts.map(host, app)) for host, app in sites.items()}

    @classmethod
    @asynccontextmanager
    async def open(
        cls, seed: int, start: int, tell: Callable[[TimelineRow], None], chromium: Path | None
    ) -> AsyncIterator[World]:
        """A world whose story begins at ``start`` (milliseconds); ``tell`` is called for each thing that happens."""
        async with AsyncExitStack() as stack:
            browser = await stack.enter_async_context(Browser(executable=chromium))
            hosts = await stack.enter_async_context(HostMap())
            database = await stack.enter_async_context(await AsyncDatabase.open(MEMORY, now=0))
            client = await stack.enter_async_context(HostClient(hosts))
            yield cls(seed, start, tell, browser, hosts, client, database)

    async def run(self) -> DemoRun:
        """Send the users through their weeks, aggregate, and give the whole story."""
        async with AsyncExitStack() as stack:
            users = [await stack.enter_async_context(self._user(number)) for number in range(1, USERS + 1)]
            visits = plan_visits(self._rng, USERS)
            for visit in visits:
                self._clock.advance(max(0, self._started + visit.at - self._clock.now()))
                await self._visit(users[visit.user - 1], visit)
            self._clock.advance(max(0, self._started + WEEKS * WEEK - self._clock.now()))
            budgets = [budget for number, user in enumerate(users, 1) for budget in await self._budgets(number, user)]
        summaries = [await self._aggregate(dialect) for dialect in Dialect]
        notes = [await self._aggregate_again(dialect) for dialect in Dialect]
        notes.append("The newsletter's ad is a response field, which navigator.privateAttribution does not have.")
        return DemoRun(
            seed=self._seed,
            started=self._started,
            ended=self._clock.now(),
            users=USERS,
            weeks=WEEKS,
            timeline=tuple(self._timeline),
            apis=tuple(summaries),
            budgets=tuple(budgets),
            notes=tuple(notes),
        )

    def _user(self, number: int) -> AbstractAsyncContextManager[Agent]:
        return Agent.launch(
            browser=self.browser,
            clock=self._clock,
            seed=self._seed * 1000 + number,
            settings=_SETTINGS,
            maps=self.maps,
            keys=self._keys,
        )

    def _row(self, kind: RowKind, site: str, text: str, user: str = "") -> None:
        row = TimelineRow(self._clock.now(), user, site, text, kind)
        self._timeline.append(row)
        self._strip.append({"time": format_instant(row.time), "site": site, "text": text})
        self._tell(row)

    async def _visit(self, agent: Agent, visit: Visit) -> None:
        user = f"user {visit.user}"
        last = await agent.events.last()
        page = await agent.new_page()
        match visit.what:
            case SeenAd(campaign):
                await _see(page, f"{story.HOSTS[1].origin}{story.CAMPAIGNS[campaign].path}")
            case Purchase(product):
                await _buy(page, f"{story.HOSTS[2].origin}/product/{product}")
        await page.close()
        events = await agent.events.read(after=last.id if last else 0)
        for kind, site, text in _told(events):
            self._row(kind, site, text, user)
        if isinstance(visit.what, Purchase):
            for report in (await agent.reports.all())[-len(Dialect) :]:
                content = report.content
                assert isinstance(content, ConversionContent)
                self._true[content.dialect] = [
                    sum(pair) for pair in zip(self._true[content.dialect], content.histogram, strict=True)
                ]
            self._row(RowKind.REPORT, "adtech.test", "two sealed reports arrive; nobody here can open them", user)

    async def _budgets(self, number: int, agent: Agent) -> list[WeekBudget]:
        start = (await agent.state.summary()).epoch_start
        if start is None:
            return []
        available = _SETTINGS.limits.per_site_privacy_budget
        first = epoch_of(self._started, start, _SETTINGS.limits)
        return [
            WeekBudget(
                f"user {number}", budget.key.site, budget.key.epoch - first + 1, available - budget.remaining, available
            )
            for budget in await agent.state.budgets()
            if budget.key.kind is BudgetKind.PER_SITE and budget.key.epoch >= first
        ]

    async def _request(self, method: str, url: str, document: Any = None) -> tuple[int, Any]:
        """One request of the measurement company's own server."""
        body = b"" if document is None else json.dumps(document).encode()
        answer = await self._client.fetch(method, url, [("Content-Type", "application/json")] if body else [], body)
        if isinstance(answer, Refusal):
            raise TallyhostError(answer.what, where=url)
        return answer.status, json.loads(answer.body)

    async def _batch(self, dialect: Dialect) -> tuple[int, Any]:
        _, exported = await self._request(
            "GET", f"https://adtech.test/collector/reports/export?service={_SERVICES[dialect]}"
        )
        reports = [entry["report"] for entry in exported["reports"]]
        batch = {"reports": reports, "epsilon": story.EPSILON}
        return await self._request("POST", "https://aggregator.test/service/aggregate", batch)

    async def _aggregate(self, dialect: Dialect) -> ApiSummary:
        status, answer = await self._batch(dialect)
        if status != 200:
            raise TallyhostError(f"the batch was refused: {answer['error']['message']}", where="aggregator.test")
        batches = await self._ledger.transact(lambda ledger: ledger.batches(after=0, limit=len(Dialect)))
        batch = next(batch for batch in batches if batch.dialect is dialect)
        text = f"opens {batch.reports} reports of {_SERVICES[dialect]}, adds them up and adds noise"
        self._row(RowKind.AGGREGATION, "aggregator.test", text)
        return ApiSummary.of_batch(batch, self._true[dialect], [campaign.label for campaign in story.CAMPAIGNS])

    async def _aggregate_again(self, dialect: Dialect) -> str:
        status, answer = await self._batch(dialect)
        if status == 200:
            raise TallyhostError(
                "a batch was aggregated twice", where="aggregator.test", rule="each report counts once"
            )
        refusal = f"the same {len(answer['error']['reports'])} reports again: {answer['error']['code']}"
        self._row(RowKind.AGGREGATION, "aggregator.test", f"refuses {refusal}")
        return f"{API_NAMES[dialect]}: the service refused {refusal}."

    @asynccontextmanager
    async def visitor(self, browser: Browser) -> AsyncIterator[Agent]:
        """An agent for a person who looks around after the story; its clock goes on from there."""
        shift = self._clock.now() - wall_time()
        clock = Clock(lambda: wall_time() + shift)
        async with Agent.launch(
            browser=browser, clock=clock, settings=_SETTINGS, maps=self.maps, keys=self._keys
        ) as agent:
            yield agent

    async def follow(self, agent: Agent) -> None:
        """Show on the sites' strip what ``agent`` does, without end."""
        async for event in agent.events:
            for _, site, text in _told([event]):
                self._strip.append({"time": format_instant(event.time), "site": site, "text": text})


def _told(events: Sequence[Event]) -> list[tuple[RowKind, str, str]]:
    """What events say to a reader: kind, site, sentence. What both APIs do is one sentence without a name."""
    rows = []
    decisions = [event for event in events if event.kind in _KINDS]
    for (kind, site, text), group in groupby(decisions, key=lambda event: (event.kind, event.site, _sentence(event))):
        apis = [API_NAMES[Dialect(event.data["dialect"])] for event in group]
        rows.append((_KINDS[kind], site, text if len(apis) == len(Dialect) else f"{text} ({apis[0]})"))
    return rows


def _sentence(event: Event) -> str:
    if event.kind == "impression" and event.verdict == AttributionVerdict.STORED:
        return f"ad noted: {story.CAMPAIGNS[event.data['histogramIndex']].label}, for shop.test"
    return _OUTCOMES.get(event.verdict, event.summary)


async def _see(page: Page, url: str) -> None:
    """Open a page with an ad and wait until its frames have noted it."""
    await page.goto(url)
    for frame in page.frames:
        for status in await frame.locator("[data-campaign] [role=status]").all():
            await status.and_(frame.locator("[data-state=done]")).wait_for()


async def _buy(page: Page, url: str) -> None:
    """Buy what a product page offers and wait until its reports were posted."""
    await page.goto(url)
    await page.get_by_test_id("buy-now").click()
    await page.locator("#measurement[data-state=sent]").wait_for()
