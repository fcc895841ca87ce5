"""Attribution Reporting in an agent: registrations in, reports out, on its clock and across restarts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agent.model.attribution_reporting.eligibility import (
    REGISTER_SOURCE,
    REGISTER_TRIGGER,
    Eligibility,
    RegistrationResponse,
)
from agent.model.clock import DAY, Clock
from agent.model.reports import ReportKind, ReportState
from agent.model.settings import Settings
from agent.runtime import Agent

START = 1_767_603_600_000
EVENT_PATH = "/.well-known/attribution-reporting/report-event-attribution"
SOURCE = RegistrationResponse(
    "https://news.test",
    "https://adtech.test/source",
    Eligibility.NAVIGATION_SOURCE,
    {REGISTER_SOURCE: b'{"destination": "https://shop.test", "source_event_id": "7"}'},
)
TRIGGER = RegistrationResponse(
    "https://shop.test",
    "https://adtech.test/trigger",
    Eligibility.UNSET,
    {REGISTER_TRIGGER: b'{"event_trigger_data": [{"trigger_data": "3"}]}'},
)


class Collector:
    """The ad tech's server: keeps what arrives."""

    def __init__(self) -> None:
        self.arrived: list[tuple[str, Mapping[str, Any]]] = []
        self.app = web.Application()
        self.app.router.add_post("/{path:.*}", self._take)

    async def _take(self, request: web.Request) -> web.Response:
        self.arrived.append((request.path, json.loads(await request.read())))
        return web.Response()


async def test_a_report_reaches_its_reporting_origin_when_its_window_ends() -> None:
    collector = Collector()
    async with Agent.open_profile(":memory:", seed=1, clock=Clock.frozen(START)) as agent:
        agent.map("adtech.test", collector.app)
        await agent.register(SOURCE)
        await agent.register(TRIGGER)
        await agent.clock.advance(2 * DAY - 1)
        assert collector.arrived == []
        await agent.clock.advance(1)
        ((path, body),) = collector.arrived
        assert path == EVENT_PATH
        assert (body["source_event_id"], body["trigger_data"]) == ("7", "3")
        assert body["scheduled_report_time"] == str((START + 2 * DAY) // 1000)
        (report,) = await agent.reports.wait(ReportKind.EVENT_LEVEL, timeout=5)
        assert report.state is ReportState.SENT
        assert json.loads(report.body) == body


async def test_what_was_registered_survives_a_restart_and_is_reported_after_it(tmp_path: Path) -> None:
    collector, profile = Collector(), tmp_path / "profile"
    async with Agent.open_profile(profile, seed=1, clock=Clock.frozen(START)) as agent:
        await agent.register(SOURCE)
    async with Agent.open_profile(profile, seed=2, clock=Clock.frozen(START + DAY)) as agent:
        await agent.register(TRIGGER)
    async with Agent.open_profile(profile, seed=3, clock=Clock.frozen(START + DAY)) as agent:
        agent.map("adtech.test", collector.app)
        assert [source.num_attributions for source in await agent.state.sources()] == [1]
        await agent.clock.advance(2 * DAY)
        await agent.clock.advance("1h")
    assert [path for path, _ in collector.arrived] == [EVENT_PATH]


async def test_a_registration_is_one_transaction() -> None:
    async with Agent.open_profile(":memory:", seed=1, clock=Clock.frozen(START)) as agent:
        for response in (SOURCE, TRIGGER):
            statements: list[str] = []
            await agent._database.on_statement(statements.append)
            await agent.register(response)
            await agent._database.on_statement(None)
            assert [text for text in statements if text in {"BEGIN IMMEDIATE", "COMMIT"}][:2] == [
                "BEGIN IMMEDIATE",
                "COMMIT",
            ]
            writes = [number for number, text in enumerate(statements) if text.startswith(("INSERT", "UPDATE"))]
            assert statements.index("BEGIN IMMEDIATE") < writes[0]
            assert writes[-1] < statements.index("COMMIT")


async def test_followers_of_the_event_stream_are_told_of_registrations() -> None:
    async with Agent.open_profile(":memory:", seed=1, clock=Clock.frozen(START)) as agent:
        await agent.register(SOURCE)
        async for event in agent.events:
            assert (event.kind, event.verdict) == ("source-registration", "source-success")
            break


@pytest.mark.parametrize(
    "settings",
    [Settings(attribution_reporting=False), Settings(enrolled_sites=frozenset({"https://rival.test"}))],
    ids=["switched off", "not enrolled"],
)
async def test_settings_decide_whether_anything_is_registered(settings: Settings) -> None:
    async with Agent.open_profile(":memory:", settings=settings, clock=Clock.frozen(START)) as agent:
        await agent.register(SOURCE)
        await agent.register(TRIGGER)
        assert await agent.state.sources() == []
        assert [event.verdict for event in await agent.events.all()] == ["ignored", "ignored"]


async def test_sources_expire_as_the_clock_moves_and_everything_can_be_cleared() -> None:
    async with Agent.open_profile(":memory:", seed=1, clock=Clock.frozen(START)) as agent:
        await agent.register(SOURCE)
        await agent.clock.advance(30 * DAY)
        assert await agent.state.sources() == []
        assert [event.kind for event in await agent.events.all()] == ["source-registration", "expiry"]
        await agent.register(SOURCE)
        await agent.register(TRIGGER)
        await agent.clear_reporting_origin("https://adtech.test")
        assert (await agent.state.sources(), await agent.reports.all()) == ([], [])
        await agent.register(SOURCE)
        await agent.state.clear_history()
        assert await agent.state.sources() == []
