"""What answers for a journey's hosts: folders, servers, and the demo's sites."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from agent.aggregation.apps import collector_app, service_app
from agent.aggregation.collector_apps import (
    attribution_receiver_app,
    attribution_reports_app,
    private_aggregation_receiver_app,
)
from agent.model.clock import Clock
from agent.model.errors import UsageError
from agent.model.rng import rng_for
from sites import auction, story
from sites.world import demo_sites
from storage.aggregation_ledger import DatabaseLedger
from storage.collected_attribution_reports import DatabaseAttributionCollection
from storage.collected_reports import DatabaseCollection
from storage.database import MEMORY, AsyncDatabase

if TYPE_CHECKING:
    from agent.runtime import Agent

DEMO = "demo"
"""Stands for the demo's site of the same host; ``demo/news`` for that of news.test."""


class SiteError(UsageError):
    """What a journey puts behind ``host`` cannot stand there."""

    def __init__(self, host: str, what: str, *, rule: str = "", fix: str = "") -> None:
        self.host = host
        super().__init__(what, where=f"sites: {host}", rule=rule, fix=fix)


def demo_hosts() -> tuple[str, ...]:
    """The hosts that the demo's world has a site for, and the one with an auction."""
    return (*(host.name for host in story.HOSTS), auction.HOST)


def demo_host(host: str, target: str) -> str | None:
    """The demo's host that ``target`` names for ``host``; None where it is something else. Raises SiteError."""
    if target != DEMO and not target.startswith(f"{DEMO}/"):
        return None
    wanted = host if target == DEMO else f"{target.partition('/')[2]}.test"
    if wanted not in demo_hosts():
        close = get_close_matches(wanted, demo_hosts(), 1)
        raise SiteError(
            host,
            f"the demo has no site {wanted!r}" + (f"; nearest is {close[0]!r}" if close else ""),
            rule=f"one of {', '.join(demo_hosts())}",
            fix=f"write {host}: demo/{(close or ['shop.test'])[0].removesuffix('.test')}",
        )
    return wanted


@asynccontextmanager
async def standing(agent: Agent, sites: Mapping[str, str], folder: Path) -> AsyncIterator[None]:
    """Have ``sites`` answer for their hosts in ``agent``; folders are relative to ``folder``. Raises SiteError."""
    demo = {host: found for host, target in sites.items() if (found := demo_host(host, target)) is not None}
    for host, target in sites.items():
        if host not in demo:
            _stand(agent, host, target, folder)
    if not demo:
        yield
        return
    clock = Clock(agent.clock.now)
    async with await AsyncDatabase.open(MEMORY, now=clock.now()) as database:
        apps, gate = _demo_apps(agent, database, clock), Gate()
        for host, found in demo.items():
            apps[found].middlewares.append(gate.middleware())
            agent.map(host, apps[found])
        try:
            yield
        finally:
            await gate.close()


def _stand(agent: Agent, host: str, target: str, folder: Path) -> None:
    """Have a server, or a folder, answer for ``host``. Raises SiteError."""
    try:
        agent.map(host, target if target.startswith(("http://", "https://")) else folder / target)
    except UsageError as error:
        raise SiteError(host, error.what, rule=error.rule, fix=error.fix) from None
    except OSError as error:
        rule = "a folder that can be read, or a server"
        raise SiteError(host, f"{target!r} cannot be read: {error.strerror or error}", rule=rule) from None


class Gate:
    """Lets requests through until it is closed, so that none meets a database that is closed."""

    def __init__(self) -> None:
        self._open, self._inside = True, 0
        self._empty = asyncio.Event()
        self._empty.set()

    def middleware(self) -> Any:
        """For an application."""

        @web.middleware
        async def through(request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> Any:
            if not self._open:
                raise web.HTTPServiceUnavailable
            self._inside += 1
            self._empty.clear()
            try:
                return await handler(request)
            finally:
                self._inside -= 1
                if not self._inside:
                    self._empty.set()

        return through

    async def close(self) -> None:
        """Let nobody in, and wait until nobody is inside."""
        self._open = False
        await self._empty.wait()


def _demo_apps(agent: Agent, database: AsyncDatabase, clock: Clock) -> dict[str, web.Application]:
    """The demo's sites with the measurement company's collectors and the aggregation service."""
    shelf, keys = DatabaseAttributionCollection(database), agent.service_keys
    service = service_app(
        keys=keys,
        ledger=DatabaseLedger(database),
        rng=rng_for(agent.seed),
        clock=clock,
        minimum_batch=agent.settings.minimum_batch,
        value_cap=agent.settings.limits.value_cap,
        noise=agent.settings.noise,
    )
    receiver = "/.well-known/private-aggregation/"
    adtech = {
        "/collector/": collector_app(DatabaseCollection(database), clock),
        "/.well-known/attribution-reporting/": attribution_receiver_app(shelf, clock),
        receiver: private_aggregation_receiver_app(shelf, clock),
        "/attribution-collector/": attribution_reports_app(shelf, keys),
    }
    sites = demo_sites({"adtech.test": adtech, "aggregator.test": {"/service/": service}})
    return sites | {auction.HOST: auction.auction_site({receiver: private_aggregation_receiver_app(shelf, clock)})}
