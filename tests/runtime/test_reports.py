from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from agent.model.clock import DEFAULT_FROZEN_START, Clock
from agent.model.errors import UsageError
from agent.model.reports import ReportKind, ReportState
from agent.runtime import Agent
from tests.dashboard.conftest import register


@pytest_asyncio.fixture
async def agent() -> AsyncIterator[Agent]:
    """One with an event-level and an aggregatable report that wait; its clock is frozen."""
    async with Agent.open_profile(":memory:", seed=7, clock=Clock.frozen()) as agent:
        await register(agent)
        yield agent


async def collector(agent: Agent, status: int = 200) -> list[str]:
    """Map adtech.test; gives the paths that reports arrived at."""
    arrived: list[str] = []

    async def take(request: web.Request) -> web.Response:
        arrived.append(request.path.rpartition("/")[2])
        return web.Response(status=status)

    application = web.Application()
    application.router.add_post("/{path:.*}", take)
    agent.hosts.map("adtech.test", application)
    return arrived


async def test_a_report_can_be_sent_before_its_time_and_the_clock_stands(agent: Agent) -> None:
    arrived = await collector(agent)
    waiting = next(report for report in await agent.reports.all() if report.kind is ReportKind.EVENT_LEVEL)
    sent = await agent.reports.send(waiting.id[:8])
    assert sent.state is ReportState.SENT
    assert arrived == ["report-event-attribution"]
    assert agent.clock.now() == DEFAULT_FROZEN_START
    assert (await agent.reports.count_by_state()) == {ReportState.SENT: 1, ReportState.PENDING: 1}


async def test_what_was_given_up_can_be_sent_again(agent: Agent) -> None:
    arrived = await collector(agent, status=500)
    waiting = next(report for report in await agent.reports.all() if report.kind is ReportKind.EVENT_LEVEL)
    assert (await agent.reports.send(waiting.id)).state is ReportState.FAILED
    assert (await agent.reports.send(waiting.id)).state is ReportState.FAILED
    assert len(arrived) == 2


async def given_up_and_to_be_sent_again(agent: Agent) -> None:
    await collector(agent, status=500)
    await agent.reports.send_pending()
    assert await agent.reports.count_by_state() == {ReportState.FAILED: 2}
    await agent.set_offline(offline=True)
    for report in await agent.reports.all():
        await agent.reports.send(report.id)
    assert await agent.reports.count_by_state() == {ReportState.PENDING: 2}


async def test_what_was_given_up_and_is_to_be_sent_again_goes_when_its_origin_is_cleared(agent: Agent) -> None:
    await given_up_and_to_be_sent_again(agent)
    await agent.clear_reporting_origin("https://adtech.test")
    assert await agent.reports.all() == []


@pytest.mark.parametrize("site", ["news.test", "adtech.test", None])
async def test_what_was_given_up_and_is_to_be_sent_again_goes_with_the_history(agent: Agent, site: str | None) -> None:
    await given_up_and_to_be_sent_again(agent)
    await (agent.state.clear_history() if site is None else agent.state.clear(site=site))
    assert await agent.reports.all() == []


async def test_all_that_wait_can_be_sent_at_once(agent: Agent) -> None:
    arrived = await collector(agent)
    assert await agent.reports.send_pending() == 2
    assert sorted(arrived) == ["report-aggregate-attribution", "report-event-attribution"]
    assert await agent.reports.next_due() is None
    assert await agent.reports.send_pending() == 0


async def test_what_was_sent_is_not_sent_again(agent: Agent) -> None:
    await collector(agent)
    await agent.reports.send_pending()
    sent = (await agent.reports.newest(limit=1))[0]
    with pytest.raises(UsageError, match="is sent"):
        await agent.reports.send(sent.id)


async def test_a_report_that_is_dropped_is_gone_and_leaves_an_event(agent: Agent) -> None:
    report = (await agent.reports.newest(limit=1))[0]
    assert (await agent.reports.drop(report.id)).id == report.id
    assert await agent.reports.find(report.id) == []
    event = await agent.events.last()
    assert event is not None
    assert (event.kind, event.data) == ("report.dropped", {"report": report.id})


async def test_the_newest_come_first_page_by_page(agent: Agent) -> None:
    await register(agent)
    every = await agent.reports.all()
    first = await agent.reports.newest(limit=3)
    rest = await agent.reports.newest(before=first[-1].position)
    assert [report.id for report in (*first, *rest)] == [report.id for report in reversed(every)]
    kinds = {report.kind for report in await agent.reports.newest(kinds=[ReportKind.AGGREGATABLE])}
    assert kinds == {ReportKind.AGGREGATABLE}
    assert await agent.reports.newest(states=[ReportState.SENT]) == []
