from __future__ import annotations

import time
from typing import Any

import pytest
from aiohttp import ClientSession, web

from agent.expectations import ExpectationError
from agent.model.clock import DAY
from agent.model.errors import UsageError
from agent.model.reports import ReportKind, ReportState
from agent.pytest_support.reporting import open_reporting
from agent.runtime import Agent
from tests.expectations.agents import ADTECH, START, register_source, register_trigger
from tests.pytest_support.runs import a_reporting, a_run

EVENT_LEVEL = f"{ADTECH}/.well-known/attribution-reporting/report-event-attribution"
SUMMED: dict[str, Any] = {
    "aggregatable_trigger_data": [{"key_piece": "0x59", "source_keys": ["sale"]}],
    "aggregatable_values": {"sale": 52},
}


async def attributed(agent: Agent) -> None:
    """A source and a trigger: an event-level report two days later."""
    await register_source(agent)
    await register_trigger(agent)


async def asked(agent: Agent, path: str, **request: Any) -> tuple[int, str, str]:
    """Status, text and content type of what adtech.test answers at ``path``."""
    upstream = agent.hosts.resolve("https", "adtech.test", 443)
    method = request.pop("method", "GET")
    async with ClientSession() as session, session.request(method, f"{upstream}{path}", **request) as answer:
        return answer.status, await answer.text(), answer.content_type


async def test_what_the_agent_sends_is_recorded_and_can_be_expected() -> None:
    async with a_reporting() as (running, reporting):
        await attributed(running.agent)
        assert reporting.received == []
        report = await reporting.expect_event_level(trigger_data=3, event_id=123, advance="2d")
        assert reporting.received == [report]
        assert (report.url, report.received, report.source_type) == (EVENT_LEVEL, START + 2 * DAY, "navigation")
        assert report.body["attribution_destination"] == "https://shop.test"


async def test_an_aggregatable_report_is_opened() -> None:
    async with a_reporting() as (running, reporting):
        await register_source(running.agent, aggregation_keys={"sale": "0x500"})
        await register_trigger(running.agent, **SUMMED)
        report = await reporting.expect_aggregatable(bucket=0x559, value=52, advance="1h")
        assert report.kind is ReportKind.AGGREGATABLE
        assert report.reporting_origin == ADTECH, "a member of shared_info"


async def test_reports_of_another_kind_do_not_count() -> None:
    async with a_reporting() as (running, reporting):
        await attributed(running.agent)
        await reporting.expect_event_level(count=1, advance="2d")
        with pytest.raises(ExpectationError, match=r"adtech\.test received none"):
            await reporting.expect_aggregatable(timeout=0.05)
        with pytest.raises(ExpectationError, match=r"expected 2 event-level reports at adtech\.test"):
            await reporting.expect_event_level(count=2, timeout=0.05)
        with pytest.raises(UsageError, match="gets no event reports"):
            await reporting.expect_report("event")


async def test_a_failure_names_the_nearest_that_was_received_and_explains_it() -> None:
    async with a_reporting() as (running, reporting):
        await attributed(running.agent)
        with pytest.raises(ExpectationError, match=r"trigger_data  is 3, wanted 2") as failed:
            await reporting.expect_event_level(trigger_data=2, advance="2d", timeout=0.05)
        assert failed.value.explanation is not None
        assert failed.value.explanation.kind == "report"


async def test_a_failure_tells_of_the_agents_own_report_that_has_not_left() -> None:
    async with a_reporting() as (running, reporting):
        await attributed(running.agent)
        with pytest.raises(ExpectationError, match=r"the agent has the event-level report .*, pending") as failed:
            await reporting.expect_event_level(timeout=0.05)
        assert "it is due at 2026-01-07T09:00:00" in str(failed.value)


async def test_a_failure_tells_of_the_trigger_that_made_no_report() -> None:
    async with a_reporting() as (running, reporting):
        await register_trigger(running.agent)
        with pytest.raises(ExpectationError, match=r"the last decision was .*trigger-no-matching-source") as failed:
            await reporting.expect_event_level(timeout=0.05)
        assert "FAIL  matching source" in str(failed.value)
        assert "fix   register a source" in str(failed.value)


async def test_a_report_that_the_agent_never_made_is_told_without_an_explanation() -> None:
    async with a_reporting() as (running, reporting):
        posted = {"attribution_destination": "https://shop.test", "source_event_id": "1", "trigger_data": "0",
                  "report_id": "00000000-0000-4000-8000-000000000000", "source_type": "event",
                  "randomized_trigger_rate": 0.1, "scheduled_report_time": "1"}  # fmt: skip
        answer = await asked(running.agent, EVENT_LEVEL.removeprefix(ADTECH), method="POST", json=posted)
        assert answer[0] == 200
        with pytest.raises(ExpectationError, match="trigger_data differs") as failed:
            await reporting.expect_event_level(trigger_data=2, timeout=0.05)
        assert failed.value.explanation is None


async def test_none_is_expected_of_the_agent() -> None:
    async with a_reporting() as (_, reporting):
        with pytest.raises(UsageError, match="not_to_have_report"):
            await reporting.expect_event_level(count=0)


async def test_a_member_that_is_none_is_refused_at_once() -> None:
    async with a_reporting() as (_, reporting):
        with pytest.raises(UsageError, match="have no member 'triger_data'"):
            await reporting.expect_event_level(triger_data=2, timeout=3600)


async def test_it_fails_as_often_as_it_is_told_and_keeps_nothing_of_that() -> None:
    async with a_reporting() as (running, reporting):
        await attributed(running.agent)
        reporting.fail(status=500, times=1)
        await running.agent.clock.advance("30d")
        assert (reporting.received, reporting.refused) == ([], [(EVENT_LEVEL, 500)])
        (report,) = await running.agent.reports.all()
        assert report.state is ReportState.FAILED, "Chromium does not send again what a server refused"


async def test_a_reset_is_the_networks_failure_after_which_the_report_comes_again() -> None:
    async with a_reporting() as (running, reporting):
        await attributed(running.agent)
        reporting.reset(times=2)
        await reporting.expect_event_level(advance="3d")
        assert reporting.refused == [(EVENT_LEVEL, 0)] * 2


async def test_troubles_follow_one_another_until_it_recovers() -> None:
    async with a_reporting() as (running, reporting):
        await attributed(running.agent)
        reporting.reset(times=1)
        reporting.reset()
        reporting.recover()
        await reporting.expect_event_level(advance="2d")
        assert reporting.refused == []


async def test_it_stalls_in_real_time() -> None:
    async with a_reporting() as (running, reporting):
        await attributed(running.agent)
        reporting.stall(0.3, times=1)
        begun = time.monotonic()
        await reporting.expect_event_level(advance="2d")
        assert time.monotonic() - begun >= 0.3


async def test_what_is_no_report_is_refused_as_a_collector_does() -> None:
    async with a_reporting() as (running, reporting):
        path = EVENT_LEVEL.removeprefix(ADTECH)
        status, _, _ = await asked(running.agent, path, method="POST", data=b"not JSON")
        assert (status, reporting.received, reporting.refused) == (400, [], [(EVENT_LEVEL, 400)])


async def test_it_answers_registrations_where_it_is_told() -> None:
    async with a_reporting() as (running, reporting):
        assert reporting.source(destination="https://shop.test") == f"{ADTECH}/source"
        assert reporting.trigger("/buy", event_trigger_data=[]) == f"{ADTECH}/buy"
        reporting.serve("/hello", text="<p>hello", headers={"X-Text": "as it is"}, status=201)
        assert await asked(running.agent, "/hello") == (201, "<p>hello", "text/html")
        upstream = running.agent.hosts.resolve("https", "adtech.test", 443)
        async with ClientSession() as session, session.get(f"{upstream}/source") as answer:
            assert answer.headers["Attribution-Reporting-Register-Source"] == '{"destination": "https://shop.test"}'
        assert (await asked(running.agent, "/nothing"))[0] == 404
        with pytest.raises(UsageError, match="begins with /"):
            reporting.serve("source")


async def test_everything_else_is_answered_by_what_sites_serve_at_its_host() -> None:
    async def answer(request: web.Request) -> web.Response:
        text = f"{request.method} {request.path_qs} {await request.text()}"
        return web.Response(text=text, content_type="text/plain", status=203)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with a_run() as (running, sites), open_reporting(running, sites, ADTECH):
        sites.serve("adtech.test", app)
        got = await asked(running.agent, "/a%20b?c=d", method="POST", data="body")
        assert got == (203, "POST /a%20b?c=d body", "text/plain")


async def test_a_server_behind_it_that_is_gone_is_a_502() -> None:
    async with a_run() as (running, sites), open_reporting(running, sites, ADTECH):
        sites.serve("adtech.test", "http://127.0.0.1:1")
        assert (await asked(running.agent, "/"))[0] == 502


async def test_only_an_https_origin_is_one() -> None:
    async with a_run() as (running, sites):
        for origin in ("adtech.test", "http://adtech.test", "https://adtech.test/"):
            with pytest.raises(UsageError, match="no https origin"):
                async with open_reporting(running, sites, origin):
                    raise AssertionError("it was opened")


async def test_two_origins_record_side_by_side() -> None:
    async with a_run() as (running, sites):
        other = "https://other.test"
        async with open_reporting(running, sites, ADTECH) as first, open_reporting(running, sites, other) as second:
            await attributed(running.agent)
            await first.expect_event_level(advance="2d")
            assert second.received == []


async def test_trouble_for_no_report_is_refused() -> None:
    async with a_reporting() as (_, reporting):
        with pytest.raises(UsageError, match="0 reports cannot be troubled"):
            reporting.fail(times=0)
        with pytest.raises(UsageError, match="-1 reports cannot be troubled"):
            reporting.stall(1, times=-1)
