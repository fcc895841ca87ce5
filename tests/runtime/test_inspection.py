"""What an agent's owner sees and does: events, state files, reset, a profile at rest."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from agent.model.attribution import CallContext, Dialect
from agent.model.clock import DEFAULT_FROZEN_START, Clock
from agent.model.events import Event, Trace
from agent.model.reports import ReportState
from agent.model.settings import LOCAL_SERVICE
from agent.model.tasks import Tasks
from agent.runtime import Agent

NEWS = CallContext("news.test")
SHOP = CallContext("shop.test")
CONVERSION = {"aggregationService": LOCAL_SERVICE.url, "histogramSize": 4}


async def save(agent: Agent, index: int) -> None:
    assert await agent.save_impression(Dialect.CURRENT, NEWS, {"histogramIndex": index}) is None


async def measure(agent: Agent, report_url: str | None = None) -> bytes:
    report = await agent.measure_conversion(Dialect.CURRENT, SHOP, CONVERSION, report_url=report_url)
    assert isinstance(report, bytes)
    return report


async def follow(agent: Agent, seen: list[Event]) -> None:
    async for event in agent.events:
        seen.append(event)  # noqa: PERF401 - it never ends


async def until(count: int, seen: list[Event]) -> None:
    async with asyncio.timeout(10):
        while len(seen) < count:
            await asyncio.sleep(0.01)


async def test_events_replay_from_the_first_and_follow() -> None:
    async with Agent.open_profile(":memory:", clock=Clock.frozen()) as agent:
        await save(agent, 0)
        tasks, seen = Tasks(), list[Event]()
        tasks.start(follow(agent, seen), "follow")
        await until(1, seen)
        await save(agent, 1)
        await until(2, seen)
        await tasks.close()
    assert [event.data["histogramIndex"] for event in seen] == [0, 1]


async def test_the_newest_of_some_kinds_come_in_one_order_however_many_others_there_are() -> None:
    kinds = ["b", "a", "c", "a", "bb", "b", "c", "a"]
    async with Agent.open_profile(":memory:", clock=Clock.frozen()) as agent:
        await agent.note(*(Event(kind, 0, "v", "s", "", {}, Trace(())) for kind in kinds))
        for asked, told in (
            ({}, [8, 6, 4, 2, 1]),
            ({"limit": 2}, [8, 6]),
            ({"before": 6}, [4, 2, 1]),
            ({"before": 6, "limit": 1}, [4]),
        ):
            assert [one.id for one in await agent.events.newest_of(["a", "b"], **asked)] == told
        assert await agent.events.newest_of(["none"]) == []


async def test_a_follower_begins_anew_when_another_state_is_loaded(tmp_path: Path) -> None:
    async with Agent.open_profile(":memory:", clock=Clock.frozen()) as agent:
        await save(agent, 0)
        await agent.state.save(tmp_path / "first.state")
        await save(agent, 1)
        tasks, seen = Tasks(), list[Event]()
        tasks.start(follow(agent, seen), "follow")
        await until(2, seen)
        await agent.state.load(tmp_path / "first.state")
        await save(agent, 2)
        await until(4, seen)
        await tasks.close()
    assert [event.data["histogramIndex"] for event in seen] == [0, 1, 0, 2]


async def test_loading_a_state_moves_a_clock_that_stands_behind_it(tmp_path: Path) -> None:
    async with Agent.open_profile(":memory:", clock=Clock.frozen()) as agent:
        await agent.clock.advance("3d")
        await agent.state.save(tmp_path / "later.state")
        later = agent.clock.now()
    async with Agent.open_profile(":memory:", clock=Clock.frozen()) as agent:
        await agent.state.load(tmp_path / "later.state")
        assert agent.clock.now() == later


async def test_no_report_gets_the_id_of_one_that_was_loaded_though_the_seed_is_the_same(tmp_path: Path) -> None:
    async with Agent.open_profile(":memory:", clock=Clock.frozen(), seed=7) as agent:
        await measure(agent)
        await agent.state.save(str(tmp_path / "one.state"))
    async with Agent.open_profile(":memory:", clock=Clock.frozen(), seed=7) as agent:
        await agent.state.load(tmp_path / "one.state")
        await measure(agent)
        first, second = await agent.reports.all()
        assert first.id != second.id


async def test_a_report_that_was_being_sent_when_the_state_was_saved_is_sent_when_it_is_loaded(tmp_path: Path) -> None:
    arrived, answering = asyncio.Semaphore(0), asyncio.Event()

    async def take(request: web.Request) -> web.Response:
        await request.read()
        arrived.release()
        await answering.wait()
        return web.Response()

    collector, tasks = web.Application(), Tasks()
    collector.router.add_post("/report", take)
    async with Agent.open_profile(":memory:", clock=Clock.frozen()) as agent:
        agent.map("adtech.test", collector)
        await measure(agent, report_url="https://adtech.test/report")
        sending = tasks.start(agent.reports.send_pending(), "send")
        await arrived.acquire()
        await agent.state.save(tmp_path / "sending.state")
        answering.set()
        await sending
        await agent.state.load(tmp_path / "sending.state")
        event = await agent.events.last()
        assert event is not None
        assert (event.kind, event.trace.checks[-1].detail) == ("report.retry", "1 of 3 made")
        await agent.clock.next()
        assert await agent.reports.count_by_state() == {ReportState.SENT: 1}
        await arrived.acquire()


async def test_an_advanced_clock_stays_advanced_when_the_profile_is_opened_again(tmp_path: Path) -> None:
    async with Agent.open_profile(tmp_path / "profile", clock=Clock.frozen()) as agent:
        await agent.clock.advance("3d")
        later = agent.clock.now()
    async with Agent.open_profile(tmp_path / "profile", clock=Clock.frozen(DEFAULT_FROZEN_START)) as agent:
        assert agent.clock.now() == later


async def test_reset_forgets_the_service_s_ledger_too() -> None:
    async with Agent.open_profile(":memory:", clock=Clock.frozen(), seed=1) as agent:
        batch = [await measure(agent) for _ in range(20)]
        await agent.aggregate(batch, epsilon=1.0)
        await agent.state.reset()
        assert await agent.events.all() == []
        assert await agent.reports.all() == []
        again = await agent.aggregate(batch, epsilon=1.0)
        assert not hasattr(again, "code")


async def test_reading_a_profile_at_rest_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    async with Agent.open_profile(folder, clock=Clock.frozen()) as agent:
        await save(agent, 0)
        await measure(agent, report_url="https://adtech.test/report")
    # A year later: the impression has expired and the report is long due.
    async with Agent.open_profile(folder, clock=Clock.frozen(DEFAULT_FROZEN_START + 365 * 86_400_000)) as agent:
        assert len(await agent.state.impressions()) == 1
        (report,) = await agent.reports.all()
        assert report.state is ReportState.PENDING
        await agent.clock.advance("1s")
        (report,) = await agent.reports.all()
        assert report.state is ReportState.NOT_SENT
        assert await agent.state.impressions() == []


async def test_another_run_on_a_kept_profile_with_the_same_seed_gives_no_report_id_again(tmp_path: Path) -> None:
    ids = []
    for folder in ("kept", "kept", "fresh"):
        async with Agent.open_profile(tmp_path / folder, seed=7) as agent:
            await agent.measure_conversion(Dialect.CURRENT, SHOP, CONVERSION)
            ids.append([report.id for report in await agent.reports.all()])
    (first,), (_, second), (anew,) = ids
    assert first == anew != second
