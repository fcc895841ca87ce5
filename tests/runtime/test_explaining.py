"""What `agent.explain` shows of decisions, reports, attempts and jobs, and how little it reads for that."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from agent.aggregation.outcome import AggregationResult
from agent.engines.aggregation.budget_units import budget_units
from agent.engines.aggregation.shared_info import parse_shared_info
from agent.model.aggregation import AGGREGATION_JOB, StoredJob
from agent.model.attribution_reporting.eligibility import (
    REGISTER_SOURCE,
    REGISTER_TRIGGER,
    Eligibility,
    RegistrationResponse,
)
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.clock import DAY, MINUTE, Clock
from agent.model.errors import UsageError
from agent.model.events import Event
from agent.model.explanation import Explanation
from agent.model.private_aggregation import Batch
from agent.model.protected_audience import AudienceEvent
from agent.model.reports import Report, ReportKind
from agent.model.settings import Settings
from agent.model.shared_storage import StorageEvent
from agent.runtime import Agent
from agent.verbs.private_aggregation import complete, rules_of
from tests.cli.commands.conftest import live
from tests.engines.private_aggregation.contributing import CONTEXT, ORIGIN, batch
from tests.storage.plans import scans, steps

START = 1_767_603_600_000
KEYS = {"aggregation_keys": {"a": "0x1"}}
HISTOGRAM = {
    "aggregatable_trigger_data": [{"key_piece": "0x2", "source_keys": ["a"]}],
    "aggregatable_values": {"a": 40_000},
}
EVENT = {"event_trigger_data": [{"trigger_data": "1"}]}


@pytest_asyncio.fixture
async def agent() -> AsyncIterator[Agent]:
    async with Agent.open_profile(":memory:", seed=1, clock=Clock.frozen(START)) as opened:
        yield opened


async def register(agent: Agent, page: str, eligibility: Eligibility, field: str, header: dict[str, Any]) -> None:
    value = json.dumps(header).encode()
    await agent.register(RegistrationResponse(page, "https://adtech.test/r", eligibility, {field: value}))


async def source(agent: Agent, **header: Any) -> None:
    header = {"destination": "https://shop.test", **KEYS, **header}
    await register(agent, "https://news.test", Eligibility.NAVIGATION_SOURCE, REGISTER_SOURCE, header)


async def trigger(agent: Agent, **header: Any) -> None:
    await register(agent, "https://shop.test", Eligibility.UNSET, REGISTER_TRIGGER, header or {**EVENT, **HISTOGRAM})


async def contribute(agent: Agent, of: Batch, auction: int | None = None) -> None:
    rules = rules_of(agent.settings, agent.rng, enabled=True)
    await agent._database.transact("complete", lambda c: complete(c, of, rules, now=agent.clock.now(), auction=auction))


def shape(node: Explanation) -> Any:
    """Titles as a tree: an id at the end of one is left out."""
    return {node.title: [shape(child) for child in node.children]} if node.children else node.title


async def report_of(agent: Agent, kind: ReportKind) -> Report:
    return next(iter(await agent.reports.all(kind=kind)))


async def test_a_trigger_stands_over_its_source_and_its_reports(agent: Agent) -> None:
    await source(agent)
    await trigger(agent)
    node = await agent.explain("last")
    assert shape(node) == {"trigger": ["source 1", "event-level report", "aggregatable report"]}
    assert (node.verdict, node.outcome, node.stopped_at) == ("stored", "2 reports", None)
    reports = node.children[1:]
    assert [report.verdict for report in reports] == ["pending", "pending"]
    assert "in 2d" in reports[0].checks[0].detail
    assert "tallyhost time next" in reports[0].checks[0].detail


async def test_a_trigger_without_a_report_says_where_it_stopped(agent: Agent) -> None:
    await source(agent, filter_data={"campaign": ["21"]})
    await trigger(agent, **EVENT, filters={"campaign": ["12"]})
    node = await agent.explain("last")
    assert (node.outcome, shape(node)) == ("NO REPORT", {"trigger": ["source 1"]})
    assert node.stopped_at is not None
    stopped = node.checks[node.stopped_at]
    assert stopped.rule == "filters"
    assert '["21"]' in stopped.detail
    assert '["12"]' in stopped.detail


@pytest.mark.parametrize("named", [{}, {"ads": 1000}])
async def test_a_smaller_value_is_no_way_out_of_an_empty_budget(agent: Agent, named: dict[str, int]) -> None:
    await source(agent, named_budgets=named)
    spent = 1000 if named else 65_536
    asked = {**HISTOGRAM, "aggregatable_values": {"a": spent}, "named_budgets": [{"name": name} for name in named]}
    await trigger(agent, **asked)
    await trigger(agent, **{**asked, "aggregatable_values": {"a": 1}})
    node = await agent.explain("last")
    assert node.stopped_at is not None
    assert node.checks[node.stopped_at].detail.endswith("0 left, 1 wanted: 1 too many")
    assert "contribute at most" not in node.checks[node.stopped_at].fix


async def test_a_report_stands_over_the_decision_that_made_it_and_over_its_attempts(agent: Agent) -> None:
    agent.map("adtech.test", "http://127.0.0.1:9")  # nothing listens there
    await source(agent)
    await trigger(agent, **EVENT)
    await agent.clock.advance(2 * DAY)
    await agent.clock.advance(5 * MINUTE)
    report = await report_of(agent, ReportKind.EVENT_LEVEL)
    node = await agent.explain(report.id[:8])
    assert (node.kind, node.title, node.report_id) == ("report", "event-level report", report.id)
    decision, *attempts = node.children
    assert shape(decision) == {"trigger": ["source 1"]}, "without its other reports"
    assert [(one.title, one.verdict) for one in attempts] == [("attempt 1", "failed")]
    assert all(check.fix for check in attempts[0].checks if not check.passed)
    assert not node.checks[0].passed
    assert "1 attempt, the last:" in node.checks[0].detail


async def test_an_attempt_stands_over_its_report(agent: Agent) -> None:
    await source(agent)
    await trigger(agent, **EVENT)
    await agent.clock.advance(2 * DAY)
    last = await agent.events.last("report.not-sent")
    assert last is not None
    node = await agent.explain(str(last.id))
    assert shape(node) == {"attempt": [{"event-level report": [{"trigger": ["source 1"]}]}]}
    assert node.stopped_at == 0
    assert "--map" in node.checks[0].fix


async def test_a_conversion_stands_over_the_impressions_it_credits_and_its_report(agent: Agent) -> None:
    await live(agent)
    assert shape(await agent.explain("last")) == {"conversion": ["impression 1", "conversion report"]}
    report = await report_of(agent, ReportKind.ATTRIBUTION_CONVERSION)
    assert shape(await agent.explain(report.id)) == {"conversion report": [{"conversion": ["impression 1"]}]}


async def test_a_conversion_report_that_was_aggregated_stands_over_its_batch() -> None:
    settings = Settings(minimum_batch=1)
    async with Agent.open_profile(":memory:", seed=1, clock=Clock.frozen(START), settings=settings) as agent:
        await live(agent)
        report = await report_of(agent, ReportKind.ATTRIBUTION_CONVERSION)
        assert isinstance(await agent.aggregate([report.body], epsilon=0.5), AggregationResult)
        node = (await agent.explain(report.id)).children[-1]
        assert (node.verdict, node.summary) == ("aggregated", "1 report for epsilon 0.5: each counts once")


async def test_a_sealed_report_stands_over_the_job_that_spent_its_budget_unit(agent: Agent) -> None:
    agent.map("adtech.test", web.Application())
    await source(agent)
    await trigger(agent, **HISTOGRAM)
    await agent.clock.advance(DAY)
    report = await report_of(agent, ReportKind.AGGREGATABLE)
    info = parse_shared_info(json.loads(report.body)["shared_info"])
    assert info is not None
    await agent.aggregation.ledger.begin(StoredJob("monday", {}, START))
    spent = dict.fromkeys(budget_units(info, frozenset({0})), 1)
    await agent.aggregation.ledger.settle("monday", spent, {}, now=START)
    node = await agent.explain(f"report:{report.id}")
    assert node.children[-1].title == "aggregation job monday"
    assert shape(await agent.explain("job:monday")) == "aggregation job monday"


async def test_a_job_without_budget_stands_over_those_that_had_spent_it(agent: Agent) -> None:
    ledger = agent.aggregation.ledger
    await ledger.begin(StoredJob("monday", {}, START))
    units = [{"job_request_id": "monday"}, {"job_request_id": "monday"}, {"job_request_id": "forgotten"}]
    await agent.note(Event(AGGREGATION_JOB, START, "PRIVACY_BUDGET_EXHAUSTED", "no budget", data={"exhausted": units}))
    assert shape(await agent.explain("last")) == {"aggregation job": ["aggregation job monday"]}


async def test_contributions_stand_over_their_report(agent: Agent) -> None:
    await contribute(agent, batch((1, 128)))
    node = await agent.explain("last")
    assert (shape(node), node.outcome) == ({"contributions": ["private-aggregation report"]}, "1 report")
    await contribute(agent, batch(config=CONTEXT))
    node = await agent.explain("last")
    assert (shape(node), node.outcome) == ({"contributions": ["null private-aggregation report"]}, "null report")


async def test_contributions_and_the_operation_that_made_them_name_one_another(agent: Agent) -> None:
    ended = Event(StorageEvent.RUN, START, "finished", "operation finished", "news.test", {"origin": ORIGIN})
    await contribute(agent, batch((1, 128)))
    await contribute(agent, batch((2, 128)))
    for data in ({"batch": 1}, {"batch": 2}, {}):  # two operations of one origin end together, and one without any
        await agent.note(replace(ended, data={**ended.data, **data}))
    report = "private-aggregation report"
    assert shape(await agent.explain("last")) == "shared-storage.run", "another operation, which contributed nothing"
    for run, of in ((3, 1), (4, 2)):
        assert shape(await agent.explain(str(run))) == {"shared-storage.run": [{"contributions": [report]}]}
        assert (await agent.explain(str(run))).children[0].event_id == of
        assert shape(await agent.explain(str(of))) == {"contributions": ["shared-storage.run", report]}
        assert (await agent.explain(str(of))).children[0].event_id == run


async def test_contributions_of_a_selection_and_the_selection_name_one_another(agent: Agent) -> None:
    await contribute(agent, batch((1, 128)))
    data = {"origin": ORIGIN, "batch": 1}
    await agent.note(Event(StorageEvent.SELECT_URL, START, "selected", "selectURL", "news.test", data))
    report = "private-aggregation report"
    assert shape(await agent.explain("last")) == {"contributions": ["shared-storage.select-url", report]}
    assert shape(await agent.explain("2")) == {"shared-storage.select-url": [{"contributions": [report]}]}


async def test_an_auction_stands_over_its_batches_and_each_batch_over_its_auction(agent: Agent) -> None:
    for _ in range(2):
        await agent.note(Event(AudienceEvent.AUCTION, START, "won", "auction of https://seller.test", "news.test"))
    await contribute(agent, batch((1, 128)), auction=2)
    await contribute(agent, batch((2, 128)), auction=1)
    await contribute(agent, batch((3, 128)), auction=2)
    auction, report = AudienceEvent.AUCTION.value, "private-aggregation report"
    made = await agent.explain("event:2")
    assert shape(made) == {auction: [{"contributions": [report]}] * 2}
    assert [child.event_id for child in made.children] == [3, 5]
    assert [child.event_id for child in (await agent.explain("event:1")).children] == [4]
    node = await agent.explain("last")
    assert shape(node) == {"contributions": [auction, report]}
    assert (node.event_id, node.children[0].event_id) == (5, 2)


async def test_a_report_that_another_replaced_is_told_as_removed(agent: Agent) -> None:
    await source(agent, max_event_level_reports=1)
    await trigger(agent, event_trigger_data=[{"priority": "1"}])
    await trigger(agent, event_trigger_data=[{"priority": "2"}])
    node = await agent.explain("2")
    assert [(child.title, child.verdict) for child in node.children[1:]] == [("event-level report", "removed")]
    assert node.children[1].checks[0].fix


async def test_a_report_that_nothing_can_replace_was_cleared_where_it_is_gone(agent: Agent) -> None:
    await source(agent)
    await trigger(agent, **HISTOGRAM)
    await agent.clear_reporting_origin("https://adtech.test")
    (_, removed) = (await agent.explain("2")).children
    assert (removed.title, removed.verdict) == ("aggregatable report", "removed")
    assert removed.checks[0].detail == "what its sites or its source stored was cleared"


async def test_a_report_that_waits_for_its_coordinators_host_names_that_host() -> None:
    limits = AttributionReportingLimits(aggregation_coordinator_origins=("https://coordinator.test",))
    settings = Settings(attribution_reporting_limits=limits)
    async with Agent.open_profile(":memory:", seed=1, clock=Clock.frozen(START), settings=settings) as agent:
        agent.map("adtech.test", web.Application())
        await source(agent)
        await trigger(agent, **HISTOGRAM)
        await agent.clock.advance(DAY)
        report = await report_of(agent, ReportKind.AGGREGATABLE)
        (check,) = (await agent.explain(report.id)).checks
    assert check.detail.startswith("not sent: host not mapped (coordinator.test), and nothing leaves")


async def test_a_report_that_the_owner_dropped_is_told_as_that(agent: Agent) -> None:
    await source(agent)
    await trigger(agent, **EVENT)
    report = await report_of(agent, ReportKind.EVENT_LEVEL)
    await agent.reports.drop(report.id)
    removed = (await agent.explain("2")).children[1]
    assert (removed.verdict, removed.checks[0].detail) == ("removed", "the profile's owner dropped it")
    assert shape(removed) == {"event-level report": ["dropped by the owner"]}


async def test_what_is_no_event_job_or_report_is_refused(agent: Agent) -> None:
    for unknown in ("9", "zz", "9" * 40, "event:1", "job:none", "report:0", "report:", ":"):
        with pytest.raises(UsageError, match="no event, job or report"):
            await agent.explain(unknown)
    with pytest.raises(UsageError, match="nothing was decided yet"):
        await agent.explain("last")


@pytest.mark.parametrize("wanted", ["last", "event:1", "2", "report"])
async def test_it_is_one_transaction_that_seeks_what_it_reads(
    agent: Agent, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.map("adtech.test", web.Application())
    await live(agent)
    await source(agent)
    await trigger(agent)
    await agent.clock.advance(DAY)
    report = await report_of(agent, ReportKind.AGGREGATABLE)
    wanted = f"report:{report.id}" if wanted == "report" else wanted
    transact, plans = agent._database.transact, []

    async def spied(name: str, work: Callable[[sqlite3.Connection], Any]) -> Any:
        plans.append(await transact(name, lambda c: steps(c, work)))
        return await transact(name, work)

    monkeypatch.setattr(agent._database, "transact", spied)
    await agent.explain(wanted)
    (plan,) = plans
    # The ledger of jobs is asked for a list of units, which is read and sorted.
    asked = sum(step.startswith("SCAN asked") for step in plan)
    assert len(scans(plan)) == 2 * asked
    assert asked == (wanted == "last" or wanted.startswith("report:"))
