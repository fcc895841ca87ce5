"""A recorded run plays again: its story gives the reports that the agent made, and says so when it does not."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agent.journeys.story import StoryError, StoryResult
from agent.journeys.story_files import run_file, story_files
from agent.model.attribution import CallContext, Dialect
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.clock import Clock
from agent.model.events import Event
from agent.model.limits import AttributionLimits
from agent.model.reports import ReportKind
from agent.model.settings import Settings
from agent.reporting.bundle_files import write_whole_bundle
from agent.runtime import Agent
from agent.runtime.local_testing import set_local_testing_mode
from tests.reporting.recorded_run import (
    CONVERSION,
    NEWS,
    SHOP,
    SOURCE,
    attribute,
    convert,
    refused,
    source_response,
    trigger_response,
)

Live = Callable[[Agent], Awaitable[None]]
NOISY = AttributionReportingLimits(null_report_rate_include=0.5)
"""Every other day has a null report."""


async def recorded(
    path: Path, live: Live, *, seed: int | None = 7, settings: Settings | None = None
) -> tuple[list[str], list[Any]]:
    """The bundle of a run at ``path``: its notes, and the reports that the agent made."""
    settings = settings or Settings()
    async with Agent.open_profile(":memory:", seed=seed, clock=Clock.frozen(), settings=settings) as agent:
        await live(agent)
        return await write_whole_bundle(agent, path), await agent.reports.all()


def played(path: Path) -> list[StoryResult]:
    return list(run_file(str(path)))


def mismatches(path: Path) -> list[str]:
    return [str(mismatch) for result in played(path) for mismatch in result.mismatches]


async def everything(agent: Agent) -> None:
    """All that stories know of."""
    await attribute(agent, 3)
    await convert(agent)
    await refused(agent)
    await agent.clock.advance("40d")


@pytest.mark.parametrize("seed", [7, None])
async def test_a_run_gives_the_same_reports_again_with_a_seed_or_without(tmp_path: Path, seed: int | None) -> None:
    notes, reports = await recorded(tmp_path / "run", everything, seed=seed)
    assert notes == []
    w3c, attribution = played(tmp_path / "run")
    assert [w3c.mismatches, attribution.mismatches] == [[], []]
    conversions = [one for one in reports if one.kind is ReportKind.ATTRIBUTION_CONVERSION]
    assert [list(one.content.histogram) for one in conversions] == [
        one["histogram"] for one in w3c.results if isinstance(one, dict) and "histogram" in one
    ]
    assert len(attribution.results) == len(reports) - len(conversions)


async def test_the_reports_have_the_ids_of_the_run(tmp_path: Path) -> None:
    _, reports = await recorded(tmp_path / "run", attribute, seed=None)
    (result,) = played(tmp_path / "run")
    again = {
        one["payload"].get("report_id") or one["payload"]["shared_info"]["report_id"]
        for one in result.results
        if "/debug/" not in one["report_url"]
    }
    assert again == {one.id for one in reports if one.kind in (ReportKind.EVENT_LEVEL, ReportKind.AGGREGATABLE)}
    assert len(again) > 1


@pytest.mark.parametrize("seed", range(4))
async def test_what_chance_decided_is_decided_again(tmp_path: Path, seed: int) -> None:
    settings = Settings(attribution_reporting_limits=replace(NOISY, aggregatable_report_delay_span=3_600_000))

    async def live(agent: Agent) -> None:
        for _ in range(5):
            await agent.register(source_response({**SOURCE, "event_level_epsilon": 0}))  # all of it is drawn
        await attribute(agent, 5)

    _, reports = await recorded(tmp_path / "run", live, seed=seed, settings=settings)
    assert sum(one.kind is ReportKind.AGGREGATABLE for one in reports) > 20  # five real ones, and null reports
    assert mismatches(tmp_path / "run") == []


async def test_the_limits_of_the_run_apply(tmp_path: Path) -> None:
    limits = AttributionLimits(per_site_privacy_budget=300_000, max_lookback_days=2)
    reporting = AttributionReportingLimits(
        aggregatable_budget_per_source=99, aggregatable_report_min_delay=1234, max_settable_event_level_epsilon=7.5
    )
    await recorded(
        tmp_path / "run", everything, settings=Settings(limits=limits, attribution_reporting_limits=reporting)
    )
    assert mismatches(tmp_path / "run") == []


async def test_limits_that_changed_during_the_run_change_again(tmp_path: Path) -> None:
    async with Agent.open_profile(tmp_path / "profile", seed=7, clock=Clock.frozen()) as agent:
        await attribute(agent)
        set_local_testing_mode(agent, enabled=True)
        await attribute(agent)
        set_local_testing_mode(agent, enabled=False)
        await convert(agent)
    tight = Settings(limits=AttributionLimits(max_credit_size=1))
    async with Agent.open_profile(tmp_path / "profile", seed=7, clock=Clock.frozen(), settings=tight) as agent:
        context = CallContext("shop.test")
        assert not isinstance(
            await agent.measure_conversion(Dialect.CURRENT, context, {**CONVERSION, "credit": [1, 1]}), bytes
        )
        await write_whole_bundle(agent, tmp_path / "run")
    assert mismatches(tmp_path / "run") == []


@pytest.mark.parametrize("what", ["site", "data", "history", "origin", "impressions"])
async def test_what_was_cleared_is_cleared_again(tmp_path: Path, what: str) -> None:
    async def live(agent: Agent) -> None:
        await attribute(agent)
        options = {"histogramIndex": 3}
        await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), options)
        match what:
            case "site":
                await agent.state.clear(site="shop.test")
            case "data":
                await agent.state.clear(site="adtech.test", keep_history=True)
                await agent.state.clear(site="shop.test", keep_history=True)
            case "history":
                await agent.state.clear_history()
            case "origin":
                await agent.clear_reporting_origin("https://adtech.test")
            case "impressions":
                await agent.clear_impressions_for_site("news.test")
        await agent.register(trigger_response())
        await agent.clock.advance("1d")
        await agent.measure_conversion(Dialect.CURRENT, CallContext("shop.test"), CONVERSION)

    await recorded(tmp_path / "run", live)
    assert mismatches(tmp_path / "run") == []


async def test_a_report_that_was_dropped_does_not_come_again(tmp_path: Path) -> None:
    async def live(agent: Agent) -> None:
        await attribute(agent)
        waiting = [one for one in await agent.reports.all() if one.kind is ReportKind.EVENT_LEVEL]
        await agent.reports.drop(waiting[0].id)

    await recorded(tmp_path / "run", live)
    assert mismatches(tmp_path / "run") == []


async def test_debug_reports_that_were_dropped_do_not_come_again(tmp_path: Path) -> None:
    kinds: set[ReportKind] = set()

    async def live(agent: Agent) -> None:
        verbose = source_response({**SOURCE, "debug_reporting": True}, debug_permission=True, navigation="a click")
        await agent.register(verbose)
        await agent.register(trigger_response(debug_permission=True))
        for report in await agent.reports.all():
            if report.kind.attempted_once:
                await agent.reports.drop(report.id)
                kinds.add(report.kind)

    await recorded(tmp_path / "run", live, seed=None)
    assert kinds >= {ReportKind.EVENT_LEVEL_DEBUG, ReportKind.AGGREGATABLE_DEBUG, ReportKind.VERBOSE_DEBUG}
    assert mismatches(tmp_path / "run") == []


@pytest.mark.parametrize("all_at_once", [False, True])
@pytest.mark.parametrize("gone", ["dropped", "sent", "sent, then dropped", "sent to nobody"])
async def test_a_report_that_its_owner_took_out_of_the_queue_gives_its_place_to_none(
    tmp_path: Path, gone: str, all_at_once: bool
) -> None:
    async def take(_: web.Request) -> web.Response:
        return web.Response()

    collector = web.Application()
    collector.router.add_post("/{path:.*}", take)

    async def live(agent: Agent) -> None:
        if gone != "sent to nobody":
            agent.hosts.map("adtech.test", collector)
        await agent.register(source_response({"destination": "https://shop.test", "max_event_level_reports": 1}))
        await agent.register(trigger_response({"event_trigger_data": [{"priority": "1"}]}))
        (waiting,) = await agent.reports.all()
        if "sent" in gone:
            await (agent.reports.send_pending() if all_at_once else agent.reports.send(waiting.id))
        if "dropped" in gone:
            await agent.reports.drop(waiting.id)
        # Of one that waits it would take the place.
        await agent.register(trigger_response({"event_trigger_data": [{"priority": "2"}]}))

    _, reports = await recorded(tmp_path / "run", live)
    assert len(reports) == ("dropped" not in gone)
    assert mismatches(tmp_path / "run") == []


async def test_a_run_of_an_opted_out_user_gives_its_empty_reports_again(tmp_path: Path) -> None:
    async with Agent._opened(
        ":memory:", settings=Settings(), seed=7, clock=Clock.frozen(), enabled=False, keys=None
    ) as agent:
        options = {"histogramIndex": 3}
        await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), options)
        report = await agent.measure_conversion(Dialect.CURRENT, CallContext("shop.test"), CONVERSION)
        assert isinstance(report, bytes)
        await write_whole_bundle(agent, tmp_path / "run")
    (result,) = played(tmp_path / "run")
    assert result.mismatches == []
    assert result.results[-1]["histogram"] == [0] * 8


async def test_a_zip_plays_like_its_folder(tmp_path: Path) -> None:
    await recorded(tmp_path / "run.zip", everything)
    assert mismatches(tmp_path / "run.zip") == []
    assert len(played(tmp_path / "run.zip")) == 2


async def test_what_no_story_plays_is_named(tmp_path: Path) -> None:
    async def live(agent: Agent) -> None:
        await agent.note(Event("protected-audience.auction", agent.clock.now(), "no-winner", "an auction"))
        await agent.note(Event("shared-storage.run", agent.clock.now(), "done", "an operation"))
        await agent.note(Event("shared-storage.run", agent.clock.now(), "done", "an operation"))

    notes, _ = await recorded(tmp_path / "run", live)
    assert notes == [
        "2 events of Shared Storage and its worklets not played: they need a browser, or a service",
        "1 event of Protected Audience and its auctions not played: they need a browser, or a service",
    ]
    (result,) = played(tmp_path / "run")
    assert list(result.notes) == notes


async def test_a_field_that_was_not_kept_whole_is_named_and_not_played(tmp_path: Path) -> None:
    async def live(agent: Agent) -> None:
        long = {"destination": SHOP, "filter_data": {"x": ["y" * 70_000]}}
        await agent.register(trigger_response(long))
        await agent.register(trigger_response())

    notes, _ = await recorded(tmp_path / "run", live)
    assert notes == [
        "event 1 is not played: its Attribution-Reporting-Register-Trigger was too long to be kept, or is no UTF-8"
    ]
    assert mismatches(tmp_path / "run") == []


async def test_a_story_whose_reports_were_others_fails(tmp_path: Path) -> None:
    await recorded(tmp_path / "run", everything)
    file = tmp_path / "run" / "story.json"
    story = json.loads(file.read_text())
    w3c, attribution = story["stories"]
    for event in w3c["events"]:
        if event["event"] == "saveImpression":
            event["options"]["histogramIndex"] += 1
    attribution["output"]["reports"].pop()
    file.write_text(json.dumps(story))
    first, second = played(tmp_path / "run")
    assert [mismatch.event for mismatch in first.mismatches] == [3, 4]
    assert [str(one).partition(":")[0] for one in second.mismatches] == ["not expected"]


async def test_a_folder_of_stories_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "story.json").write_text("{}")
    assert story_files(str(tmp_path)) == [str(tmp_path / "story.json")]


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ({"stories": []}, "`stories` must be a list, beside `recorded` with its `notes`"),
        ({"recorded": {"notes": []}, "stories": [1]}, "`stories` must hold objects, and `recorded.notes` text"),
        (
            {"recorded": {"notes": []}, "stories": [{"input": {"registrations": []}, "api_config": {"limits": 1}}]},
            "`limits` must be an object",
        ),
        (
            {"recorded": {"notes": []}, "stories": [{"events": [], "config": {"limits": {"max_credit_size": "1"}}}]},
            "limits: '1' is no value of max_credit_size",
        ),
        (
            {
                "recorded": {"notes": []},
                "stories": [
                    {
                        "recorded": True,
                        "input": {"registrations": [{"timestamp": "1", "clear": {"what": "all"}}]},
                        "api_config": {"limits": {}},
                    }
                ],
            },
            "registrations[0]: `clear.what` must be origin, site-data or history, not 'all'",
        ),
    ],
)
def test_a_story_that_is_none_is_refused(tmp_path: Path, document: object, what: str) -> None:
    file = tmp_path / "story.json"
    file.write_text(json.dumps(document))
    with pytest.raises(StoryError) as raised:
        played(file)
    assert raised.value.what == what


def response(**members: object) -> dict[str, Any]:
    """A recorded response that registers a source."""
    fields = {"Attribution-Reporting-Register-Source": json.dumps(SOURCE)}
    return {"url": "https://adtech.test/", "response": fields, **members}


@pytest.mark.parametrize(
    ("event", "limits", "what"),
    [
        ({"responses": [response(report_ids=["a", "a"])]}, {}, "`report_ids`: 'a' is there twice"),
        ({"responses": [response(report_ids=[1])]}, {}, "`report_ids` must be a list of strings"),
        ({"responses": [response(aggregatable_delays=[2**60])]}, {}, "`aggregatable_delays` must be a list of whole"),
        ({"responses": [response()], "navigation": 5}, {}, "`navigation` must be a string, not 5"),
        ({"responses": [response()], "limits": {"noise": 1}}, {}, "limits: 1 is no value of noise"),
        ({"responses": [response()]}, {"max_source_expiry": -1}, "limits: -1 is no value of max_source_expiry"),
        ({"responses": [response()]}, {"null_report_rate_include": float("nan")}, "limits: nan is no value of"),
        ({"responses": [response()]}, {"retry_after_new_navigation": "never"}, "limits: retry_after_new_navigation"),
        ({"responses": [response()]}, {"aggregation_coordinator_origins": []}, "api_config: aggregation_coordinator"),
        ({"responses": [response()]}, {"speed": 1}, "limits: 'speed' is no limit"),
    ],
)
def test_a_registration_that_no_run_recorded_is_refused(
    tmp_path: Path, event: dict[str, Any], limits: dict[str, Any], what: str
) -> None:
    request = {"context_origin": NEWS, "Attribution-Reporting-Eligible": "navigation-source"}
    if "navigation" in event:
        request["navigation"] = event.pop("navigation")
    registration = {"timestamp": "1", "registration_request": request, **event}
    story = {"recorded": True, "input": {"registrations": [registration]}, "api_config": {"limits": limits}}
    file = tmp_path / "story.json"
    file.write_text(json.dumps({"recorded": {"notes": []}, "stories": [story]}))
    with pytest.raises(StoryError) as raised:
        played(file)
    assert what in raised.value.what


@pytest.mark.parametrize(
    ("event", "what"),
    [
        ({"milliseconds": 0}, "`milliseconds` must be a whole number > 0, not 0"),
        ({"milliseconds": 1.5}, "`milliseconds` must be a whole number > 0, not 1.5"),
        ({"milliseconds": 1, "dialect": "future"}, "`dialect` must be one of level1_2024, current"),
        ({"milliseconds": 1, "limits": {"privacy_budget_epoch_days": 0}}, "limits: privacy_budget_epoch_days must be"),
    ],
)
def test_a_call_that_no_run_recorded_is_refused(tmp_path: Path, event: dict[str, Any], what: str) -> None:
    call = {"event": "saveImpression", "site": "news.test", "options": {"histogramIndex": 1}, **event}
    file = tmp_path / "story.json"
    story = {"recorded": True, "events": [call], "config": {}}
    file.write_text(json.dumps({"recorded": {"notes": []}, "stories": [story]}))
    with pytest.raises(StoryError) as raised:
        played(file)
    assert what in raised.value.what


def test_an_archive_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    torn, other = tmp_path / "torn.zip", tmp_path / "other.zip"
    torn.write_bytes(b"PK")
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("a.txt", NEWS)
    for file in (torn, other):
        with pytest.raises(StoryError):
            played(file)
