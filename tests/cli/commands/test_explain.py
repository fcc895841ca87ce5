from __future__ import annotations

import asyncio

import pytest

from agent.cli.commands.explain import explanation
from agent.cli.operations import event_document
from agent.model.attribution import CallContext, Dialect
from agent.model.events import Check, Event, Trace
from agent.runtime import Agent
from tests.cli.commands.conftest import CONVERSION
from tests.cli.conftest import Tallyhost


def test_last_is_the_last_decision_with_its_checks(tallyhost: Tallyhost, profile: str) -> None:
    event = tallyhost("explain", "last", "--profile", profile, "--json").document["event"]
    assert event["kind"] == "conversion"
    assert event["site"] == "shop.test"
    assert event["checks"]
    assert all(check["passed"] for check in event["checks"])


def test_a_number_names_an_event(tallyhost: Tallyhost, profile: str) -> None:
    event = tallyhost("explain", "1", "--profile", profile, "--json").document["event"]
    assert (event["id"], event["kind"], event["site"]) == (1, "impression", "news.test")


def test_a_report_s_id_names_the_conversion_that_made_it(tallyhost: Tallyhost, profile: str) -> None:
    (report,) = tallyhost("reports", "list", "--profile", profile, "--json").document["reports"]
    event = tallyhost("explain", report["id"], "--profile", profile, "--json").document["event"]
    assert event["id"] == report["event_id"]


def test_what_nothing_is_known_of_is_refused(tallyhost: Tallyhost, profile: str) -> None:
    for unknown in ("999", "zz", "9" * 40):
        run = tallyhost("explain", unknown, "--profile", profile)
        assert run.code == 2
        assert f"no event, job or report '{unknown}'" in run.err


def test_a_beginning_that_several_ids_have_is_refused_as_that(tallyhost: Tallyhost, profile: str) -> None:
    async def measure() -> None:
        async with Agent.open_profile(profile, seed=8) as agent:
            await agent.measure_conversion(Dialect.CURRENT, CallContext("shop.test"), CONVERSION)

    asyncio.run(measure())
    run = tallyhost("explain", "", "--profile", profile)
    assert run.code == 2
    assert "several reports have an id that begins with ''" in run.err


def test_in_a_fresh_profile_there_is_nothing_to_explain(tallyhost: Tallyhost, profile: str) -> None:
    tallyhost("state", "reset", "--profile", profile)
    run = tallyhost("explain", "last", "--profile", profile)
    assert run.code == 2
    assert "nothing was decided yet" in run.err


def test_a_failed_check_shows_where_it_stopped_and_the_way_out() -> None:
    checks = (
        Check("options", passed=True),
        Check("matching impressions", passed=False, detail="0 of 2", fix="save one for shop.test"),
    )
    event = Event("conversion", 1_767_603_600_000, "no-match", "nothing matched", "shop.test", {}, Trace(checks), 4)
    assert [line for line, _ in explanation(event_document(event))] == [
        "conversion 4  shop.test  2026-01-05T09:00:00+00:00  no-match",
        "  nothing matched",
        "  ok    options",
        "  FAIL  matching impressions  0 of 2",
        "  -------- stops here",
        "  fix   save one for shop.test",
    ]


def test_checks_that_fail_together_stop_after_the_last_of_them() -> None:
    checks = (
        Check("Attribution-Reporting-Register-Trigger filters", passed=False, detail="is the number 3"),
        Check("Attribution-Reporting-Register-Trigger debug_key", passed=False, detail="is the number 5", fix='"5"'),
    )
    event = Event("trigger-registration", 0, "header-parsing-error", "refused", "shop.test", {}, Trace(checks), 4)
    assert [line.split()[0] for line, _ in explanation(event_document(event))][2:] == [
        "FAIL",
        "FAIL",
        "--------",
        "fix",
    ]


@pytest.mark.parametrize("kind", ["response-field", "registration"])
async def test_last_may_be_a_response_that_was_not_acted_on(tallyhost: Tallyhost, profile: str, kind: str) -> None:
    ignored = Event(kind, 1_767_603_600_000, "ignored", "not by https", "news.test")
    async with Agent.open_profile(profile) as agent:
        await agent.note(ignored)
    run = await asyncio.to_thread(tallyhost, "explain", "last", "--profile", profile, "--json")
    assert (run.document["event"]["kind"], run.document["event"]["summary"]) == (kind, "not by https")
