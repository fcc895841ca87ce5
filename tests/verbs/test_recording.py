"""What a registration's event keeps of the response and of chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from agent.engines.attribution_reporting.chance import RngChance
from agent.model.attribution_reporting.eligibility import REGISTER_TRIGGER, Eligibility, RegistrationResponse
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.rng import SeededRng
from agent.verbs.recording import LONGEST_FIELD, Recording, told_options


def recording(field: bytes = b"{}", http: Mapping[str, Any] | None = None) -> Recording:
    fields = {REGISTER_TRIGGER: field}
    response = RegistrationResponse("https://a.test", "https://b.test/", Eligibility.TRIGGER, fields, http=http)
    return Recording(response, RngChance(SeededRng(1)), AttributionReportingLimits())


def test_what_was_asked_is_told() -> None:
    assert recording().told() == {
        "asked": {
            "context_origin": "https://a.test",
            "url": "https://b.test/",
            "eligibility": "trigger",
            "fields": {REGISTER_TRIGGER: "{}"},
            "fenced": False,
            "navigation": "",
            "debug_permission": False,
        },
        "drawn": {},
    }


def test_what_chance_decided_is_told_in_its_order_and_not_changed() -> None:
    recorded, same = recording(), RngChance(SeededRng(1))
    ids = [recorded.report_id(), recorded.report_id()]
    delays = [recorded.aggregatable_delay(5, 100) for _ in range(3)]
    days = [day for day in range(31) if recorded.null_report(0.5, day)]
    assert ids == [same.report_id(), same.report_id()]
    assert delays == [same.aggregatable_delay(5, 100) for _ in range(3)]
    assert days == [day for day in range(31) if same.null_report(0.5, day)]
    drawn = {"report_ids": ids, "aggregatable_delays": delays, "null_aggregatable_reports_days": days}
    assert recorded.told()["drawn"] == drawn


def test_what_is_drawn_later_does_not_change_what_was_told() -> None:
    recorded = recording()
    recorded.report_id()
    told = recorded.told()
    recorded.report_id()
    assert len(told["drawn"]["report_ids"]) == 1


@pytest.mark.parametrize(("length", "kept"), [(LONGEST_FIELD, LONGEST_FIELD), (LONGEST_FIELD + 1, 1024)])
def test_of_a_long_field_the_beginning_is_kept(length: int, kept: int) -> None:
    asked = recording(b"x" * length).told()["asked"]
    assert len(asked["fields"][REGISTER_TRIGGER]) == kept
    assert asked.get("altered", []) == ([] if kept == length else [REGISTER_TRIGGER])


def test_a_field_that_is_no_utf_8_is_altered() -> None:
    assert recording(b"\xff").told()["asked"]["altered"] == [REGISTER_TRIGGER]


def test_the_exchange_is_told_where_there_was_one() -> None:
    assert recording(http={"method": "GET"}).told()["http"] == {"method": "GET"}


@pytest.mark.parametrize(("length", "kept"), [(LONGEST_FIELD - 2, True), (LONGEST_FIELD - 1, False)])
def test_of_a_call_with_long_options_none_is_kept(length: int, kept: bool) -> None:
    options = {"histogramIndex": 1, "conversionSites": ["x" * length, "y"]}
    assert told_options(options) == ({"options": options} if kept else {"altered": ["options"]})
