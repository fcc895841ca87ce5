"""10,000 registrations from one page, 10^6 pending reports: bounded memory, no quadratic step."""

from __future__ import annotations

import asyncio
import gc
import json
import sqlite3
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from agent.delivery.lanes import CONCURRENT_ATTEMPTS, LINE_LENGTH, WAITING_FOR_KEYS
from agent.model.attribution_reporting.facts import Registrant
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import SourceType
from agent.model.clock import MINUTE
from agent.model.interfaces import Answer
from agent.model.reports import ReportKind
from agent.runtime import Agent
from agent.verbs.source_registration import register_source
from agent.verbs.trigger_registration import register_trigger
from storage import report_queue, reports, sources
from storage.database import AsyncDatabase, Database
from tests.browser.ledger import site
from tests.delivery.attribution_reports import attribution_report
from tests.delivery.world import START, World
from tests.engines.attribution_reporting.registration_world import (
    NEWS,
    NOON,
    SHOP,
    FedChance,
    a_source,
    an_event_trigger,
    on_news,
    on_shop,
)
from tests.verbs.reporting_world import OTHER, ReportingWorld

LIMITS = AttributionReportingLimits()


@pytest.fixture
def world() -> Iterator[ReportingWorld]:
    with Database.open(":memory:", now=NOON) as database:
        yield ReportingWorld(database)


class Steps:
    """Counts the instructions of SQLite's virtual machine: what is sought and scanned, on any machine the same."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.count = 0
        connection.set_progress_handler(self._step, 1)

    def _step(self) -> int:
        self.count += 1
        return 0

    def of(self, work: Any) -> int:
        """The steps of ``work``."""
        before = self.count
        work()
        return self.count - before


def test_10000_registrations_from_one_page_have_no_quadratic_step(world: ReportingWorld) -> None:
    limits = replace(LIMITS, max_sources_per_origin=10_000)
    chance = FedChance()
    kinds = [
        (Registrant(NEWS, by, NOON, context_site=NEWS, reporting_site=by), a_source(destinations=(site,)))
        for by in (f"https://adtech{number}.test" for number in range(9))
        for site in (f"https://shop{number}.test" for number in range(20))
    ]

    def register(number: int) -> None:
        who, registration = kinds[number % len(kinds)]
        outcome = register_source(
            world.database.connection, who, SourceType.NAVIGATION, registration, limits=limits, chance=chance
        )
        assert outcome.verdict == "source-success"

    def steps_of(numbers: range) -> int:
        counter = Steps(world.database.connection)
        steps = counter.of(lambda: list(map(register, numbers)))
        world.database.connection.set_progress_handler(None, 0)
        return steps

    with world.database.connection:
        world.database.connection.execute("BEGIN")
        for number in range(500):
            register(number)
        early = steps_of(range(500, 600))
        for number in range(600, 9_900):
            register(number)
        late = steps_of(range(9_900, 10_000))
    assert sources.count(world.database.connection) == 10_000
    assert late < 1.1 * early


PENDING = """
    INSERT INTO reports (id, kind, created, content, event_id, body, delivered_to, host, state, attempts, next_attempt,
        last_result)
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    SELECT 'many ' || n, 'event-level', 0, '{}', 0, x'', 'https://adtech.test/', 'adtech.test', 'pending', 0, ? + n, ''
    FROM numbers
"""


@pytest.mark.parametrize("destination", [SHOP, OTHER], ids=["same destination", "other destination"])
def test_10_6_pending_reports_are_no_quadratic_step(world: ReportingWorld, destination: str) -> None:
    # 10^6 take too long to fill. What SQLite does for a registration, and for the queue, is counted with 2,000
    # and with 100,000 pending: it is the same number of steps.
    connection = world.database.connection

    def steps() -> int:
        with world.database.connection:
            connection.execute("BEGIN")
            register_source(
                connection, on_news(), SourceType.NAVIGATION, a_source(), limits=LIMITS, chance=world.chance
            )
            counter = Steps(connection)
            taken = counter.of(
                lambda: (
                    register_trigger(connection, on_shop(), an_event_trigger(), limits=LIMITS, chance=world.chance),
                    report_queue.next_due(connection),
                    report_queue.due(connection, ReportKind, NOON, 8),
                )
            )
            connection.set_progress_handler(None, 0)
            connection.execute("ROLLBACK")
        return taken

    def fill(count: int, first: int) -> None:
        connection.execute(PENDING.replace("many", f"from {first}"), (count, NOON))
        connection.execute(
            "INSERT INTO pending_attribution_reports SELECT position, 'event-level', 'https://adtech.test',"
            " 1000 + position, 0, 0, 0, ?, NULL, NULL FROM reports WHERE position > ?",
            (destination, first),
        )

    fill(2_000, 0)
    few = steps()
    fill(98_000, 2_000)
    assert world.scalar("SELECT count(*) FROM pending_attribution_reports") == 100_000
    assert steps() <= few


COPIES = """
    INSERT INTO reports (id, kind, created, content, event_id, body, delivered_to, host, state, attempts, next_attempt,
        last_result)
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    SELECT printf('%032x', n + 1), kind, created, content, event_id, body, delivered_to, host, state, attempts,
        next_attempt, last_result
    FROM numbers, reports
"""
DELIVERED = LINE_LENGTH + 100
"""More than stand in one line, so that a second one is formed."""


async def _peak_of_delivery(kind: ReportKind, pending: int, arriving: int, under_way: int) -> int:
    """The most bytes that a scheduler holds at a time, from its start until so many reports arrived or are under way.

    ``pending`` reports were overdue then. The server answers all but the last that arrive, the coordinator never.
    """

    async def hang() -> Any:
        await asyncio.Event().wait()

    async def serve() -> Answer:
        return Answer(200) if len(delivery.server.arrived) < DELIVERED else await hang()

    def fill(connection: sqlite3.Connection) -> None:
        reports.insert(connection, attribution_report(kind, due=START - 1))
        connection.execute(COPIES, (pending - 1,))

    def sending(connection: sqlite3.Connection) -> int:
        return len(report_queue.interrupted(connection))

    async with await AsyncDatabase.open(":memory:", now=START) as database:
        delivery = World(database)
        delivery.server.behave, delivery.coordinator.behave = serve, hang
        await database.transact("fill", fill)
        gc.collect()
        tracemalloc.start()
        try:
            await delivery.scheduler.start()
            delivery.clock.advance(MINUTE)
            async with asyncio.timeout(60):
                while len(delivery.server.arrived) < arriving or await database.transact("count", sending) < under_way:
                    await asyncio.sleep(0.05)
            assert (await database.transact("count", sending), len(delivery.server.arrived)) == (under_way, arriving)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            await delivery.scheduler.close()


@pytest.mark.parametrize(
    ("kind", "arriving", "under_way"),
    [
        (ReportKind.EVENT_LEVEL, DELIVERED - 1 + CONCURRENT_ATTEMPTS, CONCURRENT_ATTEMPTS),
        (ReportKind.AGGREGATABLE, 0, WAITING_FOR_KEYS),
    ],
)
async def test_10_6_pending_reports_take_bounded_memory(kind: ReportKind, arriving: int, under_way: int) -> None:
    # 10^6 take too long to fill: 20,000 must take what 2,500 do, which fill two lines.
    few = await _peak_of_delivery(kind, 2_500, arriving, under_way)
    assert await _peak_of_delivery(kind, 20_000, arriving, under_way) < 1.2 * few


REGISTER = """async ([first, last]) => {
    const attributionReporting = { eventSourceEligible: true, triggerEligible: false };
    for (let number = first; number < last; number++) {
        await fetch(`https://adtech.test/${number}`, { keepalive: true, attributionReporting });
    }
}"""


@pytest.mark.browser
async def test_10000_registrations_from_one_page_are_registered_in_order_in_bounded_memory(agent: Agent) -> None:
    # 10,000 take a minute. What each of 1,000 leaves behind in Python is counted, the browser's records included.
    async def source(request: web.Request) -> web.Response:
        registration = json.dumps({"destination": SHOP, "source_event_id": request.path.removeprefix("/")})
        headers = {"Access-Control-Allow-Origin": "*", "Attribution-Reporting-Register-Source": registration}
        return web.Response(headers=headers)

    app = web.Application()
    app.router.add_get("/{number}", source)
    agent.map("adtech.test", app)
    agent.map("news.test", site({}))
    page = await agent.new_page("https://news.test/")
    await page.evaluate(REGISTER, [0, 500])
    gc.collect()
    tracemalloc.start()
    try:
        await page.evaluate(REGISTER, [500, 1_000])
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 500 * 4_096, "10,000 would take 40 MB"
    await agent.arrived()  # the page has an answer as soon as it has its place in the line
    registered = [source.registration.source_event_id for source in await agent.state.sources()]
    assert registered == list(range(1_000))
