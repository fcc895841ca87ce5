from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agent.expectations import ExpectationError, Expectations, expect, waiting
from agent.model.clock import DAY
from agent.model.errors import UsageError
from agent.model.reports import ReportState
from tests.expectations.agents import (
    START,
    an_agent,
    measure_conversion,
    register_source,
    register_trigger,
    save_impression,
)

SOON = 0.05


async def test_what_is_there_is_given() -> None:
    async with an_agent() as agent:
        await register_source(agent, priority="5", filter_data={"campaign": ["12", "13"]})
        await register_trigger(agent)
        await save_impression(agent)
        await measure_conversion(agent)
        source = await expect(agent).to_have_source(
            event_id=123, type="navigation", destination="shop.test", priority=5, filter_data={"campaign": {"12", "13"}}
        )
        assert source == (await agent.state.sources())[0]
        impression = await expect(agent).to_have_impression(histogram_index=3, conversion_sites="shop.test")
        assert impression == (await agent.state.impressions())[0]
        trigger = await expect(agent).to_have_trigger(verdict="stored", site="shop.test", source=source.id)
        assert trigger.kind == "trigger-registration"
        conversion = await expect(agent).to_have_conversion(verdict="attributed", buckets={3: 1})
        assert conversion == await agent.events.last("conversion")
        report = await expect(agent).to_have_report(kind="attribution-conversion", histogram=[0, 0, 0, 1, 0])
        assert report.state is ReportState.RETURNED
        event = await expect(agent).to_have_event(
            "source-registration", "source-success", reporting_origin="adtech.test"
        )
        assert event.id == 1


async def test_the_latest_of_several_is_given_and_a_count_must_be_met_exactly() -> None:
    async with an_agent() as agent:
        for event_id in ("1", "2"):
            await register_source(agent, source_event_id=event_id)
        source = await expect(agent).to_have_source(count=2)
        assert source.registration.source_event_id == 2
        for count in (1, 3):
            with pytest.raises(ExpectationError, match="there are 2"):
                await expect(agent).to_have_source(count=count, timeout=SOON)


async def test_it_waits_for_what_is_still_to_come() -> None:
    async with an_agent() as agent:
        waiting = asyncio.gather(expect(agent).to_have_source(event_id=123))
        await asyncio.sleep(SOON)
        assert not waiting.done()
        await register_source(agent)
        await asyncio.wait_for(waiting, 10)


async def test_it_fails_when_its_real_time_is_over_and_not_before() -> None:
    async with an_agent() as agent:
        begun = time.monotonic()
        with pytest.raises(ExpectationError, match=r"waited 0\.3 s"):
            await expect(agent).to_have_trigger(timeout=0.3)
        assert 0.3 <= time.monotonic() - begun < 3
        assert agent.clock.now() == START, "the clock stands still unless it may move"


async def test_the_clock_moves_as_far_as_the_next_report_and_no_farther() -> None:
    async with an_agent() as agent:
        await register_source(agent)
        await register_trigger(agent)
        report = await expect(agent).to_have_report(kind="event-level", to="https://adtech.test", advance="30d")
        assert (report.state, agent.clock.now() - START) == (ReportState.SENT, 2 * DAY)


async def test_the_clock_moves_no_farther_than_it_may() -> None:
    async with an_agent() as agent:
        await register_source(agent)
        await register_trigger(agent)
        with pytest.raises(ExpectationError, match="state differs"):
            await expect(agent).to_have_report(kind="event-level", advance="1d", timeout=SOON)
        assert agent.clock.now() - START == DAY


async def test_the_clock_stays_where_what_is_wanted_is_there() -> None:
    async with an_agent() as agent:
        await register_source(agent)
        await expect(agent).to_have_source(advance="30d")
        assert agent.clock.now() == START


async def test_a_report_that_is_pending_has_not_left_unless_that_is_asked_for() -> None:
    async with an_agent() as agent:
        await register_source(agent)
        await register_trigger(agent)
        pending = await expect(agent).to_have_report(state="pending", trigger_data=3, event_id="123")
        assert pending.state is ReportState.PENDING
        await expect(agent).not_to_have_report()


async def test_a_refused_registration_is_the_nearest_and_can_be_asked_for() -> None:
    async with an_agent() as agent:
        await register_source(agent, destination="no site")
        with pytest.raises(ExpectationError) as failed:
            await expect(agent).to_have_source(timeout=SOON)
        assert [one.member for one in failed.value.differences] == ["stored"]
        refused = await expect(agent).to_have_source(verdict="header-parsing-error")
        assert refused.kind == "source-registration"


async def test_nothing_of_a_kind_is_what_not_expects() -> None:
    async with an_agent() as agent:
        absent = expect(agent)
        await absent.not_to_have_source()
        await absent.not_to_have_impression()
        await absent.not_to_have_trigger()
        await absent.not_to_have_conversion()
        await absent.not_to_have_contribution()
        await absent.not_to_have_report()
        await absent.not_to_have_event("source-registration")


async def test_not_fails_at_once_over_what_never_goes_away() -> None:
    async with an_agent() as agent:
        await register_trigger(agent)
        begun = time.monotonic()
        with pytest.raises(ExpectationError, match=r"expected no triggers with site shop\.test, there is one"):
            await expect(agent).not_to_have_trigger(site="shop.test")
        assert time.monotonic() - begun < 3


async def test_not_waits_for_what_may_go_away() -> None:
    async with an_agent() as agent:
        await register_source(agent)
        waiting = asyncio.gather(expect(agent).not_to_have_source())
        await asyncio.sleep(SOON)
        assert not waiting.done()
        await agent.clear_reporting_origin("https://adtech.test")
        await asyncio.wait_for(waiting, 10)


async def test_not_goes_all_the_way_that_the_clock_may_move() -> None:
    async with an_agent() as agent:
        await register_source(agent)
        await expect(agent).not_to_have_report(advance="30d")
        assert agent.clock.now() - START == 30 * DAY


async def test_a_count_of_none_goes_all_the_way_that_the_clock_may_move() -> None:
    async with an_agent() as agent:
        await register_source(agent)
        await register_trigger(agent)
        with pytest.raises(ExpectationError, match="expected no reports with kind event-level, there is one"):
            await expect(agent).to_have_report(kind="event-level", count=0, advance="30d", timeout=SOON)
        assert await expect(agent).to_have_source(event_id=5, count=0) is None


async def test_not_waits_for_what_pages_are_about_to_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "QUIET", 1.0)
    async with an_agent() as agent:

        async def a_little_later() -> None:
            await asyncio.sleep(SOON)
            await register_trigger(agent)

        with pytest.raises(ExpectationError, match="expected no triggers, there is one"):
            await asyncio.gather(a_little_later(), expect(agent).not_to_have_trigger())


async def test_not_stops_where_it_is_not_so() -> None:
    async with an_agent() as agent:
        await register_source(agent)
        await register_trigger(agent)
        with pytest.raises(ExpectationError, match="expected no reports with kind event-level, there is one"):
            await expect(agent).not_to_have_report(kind="event-level", advance="30d", timeout=SOON)
        assert agent.clock.now() - START == 2 * DAY


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (lambda expected: expected.to_have_source(evnt_id=1), "write event_id"),
        (lambda expected: expected.not_to_have_report(knd="event-level"), "write kind"),
        (lambda expected: expected.to_have("sauce", {}), "source"),
        (lambda expected: expected.not_to_have_report(kind="event_level"), "write event-level"),
        (lambda expected: expected.not_to_have_report(state="snet"), "write sent"),
        (
            lambda expected: expected.not_to_have_report(kind="event-level", bucket=5),
            "event-level reports have no member",
        ),
        (lambda expected: expected.not_to_have_source(type="navigaton"), "write navigation"),
        (lambda expected: expected.to_have_source(count=-1), "-1 is no count"),
        (lambda expected: expected.to_have_source(count=True), "True is no count"),
    ],
)
async def test_an_unknown_name_is_refused_at_once_with_the_nearest(
    expected: Callable[[Expectations], Awaitable[Any]], text: str
) -> None:
    async with an_agent() as agent:
        with pytest.raises(UsageError, match=text):
            await expected(expect(agent))


async def test_a_duration_that_cannot_be_read_is_refused() -> None:
    async with an_agent() as agent:
        with pytest.raises(ValueError, match="2 days"):
            await expect(agent).to_have_source(advance="2 days")
