from __future__ import annotations

import pytest

from agent.expectations import SUBJECTS, ExpectationError, expect
from agent.expectations.decisions import impressions, sources
from agent.expectations.reports import MEMBERS, MEMBERS_OF, report_members
from agent.model.attribution import Dialect
from agent.model.attribution_reporting.registrations import SourceType
from agent.model.attribution_reporting.reports import (
    AggregatableContent,
    Contribution,
    DebugItem,
    EventLevelContent,
    VerboseContent,
)
from agent.model.events import Event
from agent.model.private_aggregation import PrivateAggregationApi, PrivateAggregationContent
from agent.model.reports import ConversionContent, Report, ReportContent, ReportKind, ReportState, kind_of
from agent.runtime import Agent
from tests.expectations.agents import (
    START,
    an_agent,
    measure_conversion,
    register_source,
    register_trigger,
    save_impression,
)

CONTENTS: tuple[ReportContent, ...] = (
    EventLevelContent("https://adtech.test", "id", ("https://shop.test",), 0.0024, 123, SourceType.EVENT, 1, 0, 0),
    AggregatableContent("https://adtech.test", "id", "https://shop.test", 0, "https://c.test", (Contribution(5, 6),)),
    PrivateAggregationContent(
        PrivateAggregationApi.SHARED_STORAGE, "https://adtech.test", "id", 0, "https://c.test", 20
    ),
    VerboseContent("https://adtech.test", (DebugItem("source-success", {}),)),
    ConversionContent(Dialect.CURRENT, "https://s.test", "shop.test", "shop.test", 3, 1_000_000, (0, 4, 0)),
)


async def batch(agent: Agent, verdict: str, *contributions: tuple[int, int]) -> None:
    """The event of a batch of Private Aggregation."""
    entries = [{"bucket": str(bucket), "value": value, "filtering_id": "0"} for bucket, value in contributions]
    data = {
        "api": "shared-storage",
        "reporting_origin": "https://adtech.test",
        "context_id": None,
        "contributions": entries,
    }
    await agent.note(Event("private-aggregation", START, verdict, "a batch", "news.test", data))


async def test_every_member_that_is_named_is_there_to_be_compared() -> None:
    async with an_agent() as agent:
        await register_source(agent)
        await register_trigger(agent)
        await save_impression(agent)
        await measure_conversion(agent)
        await batch(agent, "report-scheduled", (1, 2))
        for name in ("source", "impression", "trigger", "conversion", "contribution", "event"):
            (candidate, *_) = await SUBJECTS[name].gather(agent)
            assert set(SUBJECTS[name].members) - set(candidate.members) == set(), name


def test_every_member_of_a_report_is_one_of_some_kind() -> None:
    found = set()
    for content in CONTENTS:
        members = report_members(Report("id", kind_of(content), 0, content))
        found |= set(members)
        assert set(members) == MEMBERS_OF[kind_of(content)]
        assert members["kind"] == kind_of(content)
    assert found == set(MEMBERS)
    assert set(MEMBERS_OF) == set(ReportKind)


def test_a_report_is_found_by_the_origin_and_by_the_url_it_goes_to() -> None:
    url = "https://adtech.test:8443/.well-known/x"
    report = Report("id", ReportKind.EVENT_LEVEL, 0, CONTENTS[0], delivered_to=url, state=ReportState.SENT)
    assert report_members(report)["to"] == ("https://adtech.test:8443", url)
    assert report_members(Report("id", ReportKind.EVENT_LEVEL, 0, CONTENTS[0]))["to"] == ()


async def test_a_source_that_was_cleared_is_told_as_gone() -> None:
    async with an_agent() as agent:
        await register_source(agent)
        await agent.clear_reporting_origin("https://adtech.test")
        (candidate,) = await sources(agent)
        assert (candidate.members["stored"], candidate.members["event_id"]) == (False, "123")
        assert candidate.told.endswith("and gone since,")


async def test_what_a_kept_profile_has_without_its_event_is_there_all_the_same() -> None:
    async with an_agent() as agent:
        await register_source(agent)
        await save_impression(agent)
        stored = (await agent.state.sources(), await agent.state.impressions())
        assert [one.value for one in await sources(agent)] == stored[0]
        assert [one.value for one in await impressions(agent)] == stored[1]


async def test_each_contribution_of_a_batch_can_be_expected() -> None:
    async with an_agent() as agent:
        await batch(agent, "report-scheduled", (1369, 128), (7, 1))
        await batch(agent, "insufficient-budget")
        scheduled = await expect(agent).to_have_contribution(bucket="0x559", value=128, filtering_id=0)
        assert scheduled.id == 1
        refused = await expect(agent).to_have_contribution(
            verdict="insufficient-budget", reporting_origin="adtech.test"
        )
        assert refused.id == 2
        with pytest.raises(ExpectationError, match="value differs"):
            await expect(agent).to_have_contribution(bucket=1369, value=2, timeout=0.05)
