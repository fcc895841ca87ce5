from __future__ import annotations

import asyncio

import pytest

from agent.model.attribution import CallContext, Dialect
from agent.model.events import Event
from agent.reporting.explanation import explanation_lines, explanation_of
from agent.runtime import Agent
from tests.cli.commands.conftest import CONVERSION
from tests.cli.conftest import Tallyhost


def test_last_is_the_last_decision_with_its_checks(tallyhost: Tallyhost, profile: str) -> None:
    event = tallyhost("explain", "last", "--profile", profile, "--json").document["explanation"]
    assert event["kind"] == "conversion"
    assert event["site"] == "shop.test"
    assert event["checks"]
    assert all(check["passed"] for check in event["checks"])


def test_a_number_names_an_event(tallyhost: Tallyhost, profile: str) -> None:
    event = tallyhost("explain", "1", "--profile", profile, "--json").document["explanation"]
    assert (event["event_id"], event["kind"], event["site"]) == (1, "impression", "news.test")


def test_a_report_s_id_names_the_report_over_the_conversion_that_made_it(tallyhost: Tallyhost, profile: str) -> None:
    (report,) = tallyhost("reports", "list", "--profile", profile, "--json").document["reports"]
    explained = tallyhost("explain", report["id"], "--profile", profile, "--json").document["explanation"]
    assert (explained["kind"], explained["report_id"], explained["verdict"]) == ("report", report["id"], "returned")
    (decision,) = explained["children"]
    assert (decision["kind"], decision["event_id"]) == ("conversion", report["event_id"])


def test_a_person_is_shown_the_same_tree(tallyhost: Tallyhost, profile: str) -> None:
    document = tallyhost("explain", "last", "--profile", profile, "--json").document["explanation"]
    lines = [line for line, _ in explanation_lines(explanation_of(document))]
    assert tallyhost("explain", "last", "--profile", profile).out.splitlines() == lines
    assert (lines[0][:33], lines[0][-10:]) == ("conversion (event 2)  shop.test  ", "attributed")
    assert any(line.startswith("  impression 1 (event 1)  news.test  ") for line in lines)
    assert any(line.startswith("  conversion report ") and line.endswith("  returned") for line in lines)


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


@pytest.mark.parametrize("kind", ["response-field", "registration"])
async def test_last_may_be_a_response_that_was_not_acted_on(tallyhost: Tallyhost, profile: str, kind: str) -> None:
    ignored = Event(kind, 1_767_603_600_000, "ignored", "not by https", "news.test")
    async with Agent.open_profile(profile) as agent:
        await agent.note(ignored)
    run = await asyncio.to_thread(tallyhost, "explain", "last", "--profile", profile, "--json")
    assert (run.document["explanation"]["kind"], run.document["explanation"]["summary"]) == (kind, "not by https")


def test_text_of_a_page_that_no_encoding_has_is_an_escape_in_json(tallyhost: Tallyhost, profile: str) -> None:
    options = {"histogramIndex": 1, "conversionSites": ["\ud800"]}

    async def save() -> None:
        async with Agent.open_profile(profile, seed=8) as agent:
            assert await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), options) is not None

    asyncio.run(save())
    run = tallyhost("explain", "last", "--profile", profile, "--json")
    assert run.document["explanation"]["data"]["options"] == options
    assert tallyhost("explain", "last", "--profile", profile).code == 0
