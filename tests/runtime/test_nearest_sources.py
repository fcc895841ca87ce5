"""A trigger without a source is told which came nearest, and what each of them lacks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest_asyncio

from agent.model.clock import DAY, Clock
from agent.model.events import Check
from agent.runtime import Agent
from tests.runtime.test_attribution_reporting import SOURCE, START, TRIGGER

OTHER_DESTINATION = replace(
    SOURCE, fields={"Attribution-Reporting-Register-Source": b'{"destination": "https://other.test"}'}
)
OTHER_ORIGIN = replace(SOURCE, url="https://rival.test/source")
STRANGE = replace(OTHER_DESTINATION, url="https://rival.test/source")


@pytest_asyncio.fixture
async def agent() -> AsyncIterator[Agent]:
    async with Agent.open_profile(":memory:", seed=1, clock=Clock.frozen(START)) as opened:
        yield opened


async def lacking(agent: Agent) -> list[tuple[str, Check]]:
    """The sources nearest to the last trigger, each with its one failed check."""
    node = await agent.explain("last")
    assert node.verdict == "trigger-no-matching-source"
    found = []
    for child in node.children:
        (failed,) = [check for check in child.checks if not check.passed]
        assert failed.fix
        found.append((child.title, failed))
    return found


async def test_one_for_another_destination_and_one_of_another_origin_are_told(agent: Agent) -> None:
    await agent.register(OTHER_DESTINATION)
    await agent.register(OTHER_ORIGIN)
    await agent.register(TRIGGER)
    (other_origin, origin), (other_destination, destination) = await lacking(agent)
    assert (other_origin, origin.rule) == ("source 2", "reporting origin")
    assert origin.detail == "the source's is https://rival.test, the trigger's https://adtech.test"
    assert (other_destination, destination.rule) == ("source 1", "destination")
    assert destination.detail == 'the source is for ["https://other.test"], the trigger on https://shop.test'


async def test_one_that_has_nothing_in_common_is_not_told(agent: Agent) -> None:
    await agent.register(STRANGE)
    await agent.register(TRIGGER)
    assert await lacking(agent) == []


async def test_one_that_comes_after_the_trigger_is_not_told(agent: Agent) -> None:
    await agent.register(TRIGGER)
    await agent.register(SOURCE)
    assert (await agent.explain("1")).children == ()


async def test_one_that_has_expired_is_told_with_how_long_ago_before_others(agent: Agent) -> None:
    await agent.register(SOURCE)
    await agent.register(OTHER_ORIGIN)
    await agent.clock.advance(31 * DAY)
    await agent.register(TRIGGER)
    (title, check), (other, _) = await lacking(agent)
    assert (title, other) == ("source 1", "source 2")
    assert check.rule == "expiry"
    assert check.detail == "expired 2026-02-04T09:00:00+00:00, 30d after it was registered and 1d before the trigger"


async def test_one_that_was_cleared_is_told_as_gone(agent: Agent) -> None:
    await agent.register(SOURCE)
    await agent.state.clear(site="news.test")
    await agent.register(TRIGGER)
    ((_, check),) = await lacking(agent)
    assert (check.rule, check.detail) == ("stored", "it is gone: evicted or cleared")


async def test_one_without_the_scope_of_the_trigger_is_told(agent: Agent) -> None:
    await agent.register(SOURCE)
    scoped = b'{"event_trigger_data": [{}], "attribution_scopes": ["a"]}'
    await agent.register(replace(TRIGGER, fields={"Attribution-Reporting-Register-Trigger": scoped}))
    ((_, check),) = await lacking(agent)
    assert check.rule == "attribution_scopes"
    assert check.detail == 'the source has [], the trigger asks for ["a"]'


async def test_what_a_source_lacked_stays_true_when_another_trigger_ends_it_later(agent: Agent) -> None:
    await agent.register(SOURCE)
    await agent.register(SOURCE)
    scoped = b'{"event_trigger_data": [{}], "attribution_scopes": ["a"]}'
    await agent.register(replace(TRIGGER, fields={"Attribution-Reporting-Register-Trigger": scoped}))
    before = await lacking(agent)
    unmatched = await agent.events.last("trigger-registration")
    assert unmatched is not None
    await agent.register(TRIGGER)  # it is attributed to the later source, which ends the earlier
    node = await agent.explain(f"event:{unmatched.id}")
    told = [(child.title, next(check for check in child.checks if not check.passed)) for child in node.children]
    assert told == before


async def test_the_three_nearest_are_told_and_the_newest_first(agent: Agent) -> None:
    for _ in range(5):
        await agent.register(OTHER_DESTINATION)
    await agent.register(TRIGGER)
    assert [title for title, _ in await lacking(agent)] == ["source 5", "source 4", "source 3"]


async def test_one_that_was_refused_is_told_with_why(agent: Agent) -> None:
    await agent.register(replace(SOURCE, fields={"Attribution-Reporting-Register-Source": b"{}"}))
    await agent.register(TRIGGER)
    ((_, check),) = await lacking(agent)
    assert (check.rule, check.detail) == ("Attribution-Reporting-Register-Source destination", "is missing")
