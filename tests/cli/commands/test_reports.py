from __future__ import annotations

import asyncio
import base64
from pathlib import Path

from agent.model.attribution import CallContext, Dialect
from agent.model.clock import Clock
from agent.model.reports import ReportState
from agent.runtime import Agent
from tests.cli.commands.conftest import CONVERSION
from tests.cli.conftest import Tallyhost
from tests.dashboard.conftest import register


def test_list_tells_of_each_report_but_not_its_body(tallyhost: Tallyhost, profile: str) -> None:
    (report,) = tallyhost("reports", "list", "--profile", profile, "--json").document["reports"]
    assert report["content"]["conversion_site"] == "shop.test"
    assert report["state"] == "returned"
    assert report["content"]["histogram"] == [0, 0, 0, 5, 0]
    assert report["bytes"] > 0
    assert "body" not in report


def test_show_gives_the_sealed_body_of_the_report_whose_id_begins_so(tallyhost: Tallyhost, profile: str) -> None:
    (listed,) = tallyhost("reports", "list", "--profile", profile, "--json").document["reports"]
    shown = tallyhost("reports", "show", listed["id"][:6], "--profile", profile, "--json").document["report"]
    assert len(base64.b64decode(shown.pop("body"))) == listed["bytes"]
    assert shown == listed


def test_both_are_for_people_too(tallyhost: Tallyhost, profile: str) -> None:
    (listed,) = tallyhost("reports", "list", "--profile", profile, "--json").document["reports"]
    table = tallyhost("reports", "list", "--profile", profile)
    assert listed["id"][:12] in table.out
    assert "the page" in table.out
    shown = tallyhost("reports", "show", listed["id"], "--profile", profile).out
    assert listed["id"] in shown
    assert "navigator.attribution on shop.test" in shown
    assert "5 in bucket 3, of 5 buckets" in shown
    assert f"tallyhost explain {listed['event_id']}" in shown


def test_the_sealed_body_is_for_json_alone(tallyhost: Tallyhost, profile: str) -> None:
    (listed,) = tallyhost("reports", "list", "--profile", profile, "--json").document["reports"]
    body = tallyhost("reports", "show", listed["id"], "--profile", profile, "--json").document["report"]["body"]
    assert body[:32] not in tallyhost("reports", "show", listed["id"], "--profile", profile).out


def test_an_id_that_no_report_has_is_refused(tallyhost: Tallyhost, profile: str) -> None:
    run = tallyhost("reports", "show", "zz", "--profile", profile)
    assert run.code == 2
    assert "'zz'" in run.err


def test_of_many_reports_the_latest_are_listed_and_the_others_counted(tallyhost: Tallyhost, profile: str) -> None:
    async def measure() -> list[str]:
        async with Agent.open_profile(profile, seed=8) as agent:
            for _ in range(100):
                await agent.measure_conversion(Dialect.CURRENT, CallContext("shop.test"), CONVERSION)
            return [report.id for report in await agent.reports.all()]

    ids = asyncio.run(measure())

    def listed(*flags: str) -> tuple[list[str], int]:
        document = tallyhost("reports", "list", *flags, "--profile", profile, "--json").document
        return [report["id"] for report in document["reports"]], document["left_out"]["reports"]

    assert len(ids) == 101
    assert listed() == (ids[1:], 1)
    assert listed("--limit", "2") == (ids[-2:], 99)
    assert listed("--all") == (ids, 0)
    assert "99 more are not shown" in tallyhost("reports", "list", "--limit", "2", "--profile", profile).out
    assert tallyhost("reports", "list", "--limit", "0", "--profile", profile).code == 2


async def test_a_report_on_its_way_tells_where_it_goes(tallyhost: Tallyhost, tmp_path: Path) -> None:
    folder = tmp_path / "posted"
    async with Agent.open_profile(folder, seed=7) as agent:
        context = CallContext("shop.test")
        await agent.measure_conversion(Dialect.CURRENT, context, CONVERSION, report_url="https://adtech.test/reports")
        await agent.clock.advance(0)
        (report,) = await agent.reports.all()
    assert report.state is ReportState.NOT_SENT
    run = await asyncio.to_thread(tallyhost, "reports", "show", report.id, "--profile", str(folder))
    assert "zeros alone" in run.out
    assert "kept: its host is not mapped" in run.out
    assert "https://adtech.test/reports" in run.out


def test_a_report_is_sent_before_its_time_or_dropped(tallyhost: Tallyhost, tmp_path: Path) -> None:
    folder = str(tmp_path / "waiting")

    async def fill() -> None:
        async with Agent.open_profile(folder, seed=7, clock=Clock.frozen()) as agent:
            await register(agent)

    asyncio.run(fill())
    first, second = tallyhost("reports", "list", "--profile", folder, "--json").document["reports"]
    sent = tallyhost("reports", "send", first["id"][:8], "--profile", folder)
    assert (sent.code, sent.out.split("  ")[:2]) == (
        0,
        [first["id"][:12], "kept: its host is not mapped, and nothing leaves the machine unasked"],
    )
    assert tallyhost("reports", "send", "all", "--profile", folder, "--json").document == {"sent": 1}
    assert tallyhost("reports", "drop", second["id"], "--profile", folder).out == f"{second['id'][:12]}  dropped\n"
    (left,) = tallyhost("reports", "list", "--profile", folder, "--json").document["reports"]
    assert left["id"] == first["id"]
    assert tallyhost("reports", "drop", second["id"], "--profile", folder).code == 2
