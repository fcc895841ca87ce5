"""The demo: users see ads and buy things through simulated weeks, and one private histogram per API comes of it.

Real Chromium loads the demo sites; each user is an agent of its own with a profile in memory. Everything is drawn
from the seed and one frozen clock, so the same seed tells the same story.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page
from rich.console import Console

from agent.aggregation.apps import collector_app, service_app
from agent.browser.launch import Browser
from agent.browser.network.client import HostClient
from agent.browser.network.hosts import HostMap, Refusal
from agent.crypto.keys import KeyRing, generate_key
from agent.engines.attribution.epochs import epoch_of
from agent.journeys.visits import WEEKS, Purchase, SeenAd, Visit, plan_visits
from agent.model.attribution import BudgetKind, Dialect
from agent.model.clock import DEFAULT_FROZEN_START, WEEK, Clock, format_instant
from agent.model.errors import TallyhostError
from agent.model.events import Event
from agent.model.rng import SeededRng
from agent.model.settings import Settings
from agent.reporting.model import ApiSummary, DemoRun, RowKind, TimelineRow, WeekBudget
from agent.reporting.page import write_report
from agent.reporting.terminal import histogram_table, timeline_line
from agent.runtime import Agent
from sites import story
from sites.world import demo_sites
from storage.aggregation_ledger import DatabaseLedger
from storage.collected_reports import DatabaseCollection
from storage.database import MEMORY, AsyncDatabase

USERS = 20
REPORT_FOLDER = Path("tallyhost-report")
_STRIP_LENGTH = 12
_SETTINGS = Settings(value_cap=story.MAX_VALUE)
"""The seed dialect has no maxValue; the shop's purchases have the value 1, so the service caps at that."""
_SERVICES = {Dialect.CURRENT: story.AGGREGATION_SERVICE, Dialect.LEVEL1_2024: story.AGGREGATOR}
_KINDS = {"impression": RowKind.IMPRESSION, "conversion": RowKind.CONVERSION}


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """How to run the demo."""

    seed: int
    start: int | None
    """Milliseconds since 1970 at which the story begins; None for the frozen clock's own start."""
    headed: bool
    """Whether a window with the sites opens at the end."""
    stay: bool
    """Whether the sites stay up at the end, until Ctrl-C."""
    as_json: bool
    console: Console
    """Where people read along."""
    reachable: Callable[[Agent], AbstractAsyncContextManager[Any]]
    """Makes an agent answer to ``tallyhost state`` and its like."""


async def run_demo(options: DemoOptions) -> int:
    """Run the demo and give the exit code."""
    async with _World.open(options) as world:
        options.console.print(
            f"seed {options.seed} (repeat with --seed {options.seed}), {USERS} users, {WEEKS} weeks, "
            f"Chromium {world.browser.version}"
        )
        run = await world.tell()
        path = write_report(run, REPORT_FOLDER)
        if options.as_json:
            print(json.dumps(_document(run, path), indent=2))  # noqa: T201 - the promised output
        for summary in run.apis:
            options.console.print()
            options.console.print(histogram_table(summary))
        for note in run.notes:
            options.console.print(note)
        options.console.print(f"\nreport: {path.resolve()}", soft_wrap=True)
        if options.stay or options.headed:
            await world.stay()
    return 0


class _World:
    """The five sites with their collector and aggregation service, the users, and what happened so far."""

    def __init__(
        self, options: DemoOptions, browser: Browser, hosts: HostMap, client: HostClient, database: AsyncDatabase
    ) -> None:
        self._options, self.browser, self._client = options, browser, client
        self._clock = Clock.frozen(DEFAULT_FROZEN_START if options.start is None else options.start)
        self._started = self._clock.now()
        self._rng = SeededRng(options.seed)
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
            value_cap=_SETTINGS.value_cap,
        )
        mounts = {"adtech.test": {"/collector/": collector}, "aggregator.test": {"/service/": service}}
        sites = demo_sites(mounts, lambda: list(self._strip))
        self.maps = {host: str(hosts.map(host, app)) for host, app in sites.items()}

    @classmethod
    @asynccontextmanager
    async def open(cls, options: DemoOptions) -> AsyncIterator[_World]:
        async with AsyncExitStack() as stack:
            # The script always runs unseen; --headed opens a window for the person at the end.
            browser = await stack.enter_async_context(Browser())
            hosts = await stack.enter_async_context(HostMap())
            database = await stack.enter_async_context(await AsyncDatabase.open(MEMORY, now=0))
            client = await stack.enter_async_context(HostClient(hosts))
            yield cls(options, browser, hosts, client, database)

    async def tell(self) -> DemoRun:
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
        return DemoRun(
            seed=self._options.seed,
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
            seed=self._options.seed * 1000 + number,
            settings=_SETTINGS,
            maps=self.maps,
            keys=self._keys,
        )

    def _row(self, kind: RowKind, site: str, text: str, user: str = "") -> None:
        row = TimelineRow(self._clock.now(), user, site, text, kind)
        self._timeline.append(row)
        self._strip.append({"time": format_instant(row.time), "site": site, "text": text})
        self._options.console.print(timeline_line(row, self._started))

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
        for event in await agent.events.read(after=last.id if last else 0):
            if event.kind in _KINDS:
                self._row(_KINDS[event.kind], event.site, _told(event), user)
        if isinstance(visit.what, Purchase):
            for report in (await agent.reports.all())[-len(Dialect) :]:
                self._true[report.dialect] = [
                    sum(pair) for pair in zip(self._true[report.dialect], report.histogram, strict=True)
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
        assert status != 200
        message = str(answer["error"]["message"])
        self._row(RowKind.AGGREGATION, "aggregator.test", f"refuses the same batch a second time: {message}")
        return f"The same batch of {_SERVICES[dialect]} a second time was refused: {message}"

    async def stay(self) -> None:
        """Keep the sites up for a person until Ctrl-C."""
        async with AsyncExitStack() as stack:
            browser = self.browser
            if self._options.headed:
                browser = await stack.enter_async_context(Browser(headed=True))
            agent = await stack.enter_async_context(
                Agent.launch(browser=browser, settings=_SETTINGS, maps=self.maps, keys=self._keys)
            )
            await stack.enter_async_context(self._options.reachable(agent))
            await agent.new_page("https://home.test/")
            self._options.console.print("the sites stay up: begin at https://home.test, Ctrl-C to stop")
            async for event in agent.events:
                self._strip.append(
                    {"time": format_instant(event.time), "site": event.site or "home.test", "text": _told(event)}
                )


def _told(event: Event) -> str:
    api = "" if "dialect" not in event.data else f" ({Dialect(event.data['dialect']).value})"
    return f"{event.summary}{api}"


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


def _document(run: DemoRun, path: Path) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "schema": 1,
        "seed": run.seed,
        "users": run.users,
        "weeks": run.weeks,
        "apis": [
            {
                "api": summary.api,
                "reports": summary.batch.reports,
                "epsilon": summary.batch.epsilon,
                "scale": summary.batch.scale,
                "campaigns": [campaign.label for campaign in summary.campaigns],
                "true": [campaign.true for campaign in summary.campaigns],
                "noised": [campaign.noised for campaign in summary.campaigns],
                "standardDeviation": summary.campaigns[0].standard_deviation,
            }
            for summary in run.apis
        ],
        "report": str(path.resolve()),
    }
