"""The agent: one emulated browser profile, its pages, its memory and its clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import web
from playwright.async_api import BrowserContext, Page

from agent.aggregation.outcome import AggregationError, AggregationResult
from agent.browser.auction_fetches import AuctionFetches
from agent.browser.launch import Browser
from agent.browser.network.front import Front
from agent.browser.network.hosts import HostMap
from agent.crypto.keys import KeyRing
from agent.model.attribution import CallContext, Dialect
from agent.model.attribution_reporting.eligibility import RegistrationResponse
from agent.model.clock import LATEST, Clock
from agent.model.errors import PageException
from agent.model.events import Event
from agent.model.rng import Rng, rng_for
from agent.model.settings import Settings
from agent.model.tasks import Tasks
from agent.runtime import forgetting
from agent.runtime.agent_clock import AgentClock
from agent.runtime.aggregation import Aggregation
from agent.runtime.alarms import Alarms
from agent.runtime.attribution import Attribution
from agent.runtime.attribution_reporting import AttributionReporting
from agent.runtime.auctions import Auctions
from agent.runtime.chaos import Chaos
from agent.runtime.conversion_aggregation import aggregate_conversions
from agent.runtime.expiry import Expiry
from agent.runtime.explaining import Explaining
from agent.runtime.inspection import EventStream, State
from agent.runtime.locks import LockManager
from agent.runtime.outgoing import NO_BROWSER_USER_AGENT, keys_of, open_delivery
from agent.runtime.page_clock import set_page_clock
from agent.runtime.pages import Pages
from agent.runtime.private_aggregation import PrivateAggregation
from agent.runtime.reports import Reports
from agent.runtime.shared_storage import SharedStorage
from agent.runtime.stored_interest_groups import StoredInterestGroups
from agent.runtime.stored_private_aggregation import StoredPrivateAggregation
from agent.runtime.stored_shared_storage import StoredSharedStorage
from agent.runtime.transactions import Transactions
from agent.runtime.worklet_surroundings import Surroundings
from storage import clock as stored_clock
from storage import events as event_store
from storage.database import MEMORY, AsyncDatabase
from storage.profile import Profile
from storage.report_queue import StoredReportQueue

MapTarget = str | Path | web.Application
"""What a host can be mapped to: a server's URL, a folder of static files, an aiohttp application."""


class Agent:
    """One profile of the emulated browser. Make it with :meth:`launch`, or :meth:`open_profile` without pages.

    ``clock``, ``events``, ``reports`` and ``state`` are described in :mod:`agent.runtime.inspection` and its like.
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
        self.service_keys = keys if keys is not None else keys_of(profile, self.rng, clock.now())
        """The keys of the local aggregation service: reports are sealed to them."""
        self._tasks = Tasks()
        self.events = EventStream(database)
        self._transactions = Transactions(database, self._announce)
        self.reports = Reports(database, self.events, self._transactions, clock, self._settle)
        self.state = State(database, self.events, self._transactions.apply, clock, self.rng, settings.limits)
        self.explain = Explaining(database, clock).explain
        """See :meth:`agent.runtime.explaining.Explaining.explain`."""
        self.clock = AgentClock(clock, self._settle, self.show_time, database)
        self.chaos = Chaos(rng, clock, self.note, self._tasks)
        self.arrived: Callable[[], Awaitable[None]] = _nothing_arrives
        """Waits until all is registered that pages' responses asked for by now."""
        self.clock_moved: Callable[[], Awaitable[None]] = _nothing_arrives
        """Waits until what worklets had begun has ended, and what became due in them is done."""
        self._expiry = Expiry(self._transactions.apply, clock, settings.attribution_reporting_limits)
        self._attribution = Attribution(
            self._transactions, settings, clock, self.rng, self.service_keys, enabled=enabled
        )
        self.attribution_reporting = AttributionReporting(database, settings, clock, self.rng, enabled=enabled)
        self.shared_storage = StoredSharedStorage(database, self._transactions, clock, settings.shared_storage_limits)
        """Shared Storage as its owner sees it, whatever page wrote it."""
        self.interest_groups = StoredInterestGroups(
            database, self._transactions, clock, settings.protected_audience_limits
        )
        """Protected Audience's, as their owner sees them."""
        self.private_aggregation = StoredPrivateAggregation(database, clock, settings.private_aggregation_limits)
        """What sites have spent and have left."""
        self.aggregation = Aggregation(database, self._announce, self.service_keys, clock, self.rng, settings)
        """Jobs of the local aggregation service, and what they spent."""
        self._private_aggregation = PrivateAggregation(database, settings, self.rng, self._reported, enabled=enabled)

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
        ``opted_out`` turn the APIs off in a way that pages cannot tell, but of Shared Storage, which says that it is
        disabled, as Chromium's does; a private agent never touches ``profile``.
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
            shown = replace(
                settings,
                attribution_reporting=settings.attribution_reporting and enabled,
                shared_storage=settings.shared_storage and enabled,
                protected_audience=settings.protected_audience and enabled,
            )
            pages = agent.open_pages(browser, shown)
            stack.push_async_callback(pages.close)
            agent.arrived, agent.clock_moved = pages.registrations.settled, pages.clock_moved
            front = await stack.enter_async_context(
                Front(agent.hosts, pages, browser.authority, chaos=agent.chaos.meet)
            )
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
                ahead = await database.transact("read clock", lambda c: stored_clock.lead(c, clock.now() - clock.lead))
                clock.advance(max(0, min(ahead - clock.lead, LATEST - clock.now())))
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

    def open_pages(self, browser: Browser, settings: Settings) -> Pages:
        """What is behind pages in ``browser``, which see ``settings``."""
        channel, clients, clock, rng = browser.channel, browser.request_clients, self._clock, self.rng
        around = Surroundings(
            host=browser.worklets,
            storage=self.shared_storage,
            transactions=self._transactions,
            locks=LockManager(),
            alarms=Alarms(self._clock),
            clock=self._clock,
            settings=settings,
            tasks=Tasks(),
            complete=self._private_aggregation.complete,
            realms=channel,
            browser=clients.observer,
        )
        scripts = channel.worklet_scripts
        shared_storage = SharedStorage(around, scripts.load)
        urls, fetches = shared_storage.selected_urls, AuctionFetches(scripts)
        auctions = Auctions(around, self.interest_groups, browser.auction_scripts, fetches, urls, rng)
        return Pages(self, settings, clock, rng, channel, clients, shared_storage, auctions)

    async def prepare_delivery(self, stack: AsyncExitStack, user_agent: str) -> None:
        """Make everything ready to deliver, until ``stack`` closes."""
        stack.push_async_callback(self._tasks.close)
        stack.push_async_callback(self.clock.close)
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
            note=self.note,
            rules=self.chaos.in_force,
        )

    async def deliver(self, hosts: Iterable[str]) -> None:
        """Send what is due, from now on, and what waited for ``hosts`` (``*`` for all), which can be reached now."""
        await self._scheduler.start()
        for host in hosts:
            await self._scheduler.release(host)

    async def set_offline(self, offline: bool) -> None:
        """Take the profile offline, or back online: pages cannot reach the network, and reports wait."""
        self.chaos.offline = offline
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
        """See :meth:`Attribution.save_impression`."""
        return await self._attribution.save_impression(dialect, context, options)

    async def measure_conversion(
        self, dialect: Dialect, context: CallContext, options: Mapping[str, Any], *, report_url: str | None = None
    ) -> PageException | bytes:
        """Measure a conversion; gives the sealed report, or what the page sees thrown.

        With ``report_url`` the agent sends the report there itself (draft, section 11).
        """
        report = await self._attribution.measure_conversion(dialect, context, options, report_url=report_url)
        if isinstance(report, PageException):
            return report
        if report_url is not None:
            self._scheduler.wake()
        return report.body

    async def clear_impressions_for_site(self, site: str) -> None:
        """``Clear-Site-Data: "impressions"`` from ``site``."""
        await self._attribution.clear_impressions_for_site(site)

    async def register(self, response: RegistrationResponse) -> None:
        """Register what a response asks Attribution Reporting for; see :meth:`AttributionReporting.register`."""
        await self.attribution_reporting.register(response)
        self._announce()
        self._scheduler.wake()

    async def clear_reporting_origin(self, origin: str) -> None:
        """``Clear-Site-Data: "storage"`` (or ``"*"``) from ``origin``: what it stored and would report goes."""
        now = self._clock.now()
        await self._transactions.apply("clear origin", lambda c: forgetting.clear_origin(c, origin, now=now))

    async def aggregate(
        self, reports: Sequence[bytes], *, epsilon: float, noise: bool | None = None, reveal: bool = False
    ) -> AggregationResult | AggregationError:
        """Have the local aggregation service aggregate sealed reports; parameters as for its ``aggregate``."""
        return await aggregate_conversions(
            self._database,
            reports,
            epsilon=epsilon,
            keys=self.service_keys,
            rng=self.rng,
            now=self._clock.now(),
            settings=self.settings,
            noise=noise,
            reveal=reveal,
        )

    async def note(self, *events: Event) -> None:
        """Record events that change nothing."""
        await self._transactions.note(*events)

    # The shell around decisions.

    def _announce(self) -> None:
        self._tasks.start(self.events.announce(), "announce events")

    def _reported(self) -> None:
        self._announce()
        self._scheduler.wake()

    async def _settle(self) -> None:
        await self.clock.keep()  # first: what follows is stored at the new time, which must outlive a kill
        await self.arrived()
        await self.clock_moved()
        await self._expiry.expire()
        await self.show_time()
        await self._scheduler.start()
        await self._scheduler.settle()

    async def show_time(self) -> None:
        """Let pages see the agent's time where the settings ask for it; their timers run on as they do."""
        if self.settings.page_clock and hasattr(self, "context"):
            await set_page_clock(self.context, self._clock)


async def _nothing_arrives() -> None:
    """Without pages there is nothing to wait for."""
