"""agent.engines.aggregation.budget_units against the service's own vectors and the specification's section 7."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from agent.engines.aggregation.budget_units import (
    budget_units,
    exhausted_dump,
    instant_text,
    shared_id,
    unit_document,
)
from agent.engines.aggregation.shared_info import parse_shared_info
from agent.model.aggregation import BudgetUnit, SharedInfo
from tests.conformance_data import conformance_file

INFO = SharedInfo(
    version="1.0",
    reporting_origin="https://adtech.test",
    scheduled_report_time=1_234_486_400_000,
    api="attribution-reporting",
    report_id="21abd97f-73e8-4b88-9389-a9fee6abda5e",
    attribution_destination="https://shop.test",
    source_registration_time=1_609_459_200_000,
)
HOUR_OF_INFO = 1_234_483_200_000
LARGEST_ID = 2**64 - 1


def goldens(kind: str) -> list[dict[str, Any]]:
    lines = conformance_file("payload/goldens.jsonl").read_text().splitlines()
    return [case for case in map(json.loads, lines) if case["kind"] == kind]


def parsed(text: str) -> SharedInfo:
    info = parse_shared_info(text)
    assert info is not None
    return info


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_vectors_of_the_service_have_their_shared_ids() -> None:
    vectors = goldens("budget_key_vector")
    assert vectors
    for vector in vectors:
        info = parsed(json.dumps(vector["shared_info"]))
        assert shared_id(info, vector["filtering_id"]) == vector["sha256"], vector["name"]


def test_the_batches_of_the_service_have_their_units() -> None:
    batches = goldens("budget_units_of_batch")
    assert batches
    for batch in batches:
        ids = frozenset(batch["filtering_ids"])
        units = {unit for text in batch["shared_infos"] for unit in budget_units(parsed(text), ids)}
        assert sorted([unit.shared_id, unit.hour // 1_000] for unit in units) == sorted(batch["budget_units"])


def test_the_reports_that_chromium_sealed_have_their_units() -> None:
    reports = [report for report in goldens("encrypted_report") if "budget_key" in report]
    assert reports
    for report in reports:
        key = report["budget_key"]
        info = parsed(report["report"]["shared_info"])
        assert budget_units(info, frozenset({key["filtering_id"]})) == (
            BudgetUnit(key["sha256"], key["scheduled_report_time_hour"] * 1_000, info.reporting_origin),
        ), report["name"]


@pytest.mark.parametrize("api", ["attribution-reporting", "attribution-reporting-debug"])
@pytest.mark.parametrize(
    ("version", "filtering_id", "end"),
    [
        ("0.1", 0, ""),  # V1
        ("0.1", 1, "-1"),  # another id: V2
        ("0.9", LARGEST_ID, "-18446744073709551615"),
        ("1.0", 0, "-0"),
        ("1.0", 3, "-3"),
        ("1.7", 0, "-0"),
    ],
)
def test_the_parts_of_attribution_reporting(api: str, version: str, filtering_id: int, end: str) -> None:
    info = replace(INFO, api=api, version=version)
    start = f"{api}-{version}-https://adtech.test-https://shop.test"
    assert shared_id(info, filtering_id) == sha256(f"{start}-2021-01-01T00:00:00Z{end}")
    assert shared_id(replace(info, source_registration_time=0), filtering_id) == sha256(
        f"{start}-1970-01-01T00:00:00Z{end}"
    )
    assert shared_id(replace(info, source_registration_time=None), filtering_id) == sha256(f"{start}{end}")


@pytest.mark.parametrize("api", ["protected-audience", "shared-storage"])
@pytest.mark.parametrize(("version", "end"), [("0.1", ""), ("1.0", "-0")])
def test_private_aggregation_has_neither_destination_nor_time_of_a_source(api: str, version: str, end: str) -> None:
    info = replace(INFO, api=api, version=version)
    assert shared_id(info, 0) == sha256(f"{api}-{version}-https://adtech.test{end}")
    assert budget_units(info, frozenset({0})) == budget_units(
        replace(info, attribution_destination=None, source_registration_time=None), frozenset({0})
    )


@pytest.mark.parametrize(
    ("time", "hour"),
    [
        (HOUR_OF_INFO, HOUR_OF_INFO),
        (HOUR_OF_INFO + 3_599_999, HOUR_OF_INFO),
        (HOUR_OF_INFO + 3_600_000, HOUR_OF_INFO + 3_600_000),
        (0, 0),
        (-1, -3_600_000),
    ],
)
def test_the_second_coordinate_is_the_hour_of_the_scheduled_time(time: int, hour: int) -> None:
    info = replace(INFO, scheduled_report_time=time)
    assert budget_units(info, frozenset({0})) == (BudgetUnit(shared_id(INFO, 0), hour, "https://adtech.test"),)


def test_every_queried_filtering_id_is_a_unit_of_its_own() -> None:
    ids = frozenset({LARGEST_ID, 0, 3})
    units = budget_units(INFO, ids)
    assert units == tuple(
        BudgetUnit(shared_id(INFO, id_), HOUR_OF_INFO, "https://adtech.test") for id_ in (0, 3, LARGEST_ID)
    )
    assert len(set(units)) == 3


def test_report_id_and_debug_mode_are_no_part_of_a_unit() -> None:
    ids = frozenset({0})
    assert budget_units(replace(INFO, report_id=None, debug_mode="enabled"), ids) == budget_units(INFO, ids)


@pytest.mark.parametrize(
    "other",
    [
        {"api": "attribution-reporting-debug"},
        {"version": "1.1"},
        {"reporting_origin": "https://other.test"},
        {"attribution_destination": "https://other.test"},
        {"source_registration_time": 1_609_545_600_000},
        {"source_registration_time": None},
        {"scheduled_report_time": INFO.scheduled_report_time + 3_600_000},
    ],
)
def test_all_else_tells_units_apart(other: dict[str, Any]) -> None:
    ids = frozenset({0})
    assert budget_units(replace(INFO, **other), ids) != budget_units(INFO, ids)


@pytest.mark.parametrize("length", [1, 10_000])
def test_units_are_the_same_however_often_and_however_long_a_text_is_asked(length: int) -> None:
    info = replace(INFO, attribution_destination="d" * length)
    expected = (BudgetUnit(shared_id(info, 5), HOUR_OF_INFO, "https://adtech.test"),)
    assert [budget_units(info, frozenset({5})) for _ in range(2)] == [expected] * 2


# Instants as Java writes them.


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_609_459_200_000, "2021-01-01T00:00:00Z"),
        (1_709_164_799_000, "2024-02-28T23:59:59Z"),
        (1_709_164_800_000, "2024-02-29T00:00:00Z"),
        (951_782_400_000, "2000-02-29T00:00:00Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00Z"),
        (1_609_459_200_250, "2021-01-01T00:00:00.250Z"),
        (1_609_459_200_007, "2021-01-01T00:00:00.007Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (253_402_300_799_000, "9999-12-31T23:59:59Z"),
        (253_402_300_800_000, "+10000-01-01T00:00:00Z"),
        (-62_167_219_200_000, "0000-01-01T00:00:00Z"),
        (-62_167_219_201_000, "-0001-12-31T23:59:59Z"),
        (2**63 - 1, "+292278994-08-17T07:12:55.807Z"),  # Long.MAX_VALUE and MIN_VALUE as Java's epoch milliseconds
        (-(2**63), "-292275055-05-16T16:47:04.192Z"),
    ],
)
def test_an_instant_is_written_as_java_writes_it(time: int, text: str) -> None:
    assert instant_text(time) == text


def test_every_day_of_four_centuries_has_the_date_of_the_calendar() -> None:
    first = date(1800, 3, 1)
    before_1970 = (date(1970, 1, 1) - first).days
    for day in range(146_097):
        text = f"{first + timedelta(days=day)}T00:00:00Z"
        assert instant_text((day - before_1970) * 86_400_000) == text


@pytest.mark.parametrize("clock", ["00:00:01", "00:59:59", "01:00:00", "12:34:56", "23:59:59"])
def test_an_instant_has_the_time_of_day(clock: str) -> None:
    hours, minutes, seconds = map(int, clock.split(":"))
    assert instant_text((hours * 3_600 + minutes * 60 + seconds) * 1_000) == f"1970-01-01T{clock}Z"


# The budget-exhausted dump.


def test_an_entry_of_the_dump_names_what_the_unit_is_made_of_and_no_report() -> None:
    dump = exhausted_dump([unit_document(INFO, 3)]).decode()
    assert json.loads(dump) == {
        "privacy_budget_exhausted_info": {
            "aggregatable_input_budget_consumption_info": [
                {
                    "aggregateable_input_budget_id": {
                        "filtering_id": 3,
                        "relevant_shared_info": {
                            "api": "attribution-reporting",
                            "attribution_destination": "https://shop.test",
                            "reporting_origin": "https://adtech.test",
                            "scheduled_report_time": 1_234_486_400.0,
                            "source_registration_time": 1_609_459_200.0,
                            "version": "1.0",
                        },
                    }
                }
            ]
        }
    }
    assert '"source_registration_time": 1609459200.000000000' in dump


@pytest.mark.parametrize(
    ("time", "literal"),
    [(0, "0.000000000"), (1, "0.001000000"), (-1_500, "-1.500000000"), (2**63 - 1, "9223372036854775.807000000")],
)
def test_times_of_the_dump_are_seconds_with_nine_decimals(time: int, literal: str) -> None:
    dump = exhausted_dump([unit_document(replace(INFO, scheduled_report_time=time), 0)]).decode()
    assert f'"scheduled_report_time": {literal},' in dump


def test_the_dump_is_indented_with_its_keys_sorted() -> None:
    lines = exhausted_dump([unit_document(INFO, LARGEST_ID)]).decode().splitlines()
    names = [line.partition(":")[0].strip(' "') for line in lines if '": ' in line and not line.endswith(("{", "["))]
    assert names[1:] == sorted(names[1:])
    assert lines[1] == '  "privacy_budget_exhausted_info": {'
    assert any(line.strip() == f'"filtering_id": {LARGEST_ID},' for line in lines)


def test_reports_that_differ_in_their_id_alone_are_one_entry() -> None:
    alike = [unit_document(replace(INFO, report_id=name), 0) for name in ("a", "b")]
    dump = json.loads(exhausted_dump([*alike, unit_document(INFO, 1)]))
    assert len(dump["privacy_budget_exhausted_info"]["aggregatable_input_budget_consumption_info"]) == 2


def test_members_that_a_report_lacks_are_left_out_of_the_dump() -> None:
    info = SharedInfo("1.0", "https://adtech.test", 0, "shared-storage")
    relevant = unit_document(info, 0)["aggregateable_input_budget_id"]["relevant_shared_info"]
    assert sorted(relevant) == ["api", "reporting_origin", "scheduled_report_time", "version"]
