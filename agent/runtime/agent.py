"""The agent: one emulated browser profile, its pages, its memory and its clock."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import web
from playwright.async_api import BrowserContext, Page

from agent.aggregation.outcome import AggregationError, AggregationResult
from agent.aggregation.service import aggregate
from agent.browser.launch import Browser
from agent.browser.network.front import Front
from agent.browser.network.hosts import HostMap
from agent.crypto.keys import KeyRing
from agent.model.attribution import CallContext, ConversionRequest, Dialect
from agent.model.attribution_reporting.eligibility import RegistrationResponse
from agent.model.clock import Clock, format_instant
from agent.model.errors import PageException
from agent.model.events import Event
from agent.model.reports import Report
from agent.model.rng import Rng, rng_for
from agent.model.settings import Settings
from agent.model.tasks import Tasks
from agent.runtime.attribution_reporting import AttributionReporting
from agent.runtime.expiry import Expiry
from agent.runtime.inspection import AgentClock, EventStream, Reports, State
from agent.runtime.outgoing import NO_BROWSER_USER_AGENT, keys_of, open_delivery, seal
from agent.runtime.pages import Pages
from agent.verbs import attribution as verbs
from agent.verbs import attribution_reporting as reporting_verbs
from agent.verbs.attribution import Outcome
from storage import clock as stored_clock
from storage import events as event_store
from storage import reports as report_store
from storage.aggregation_ledger import AggregationLedger
from storage.database import MEMORY, AsyncDatabase
from storage.profile import Profile
from storage.report_queue import StoredReportQueue

MapTarget = str | Path | web.Application
"""What a host can be mapped to: a server's URL, a folder of static files, an aiohttp application."""


class Agent:
    """One profile of the emulated browser. Make it with :meth:`launch`, or :meth:`open_profile` without pages.

    ``clock``, ``events``, ``reports`` and ``state`` are described in :mod:`agent.runtime.inspection`.
    """

    context: BrowserContext
    """Playwright's own BrowserContext: one context, one profile, one store."""

    def __init__(
        self,
        profile: Profile,
        database: AsyncDatabase,
        *,
        settings: Settings,
        seed: int | None,
        rng: Rng,
        clock: Clock,
        enabled: bool,
        keys: KeyRing | None,
    ) -> None:
        self.profile, self.settings, self.seed, self.enabled = profile, settings, seed, enabled
        self.hosts = HostMap(allow_network=settings.allow_network)
        self._database, self._clock, self.rng = database, clock, rng
        self.service_keys = keys if keys is not None else keys_of(profile, self.rng)
        """The keys of the local aggregation service: reports are sealed to them."""
        self._tasks = Tasks()
        self.events = EventStream(database)
        self.reports = Reports(database, self.events)
        self.state = State(database, self.events, self._apply, clock, self.rng, settings.limits)
        self.clock = AgentClock(clock, self._settle, database)
        self.arrived: Callable[[], Awaitable[None]] = _nothing_arrives
        """Waits until all is registered that pages' responses asked for by now."""
        self._expiry = Expiry(self._apply, clock, settings.attribution_reporting_limits)
        self._reporting = AttributionReporting(database, settings, clock, self.rng, enabled=enabled)

    @classmethod
    @asynccontextmanager
    async def launch(
        cls,
        *,
        profile: Path | str = MEMORY,
        settings: Settings | None = None,
        seed: int | None = None,
        clock: Clock | None = None,
        browser: Browser | None = None,
        headed: bool = False,
        private: bool = False,
        opted_out: bool = False,
        maps: Mapping[str, MapTarget] | None = None,
        keys: KeyRing | None = None,
    ) -> AsyncIterator[Agent]:
        """An agent with pages, for the time of the ``async with``.

        ``profile``: a folder, or ``":memory:"``, which leaves nothing behind. ``seed``: makes every draw repeatable.
        ``clock``: the wall clock by default. ``browser``: a running one to share between agents. ``private`` and
        ``opted_out`` turn the APIs off in a way that pages cannot tell; a private agent never touches ``profile``.
        ``maps``: what stands behind hosts, as in :meth:`map`. ``keys``: an aggregation service's, instead of the
        profile's own.

        Raises HostEnvironmentError without a Chromium or with a profile that cannot be used.
        """
        settings, clock = settings or Settings(), clock or Clock()
        async with AsyncExitStack() as stack:
            location = profile
            if private and profile != MEMORY:
                # A profile on disk that is thrown away: what a private agent does takes as long as what others do.
                location = Path(stack.enter_context(TemporaryDirectory(prefix="tallyhost-private-"))) / "profile"
            enabled = not (private or opted_out)
            opened = cls._opened(location, settings=settings, seed=seed, clock=clock, enabled=enabled, keys=keys)
            agent = await stack.enter_async_context(opened)
            for host, target in (maps or {}).items():
                agent.hosts.map(host, target)
            if browser is None:
                browser = await stack.enter_async_context(
                    Browser(
                        headed=headed,
                        third_party_cookies=settings.third_party_cookies,
                        allow_network=settings.allow_network,
                    )
                )
            reporting = replace(settings, attribution_reporting=settings.attribution_reporting and enabled)
            pages = Pages(agent, reporting, clock, agent.rng, browser.channel, browser.request_clients)
            stack.push_async_callback(pages.close)
            agent.arrived = pages.registrations.settled
            front = await stack.enter_async_context(Front(agent.hosts, pages, browser.authority))
            agent.context, pages.context_id = await browser.new_context(front, pages)
            stack.push_async_callback(browser.close_context, agent.context, pages.context_id)
            await agent.prepare_delivery(stack, browser.user_agent)
            await agent.deliver(["*"] if settings.allow_network else list(maps or {}))
            await agent.expire()
            await agent.show_time()
            yield agent

    @classmethod
    @asynccontextmanager
    async def open_profile(
        cls,
        profile: Path | str,
        *,
        settings: Settings | None = None,
        seed: int | None = None,
        clock: Clock | None = None,
    ) -> AsyncIterator[Agent]:
        """An agent without pages: to read, to clear, and to move its clock; only the latter delivers.

        Parameters and errors as for :meth:`launch`.
        """
        opened = cls._opened(
            profile, settings=settings or Settings(), seed=seed, clock=clock or Clock(), enabled=True, keys=None
        )
        async with opened as agent, AsyncExitStack() as stack:
            await agent.prepare_delivery(stack, NO_BROWSER_USER_AGENT)
            yield agent

    @classmethod
    @asynccontextmanager
    async def _opened(
        cls,
        location: Path | str,
        *,
        settings: Settings,
        seed: int | None,
        clock: Clock,
        enabled: bool,
        keys: KeyRing | None,
    ) -> AsyncIterator[Agent]:
        profile = Profile.open(Path(location) if location != MEMORY else MEMORY)
        try:
            database = await AsyncDatabase.open(profile.database, now=clock.now())
            try:
                ahead = await database.transact("read clock", stored_clock.read_ahead)
                clock.advance(max(0, ahead - clock.ahead))
                last = await database.transact("read last event", event_store.last)
                # On a kept profile the draws go on: those of its first run would give its report ids again.
                rng = rng_for(seed, 0 if last is None else last.id)
                yield cls(
                    profile, database, settings=settings, seed=seed, rng=rng, clock=clock, enabled=enabled, keys=keys
                )
            finally:
                await database.close()
        finally:
            profile.close()

    # Parts of :meth:`launch` and :meth:`open_profile`.

    async def prepare_delivery(self, stack: AsyncExitStack, user_agent: str) -> None:
        """Make everything ready to deliver, until ``stack`` closes."""
        stack.push_async_callback(self._tasks.close)
        self._scheduler = await open_delivery(
            stack,
            self.hosts,
            StoredReportQueue(self._database),
            keys=self.service_keys,
            clock=self._clock,
            limits=self.settings.attribution_reporting_limits,
            rng=self.rng,
            user_agent=user_agent,
            publish=lambda _event: self._announce(),
        )

    async def deliver(self, hosts: Iterable[str]) -> None:
        """Send what is due, from now on, and what waited for ``hosts`` (``*`` for all), which can be reached now."""
        await self._scheduler.start()
        for host in hosts:
            await self._scheduler.release(host)

    async def set_offline(self, offline: bool) -> None:
        """Take the profile offline, or back online: pages cannot reach the network, and reports wait."""
        if offline:
            self._scheduler.pause()
        if hasattr(self, "context"):
            await self.context.set_offline(offline)
        if not offline:
            await self._scheduler.resume()

    async def navigated(self) -> None:
        """Tell delivery that a page has navigated, for which a retry may wait."""
        await self._scheduler.navigated()

    async def expire(self) -> None:
        """Remove what can match no more, now and from now on daily."""
        await self._expiry.expire()
        self._tasks.start(self._expiry.daily(), "daily expiry")

    # Verbs.

    async def new_page(self, url: str | None = None) -> Page:
        """A new tab, Playwright's own Page; with ``url`` it is opened there, as from the address bar."""
        page = await self.context.new_page()
        if url is not None:
            await page.goto(url)
        return page

    def map(self, host: str, target: MapTarget) -> None:
        """Put a server's URL, a folder or an aiohttp application behind ``https://host`` (and ``http://host``).

        Raises UsageError for what is no host or target.
        """
        self.hosts.map(host, target)
        self._tasks.start(self._scheduler.release(host), "release reports")

    async def save_impression(
        self, dialect: Dialect, context: CallContext, options: Mapping[str, Any]
    ) -> PageException | None:
        """Save an impression; gives what the page sees thrown. ``options`` are converted WebIDL members."""

        def work(connection: sqlite3.Connection) -> Outcome:
            return verbs.save_impression(
                connection,
                dialect,
                context,
                options,
                limits=self.settings.limits,
                now=self._clock.now(),
                enabled=self.enabled,
            )

        return (await self._apply("save impression", work)).exception

    async def measure_conversion(
        self, dialect: Dialect, context: CallContext, options: Mapping[str, Any], *, report_url: str | None = None
    ) -> PageException | bytes:
        """Measure a conversion; gives the sealed report, or what the page sees thrown.

        With ``report_url`` the agent sends the report there itself (draft, section 11).
        """
        report: Report | None = None
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> Outcome:
            return verbs.measure_conversion(
                connection,
                dialect,
                context,
                options,
                limits=self.settings.limits,
                services=self.settings.aggregation_services,
                rng=self.rng,
                now=now,
                enabled=self.enabled,
            )

        def keep(connection: sqlite3.Connection, outcome: Outcome) -> None:
            nonlocal report
            if isinstance(outcome.request, ConversionRequest) and outcome.histogram is not None:
                report = seal(
                    outcome.request,
                    outcome.histogram,
                    key=self.service_keys.current.public,
                    rng=self.rng,
                    now=now,
                    event_id=outcome.events[0].id,
                    report_url=report_url,
                )
                report_store.insert(connection, report)

        outcome = await self._apply("measure conversion", work, keep)
        if outcome.exception is not None:
            return outcome.exception
        assert report is not None
        if report_url is not None:
            self._scheduler.wake()
        return report.body

    async def clear_impressions_for_site(self, site: str) -> None:
        """``Clear-Site-Data: "impressions"`` from ``site``."""
        now = self._clock.now()
        await self._apply("clear impressions", lambda c: verbs.clear_impressions_for_site(c, site, now=now))

    async def register(self, response: RegistrationResponse) -> None:
        """Register what a response asks Attribution Reporting for; see :meth:`AttributionReporting.register`."""
        await self._reporting.register(response)
        self._announce()
        self._scheduler.wake()

    async def clear_reporting_origin(self, origin: str) -> None:
        """``Clear-Site-Data: "storage"`` (or ``"*"``) from ``origin``, as far as Attribution Reporting goes."""
        now = self._clock.now()
        await self._apply(
            "clear reporting origin", lambda c: reporting_verbs.clear_reporting_origin(c, origin, now=now)
        )

    async def aggregate(
        self, reports: Sequence[bytes], *, epsilon: float, noise: bool = True, reveal: bool = False
    ) -> AggregationResult | AggregationError:
        """Have the local aggregation service aggregate sealed reports; parameters as for its ``aggregate``."""

        def work(connection: sqlite3.Connection) -> AggregationResult | AggregationError:
            return aggregate(
                reports,
                epsilon=epsilon,
                keys=self.service_keys,
                ledger=AggregationLedger(connection),
                rng=self.rng,
                now=self._clock.now(),
                minimum_batch=self.settings.minimum_batch,
                value_cap=self.settings.limits.value_cap,
                noise=noise,
                reveal=reveal,
            )

        return await self._database.transact("aggregate", work)

    async def note(self, event: Event) -> None:
        """Record an event that changes nothing."""
        await self._apply("note", lambda _: Outcome(event.verdict, (event,)))

    # The shell around decisions.

    async def _apply(
        self,
        name: str,
        work: Callable[[sqlite3.Connection], Outcome],
        keep: Callable[[sqlite3.Connection, Outcome], None] = lambda _connection, _outcome: None,
    ) -> Outcome:
        """Run one verb, append its events, and ``keep`` what came of it, in one transaction."""

        def transaction(connection: sqlite3.Connection) -> Outcome:
            outcome = work(connection)
            ids = event_store.append(connection, outcome.events)
            events = tuple(replace(event, id=number) for event, number in zip(outcome.events, ids, strict=True))
            outcome = replace(outcome, events=events)
            keep(connection, outcome)
            return outcome

        outcome = await self._database.transact(name, transaction)
        self._announce()
        return outcome

    def _announce(self) -> None:
        self._tasks.start(self.events.announce(), "announce events")

    async def _settle(self) -> None:
        await self.arrived()
        await self._database.transact("move clock", lambda c: stored_clock.write_ahead(c, self._clock.ahead))
        await self._expiry.expire()
        await self.show_time()
        await self._scheduler.start()
        await self._scheduler.settle()

    async def show_time(self) -> None:
        """Let pages see the agent's time where the settings ask for it; their timers run on as they do."""
        if self.settings.page_clock and hasattr(self, "context"):
            page_clock, now = self.context.clock, format_instant(self._clock.now())
            await (page_clock.set_fixed_time(now) if self._clock.stands_still else page_clock.set_system_time(now))


async def _nothing_arrives() -> None:
    """Without pages there is nothing to wait for."""
