"""The demo's world: five sites on one machine, a crowd of simulated users, one clock, one seed."""

from __future__ import annotations

import json
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.aggregation.apps import collector_app, service_app
from agent.aggregation.collector_apps import (
    attribution_receiver_app,
    attribution_reports_app,
    private_aggregation_receiver_app,
)
from agent.aggregation.job_app import job_app
from agent.browser.launch import Browser
from agent.browser.network.client import HostClient
from agent.browser.network.hosts import HostMap, Refusal
from agent.crypto.keys import KeyRing, generate_key
from agent.engines.attribution.epochs import epoch_of
from agent.journeys.answers import job_summary, sums_of
from agent.journeys.arrivals import Tally, summary_of
from agent.journeys.measurement import Measurement
from agent.journeys.reach import Views, reach_summary
from agent.journeys.told import deliveries, told
from agent.journeys.visitors import buy, counted, decided, follow_ad, see
from agent.journeys.visits import WEEKS, Browsing, Purchase, SeenAd, Visit, plan_visits
from agent.model.aggregation import ReturnCode
from agent.model.attribution import BudgetKind, Dialect
from agent.model.attribution_reporting.verdicts import SOURCE_REGISTRATION, TRIGGER_REGISTRATION
from agent.model.clock import DAY, SECOND, WEEK, Clock, format_instant, wall_time
from agent.model.errors import TallyhostError
from agent.model.events import Event
from agent.model.reports import ConversionContent, ReportKind
from agent.model.rng import SeededRng
from agent.model.settings import Settings
from agent.reporting.model import (
    API_NAMES,
    ApiSummary,
    DemoRun,
    RowKind,
    TimelineRow,
    WeekBudget,
)
from agent.runtime import Agent
from sites import story
from sites.questions import ATTRIBUTION_REPORTING, PRIVATE_AGGREGATION, Question
from sites.world import demo_sites
from storage.aggregation_jobs import DatabaseJobLedger
from storage.aggregation_ledger import DatabaseLedger
from storage.collected_attribution_reports import DatabaseAttributionCollection
from storage.collected_reports import DatabaseCollection
from storage.database import MEMORY, AsyncDatabase

USERS = 20
_STRIP_LENGTH = 12
_SERVICES = {Dialect.CURRENT: story.AGGREGATION_SERVICE, Dialect.LEVEL1_2024: story.AGGREGATOR}


def demo_settings(settings: Settings) -> Settings:
    """``settings`` for the demo: the seed dialect has no maxValue, and the shop's purchases have the value 1."""
    return replace(settings, limits=replace(settings.limits, value_cap=story.MAX_VALUE))


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
        buckets: Path,
        settings: Settings,
    ) -> None:
        self._settings = settings
        self.browser, self._client, self._tell = browser, client, tell
        self._clock = Clock.frozen(start)
        self._seed, self._started = seed, start
        self._rng = SeededRng(seed)
        self._keys = KeyRing(generate_key(self._rng))
        self._ledger, self._jobs = DatabaseLedger(database), DatabaseJobLedger(database)
        self._timeline: list[TimelineRow] = []
        self._strip: deque[dict[str, Any]] = deque(maxlen=_STRIP_LENGTH)
        self._true: dict[Dialect, list[int]] = {dialect: [0] * story.HISTOGRAM_SIZE for dialect in Dialect}
        self._tally, self._views = Tally(), Views()
        self._due: dict[int, int] = {}
        """When each user's next report leaves; users without one are not there."""
        self._left: list[Event] = []
        """Events of this day, among them those of reports that left."""
        self._present = self._clock
        """The clock of whoever visits: the story's, and after it a person's."""
        present = Clock(self._now)
        shelf = DatabaseAttributionCollection(database)
        collector = collector_app(DatabaseCollection(database), present)
        self._measurement = Measurement(client, buckets, present)
        service = service_app(
            keys=self._keys,
            ledger=self._ledger,
            rng=self._rng,
            clock=present,
            minimum_batch=settings.minimum_batch,
            value_cap=settings.limits.value_cap,
            noise=settings.noise,
        )
        jobs = job_app(
            ledger=self._jobs,
            keys={key.id.hex(): key.private_key for key in self._keys},
            rng=self._rng,
            clock=present,
            root=buckets,
            noise=settings.noise,
            reveal=True,
        )
        adtech = {
            "/collector/": collector,
            "/.well-known/attribution-reporting/": attribution_receiver_app(shelf, present),
            "/.well-known/private-aggregation/": private_aggregation_receiver_app(shelf, present),
            "/attribution-collector/": attribution_reports_app(shelf, self._keys),
            "/measurement/": self._measurement.app(),
        }
        mounts = {"adtech.test": adtech, "aggregator.test": {"/service/": service, "/frontend/": jobs}}
        sites = demo_sites(mounts, lambda: list(self._strip))
        self.maps = {host: str(hosts.map(host, app)) for host, app in sites.items()}

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        seed: int,
        start: int,
        tell: Callable[[TimelineRow], None],
        chromium: Path | None,
        settings: Settings | None = None,
    ) -> AsyncIterator[World]:
        """A world whose story begins at ``start`` (milliseconds); ``tell`` is called for each thing that happens.

        ``settings``: of its users, its visitor and its aggregation service, the defaults unless given.
        """
        async with AsyncExitStack() as stack:
            buckets = stack.enter_context(tempfile.TemporaryDirectory(prefix="tallyhost-demo-"))
            browser = await stack.enter_async_context(Browser(executable=chromium))
            hosts = await stack.enter_async_context(HostMap())
            database = await stack.enter_async_context(await AsyncDatabase.open(MEMORY, now=0))
            client = await stack.enter_async_context(HostClient(hosts))
            chosen = demo_settings(settings or Settings())
            yield cls(seed, start, tell, browser, hosts, client, database, Path(buckets), chosen)

    async def run(self) -> DemoRun:
        """Send the users through their weeks, aggregate, and give the whole story."""
        async with AsyncExitStack() as stack:
            users = [await stack.enter_async_context(self._user(number)) for number in range(1, USERS + 1)]
            for visit in plan_visits(self._rng, USERS):
                await self._pass_time(users, self._started + visit.at)
                await self._visit(users[visit.user - 1], visit)
            await self._pass_time(users, self._started + WEEKS * WEEK)
            budgets = [budget for number, user in enumerate(users, 1) for budget in await self._budgets(number, user)]
            summaries = [await self._aggregate(dialect) for dialect in Dialect]
            notes = [await self._aggregate_again(dialect) for dialect in Dialect]
            while self._due:  # a report that is retried is due again
                await self._pass_time(users, (max(self._due.values()) // DAY + 1) * DAY)
            arrived = await self._arrived()
            held = [one for user in users for one in await user.reports.all(kind=ReportKind.AGGREGATABLE)]
        for question, true in ((ATTRIBUTION_REPORTING, sums_of(held)), (PRIVATE_AGGREGATION, self._views.sums())):
            summary, note = await self._measure(question, true)
            summaries.append(summary)
            notes.append(note)
        notes.append("The newsletter's ad is a response field, which navigator.privateAttribution does not have.")
        return DemoRun(
            seed=self._seed,
            started=self._started,
            ended=self._clock.now(),
            users=USERS,
            weeks=WEEKS,
            timeline=tuple(self._timeline),
            summaries=tuple(summaries),
            attribution_reporting=summary_of(self._tally, arrived),
            reach=reach_summary(self._views, summaries[-1].parts[0]),
            budgets=tuple(budgets),
            notes=tuple(notes),
        )

    def _now(self) -> int:
        return self._present.now()

    def _user(self, number: int) -> AbstractAsyncContextManager[Agent]:
        return Agent.launch(
            browser=self.browser,
            clock=self._clock,
            seed=self._seed * 1000 + number,
            settings=self._settings,
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
        seen = last.id if last else 0
        match visit.what:
            case SeenAd(campaign, clicked):
                ads = await see(page, f"{story.HOSTS[1].origin}{story.CAMPAIGNS[campaign].path}")
                await counted(agent, ads, seen)
                if clicked:
                    await follow_ad(page)
                await decided(agent, SOURCE_REGISTRATION, seen, 1 + clicked)
                self._views.add(visit.user, ads)
            case Browsing():
                ads = await see(page, f"{story.HOSTS[2].origin}/")
                await counted(agent, ads, seen)
                self._views.add(visit.user, ads)
            case Purchase(product):
                await buy(page, f"{story.HOSTS[2].origin}/product/{product}")
                await decided(agent, TRIGGER_REGISTRATION, seen, 1)
        await page.close()
        events = await self._settled(visit.user, agent, seen)
        self._tally.add(visit.user, events)
        self._left += events
        for row in told(events):
            self._row(*row, user)
        if isinstance(visit.what, Purchase):
            for report in (await agent.reports.all(kind=ReportKind.ATTRIBUTION_CONVERSION))[-len(Dialect) :]:
                content = report.content
                assert isinstance(content, ConversionContent)
                self._true[content.dialect] = [
                    sum(pair) for pair in zip(self._true[content.dialect], content.histogram, strict=True)
                ]
            self._row(RowKind.REPORT, "adtech.test", "two sealed reports arrive; nobody here can open them", user)

    async def _pass_time(self, users: Sequence[Agent], until: int) -> None:
        """Move the clock to ``until``, by way of every instant at which a report leaves."""
        while due := [(instant, number) for number, instant in self._due.items() if instant <= until]:
            instant, number = min(due)
            self._move_clock(instant)
            agent = users[number - 1]
            last = await agent.events.last()
            self._left += await self._settled(number, agent, last.id if last else 0)
        self._move_clock(until)

    def _move_clock(self, instant: int) -> None:
        """Move the clock to ``instant``; at the end of a day, tell which reports left in it."""
        end_of_day = (self._clock.now() // DAY + 1) * DAY
        if end_of_day <= instant and (rows := deliveries(self._left)):
            self._left = []
            self._clock.advance(max(0, end_of_day - SECOND - self._clock.now()))
            for kind, site, text in rows:
                self._row(kind, site, f"this day: {text}")
        if instant > self._clock.now():
            self._clock.advance(instant - self._clock.now())

    async def _settled(self, number: int, agent: Agent, after: int) -> list[Event]:
        """Have everything done that is due for a user; gives the events with an id above ``after``."""
        await agent.clock.advance(0)
        pending = [report.next_attempt for report in await agent.reports.all() if report.next_attempt is not None]
        self._due.pop(number, None)
        if pending:
            self._due[number] = min(pending)
        return await agent.events.read(after=after)

    async def _arrived(self) -> list[dict[str, Any]]:
        """Every report that a browser sent to adtech.test by itself."""
        arrived: list[dict[str, Any]] = []
        while True:
            after = arrived[-1]["id"] if arrived else 0
            _, page = await self._request("GET", f"https://adtech.test/attribution-collector/reports?after={after}")
            if not page["reports"]:
                return arrived
            arrived += page["reports"]

    async def _budgets(self, number: int, agent: Agent) -> list[WeekBudget]:
        start = (await agent.state.summary()).epoch_start
        if start is None:
            return []
        available = self._settings.limits.per_site_privacy_budget
        first = epoch_of(self._started, start, self._settings.limits)
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

    async def _measure(self, question: Question, true: Mapping[int, int]) -> tuple[ApiSummary, str]:
        """Export and aggregate the reports of one API, and try once more; gives the summary and what is to be noted."""
        batch = await self._measurement.export(question)
        self._row(RowKind.REPORT, "adtech.test", f"exports {batch.reports} {question.kind} reports as one batch")
        first = await self._measurement.ask(batch)
        if first.return_code != ReturnCode.SUCCESS:
            raise TallyhostError(f"the batch was refused: {first.result_info}", where="aggregator.test")
        units = len(await self._jobs.spent(first.job_request_id))
        text = (
            f"opens {batch.reports} reports of {question.name}, adds them up, adds noise, spends {units} budget units"
        )
        self._row(RowKind.AGGREGATION, "aggregator.test", text)
        again = await self._measurement.ask(batch)
        if again.return_code != ReturnCode.PRIVACY_BUDGET_EXHAUSTED:
            raise TallyhostError(
                "a batch was aggregated twice", where="aggregator.test", rule="each budget unit is spent once"
            )
        refusal = f"the same {batch.reports} reports again: {again.return_code}"
        self._row(RowKind.AGGREGATION, "aggregator.test", f"refuses {refusal}")
        return job_summary(first, true, units=units), f"{question.name}: the service refused {refusal}."

    @asynccontextmanager
    async def visitor(
        self,
        browser: Browser,
        *,
        seed: int | None = None,
        private: bool = False,
        opted_out: bool = False,
        maps: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Agent]:
        """An agent for a person who looks around after the story; its clock goes on from there.

        ``seed`` and the rest as for :meth:`Agent.launch`; ``maps`` are hosts beside the demo's.
        """
        shift = self._clock.now() - wall_time()
        self._present = clock = Clock(lambda: wall_time() + shift)
        async with Agent.launch(
            browser=browser,
            clock=clock,
            settings=self._settings,
            seed=seed,
            private=private,
            opted_out=opted_out,
            maps={**(maps or {}), **self.maps},
            keys=self._keys,
        ) as agent:
            yield agent

    async def follow(self, agent: Agent) -> None:
        """Show on the sites' strip what ``agent`` does, without end."""
        async for event in agent.events:
            for _, site, text in told([event]) + deliveries([event]):
                self._strip.append({"time": format_instant(event.time), "site": site, "text": text})
