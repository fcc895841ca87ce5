"""What the command line tells of Attribution Reporting's sources, triggers, reports and budgets."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from agent.model.attribution_reporting.eligibility import (
    REGISTER_SOURCE,
    REGISTER_TRIGGER,
    Eligibility,
    RegistrationResponse,
)
from agent.model.clock import Clock
from agent.runtime import Agent
from tests.cli.conftest import Tallyhost

SOURCE = {
    "destination": "https://shop.test",
    "source_event_id": str(2**64 - 1),
    "aggregation_keys": {"a": "0x5"},
    "named_budgets": {"summer": 1000},
    "debug_reporting": True,
}
TRIGGER = {
    "event_trigger_data": [{"trigger_data": "3"}],
    "aggregatable_trigger_data": [{"key_piece": "0x400", "source_keys": ["a"]}],
    "aggregatable_values": {"a": 100},
    "aggregatable_deduplication_keys": [{"deduplication_key": "1"}],
    "named_budgets": [{"name": "summer"}],
}


async def register(agent: Agent) -> None:
    source = RegistrationResponse(
        "https://news.test",
        "https://adtech.test/source",
        Eligibility.NAVIGATION_SOURCE,
        {REGISTER_SOURCE: json.dumps(SOURCE).encode()},
        debug_permission=True,
    )
    await agent.register(source)
    await agent.register(source)
    trigger = {REGISTER_TRIGGER: json.dumps(TRIGGER).encode()}
    for _ in range(2):
        await agent.register(
            RegistrationResponse("https://shop.test", "https://adtech.test/trigger", Eligibility.UNSET, trigger)
        )
    bad = {REGISTER_TRIGGER: b'{"filters": 5}'}
    await agent.register(RegistrationResponse("https://shop.test", "https://adtech.test/bad", Eligibility.UNSET, bad))


@pytest.fixture
def reporting(tmp_path: Path) -> str:
    """The folder of a profile with two sources, of which one was attributed, twice triggered, and a bad header."""
    folder = tmp_path / "reporting"

    async def fill() -> None:
        async with Agent.open_profile(folder, seed=7, clock=Clock.frozen()) as agent:
            await register(agent)

    asyncio.run(fill())
    return str(folder)


def test_show_sources_tells_who_registered_what_for_whom_and_whether_it_attributes(
    tallyhost: Tallyhost, reporting: str
) -> None:
    shown = tallyhost("state", "show", "sources", "--profile", reporting, "--json").document
    first, second = shown["sources"]
    assert (first["reporting_origin"], first["source_origin"]) == ("https://adtech.test", "https://news.test")
    assert (first["destinations"], first["type"]) == (["https://shop.test"], "navigation")
    assert first["source_event_id"] == "18446744073709551615", "a JSON number would lose digits"
    assert [(one["id"], one["active"], one["num_attributions"]) for one in (first, second)] == [
        (1, False, 0),
        (2, True, 2),
    ]
    assert (second["num_aggregatable_reports"], second["randomized_trigger_rate"]) == (1, 0.0024263)
    out = tallyhost("state", "show", "sources", "--profile", reporting).out
    assert "https://news.test" in out
    assert "gave way to another" in out


def test_show_triggers_tells_how_each_ended(tallyhost: Tallyhost, reporting: str) -> None:
    shown = tallyhost("state", "show", "triggers", "--profile", reporting, "--json").document
    told = [(one["verdict"], one["source"], one["event_level"], one["aggregatable"]) for one in shown["triggers"]]
    assert told == [
        ("stored", 2, "stored", "stored"),
        ("event-level-stored", 2, "stored", "trigger-aggregate-deduplicated"),
        ("header-parsing-error", None, None, None),
    ]
    assert {one["site"] for one in shown["triggers"]} == {"shop.test"}
    rows = tallyhost("state", "show", "triggers", "--profile", reporting).out.splitlines()
    assert sum("trigger-aggregate-deduplicated" in row for row in rows) == 1
    assert sum("header-parsing-error" in row for row in rows) == 1


def test_show_reports_is_the_list_of_reports(tallyhost: Tallyhost, reporting: str) -> None:
    shown = tallyhost("state", "show", "reports", "--profile", reporting, "--json").document
    listed = tallyhost("reports", "list", "--profile", reporting, "--json").document
    assert shown["reports"] == listed["reports"]
    assert [report["kind"] for report in listed["reports"]] == [
        *("verbose-debug", "verbose-debug"),
        *("event-level", "aggregatable", "event-level"),
    ]
    assert "event-level" in tallyhost("state", "show", "reports", "--profile", reporting).out


def test_show_budgets_tells_what_each_source_has_left(tallyhost: Tallyhost, reporting: str) -> None:
    shown = tallyhost("state", "show", "budgets", "--profile", reporting, "--json").document
    assert [(one["source"], one["aggregatable"], one["named"]) for one in shown["source_budgets"]] == [
        (1, 65_536, {"summer": 1000}),
        (2, 65_436, {"summer": 900}),
    ]
    assert shown["budgets"] == []
    out = tallyhost("state", "show", "budgets", "--profile", reporting).out
    assert "summer: 900" in out
    assert "65436" in out


def test_show_of_anything_else_is_refused(tallyhost: Tallyhost, reporting: str) -> None:
    assert tallyhost("state", "show", "cookies", "--profile", reporting).code == 2


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("event-level", ["https://shop.test", "18446744073709551615 (navigation)", "trigger data"]),
        ("aggregatable", ["100 in bucket 0x405", "publickeyservice.msmt.aws.privacysandboxservices.com"]),
        ("verbose-debug", ["source-success"]),
    ],
)
def test_a_report_is_told_of_by_what_it_says(tallyhost: Tallyhost, reporting: str, kind: str, told: list[str]) -> None:
    listed = tallyhost("reports", "list", "--profile", reporting, "--json").document["reports"]
    report = next(report for report in listed if report["kind"] == kind)
    out = tallyhost("reports", "show", report["id"], "--profile", reporting).out
    assert [text for text in told if text not in out] == []
    assert "waits to be sent" in out
    assert f"tallyhost explain {report['event_id']}" in out


def test_explain_tells_of_both_branches_of_a_trigger(tallyhost: Tallyhost, reporting: str) -> None:
    triggers = tallyhost("state", "show", "triggers", "--profile", reporting, "--json").document["triggers"]
    event = tallyhost("explain", str(triggers[1]["event"]), "--profile", reporting, "--json").document["explanation"]
    failed = [check["rule"] for check in event["checks"] if not check["passed"]]
    assert failed == ["aggregatable deduplication"]
    lines = tallyhost("explain", str(triggers[1]["event"]), "--profile", reporting).out.splitlines()
    assert any(line.startswith("  FAIL  aggregatable deduplication") for line in lines)
    assert any("event-level reports of the source" in line and line.startswith("  ok") for line in lines)
    assert sum("stops here" in line for line in lines) == 0, "the other branch went on"


def test_the_last_decision_may_be_a_bad_header_with_its_path(tallyhost: Tallyhost, reporting: str) -> None:
    event = tallyhost("explain", "last", "--profile", reporting, "--json").document["explanation"]
    assert (event["kind"], event["verdict"]) == ("trigger-registration", "header-parsing-error")
    assert event["checks"][0]["rule"] == "Attribution-Reporting-Register-Trigger filters"
    assert event["checks"][0]["fix"]


def test_clearing_the_history_and_resetting_forget_sources(tallyhost: Tallyhost, reporting: str) -> None:
    assert tallyhost("state", "clear", "--site", "shop.test", "--profile", reporting).code == 0
    assert len(tallyhost("state", "show", "sources", "--profile", reporting, "--json").document["sources"]) == 2
    assert tallyhost("state", "clear", "--site", "adtech.test", "--profile", reporting).code == 0
    assert tallyhost("state", "show", "sources", "--profile", reporting, "--json").document["sources"] == []
    assert tallyhost("state", "reset", "--profile", reporting).code == 0
    assert tallyhost("state", "show", "triggers", "--profile", reporting, "--json").document["triggers"] == []


@pytest.mark.parametrize(
    ("what", "name", "key", "total"),
    [
        ("sources", "sources", "id", 2),
        ("triggers", "triggers", "event", 3),
        ("reports", "reports", "id", 5),
        ("budgets", "source_budgets", "source", 2),
    ],
)
def test_of_each_store_the_latest_are_shown_and_the_others_counted(
    tallyhost: Tallyhost, reporting: str, what: str, name: str, key: str, total: int
) -> None:
    def show(*flags: str) -> tuple[list[Any], int]:
        shown = tallyhost("state", "show", what, *flags, "--profile", reporting, "--json").document
        return [one[key] for one in shown[name]], shown["left_out"][name]

    every, left_out = show("--all")
    assert (len(every), left_out) == (total, 0)
    assert show("--limit", "1") == (every[-1:], total - 1)
    assert (
        f"{total - 1} more are not shown"
        in tallyhost("state", "show", what, "--limit", "1", "--profile", reporting).out
    )
