"""agent.aggregation.shards: what becomes of each report, in the service's order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import cbor2
import pytest

from agent.aggregation.avro import Record, write_reports
from agent.aggregation.report_files import plan_shards
from agent.aggregation.shards import exhausted_documents, process_shard
from agent.crypto.aggregatable_payload import seal_payload
from agent.engines.aggregation.budget_units import budget_units
from agent.engines.aggregation.shared_info import parse_shared_info
from agent.model.aggregation import BudgetUnit, ErrorCounter, Partial
from agent.model.rng import SeededRng
from tests.aggregation.batches import HOUR, KEY, KEY_ID, clear, plaintext, process, report_id, sealed, shared_info, task

E = ErrorCounter
OLD = str(HOUR - 90 * 86_400 + 86_400)
"""Seconds: exactly 90 days before NOW."""


def units_of(*infos: str, ids: frozenset[int] = frozenset({0})) -> dict[BudgetUnit, int]:
    """What reports of such shared_info spend."""
    return dict(Counter(unit for info in infos for unit in budget_units(parsed(info), ids)))


def parsed(info: str) -> Any:
    found = parse_shared_info(info)
    assert found is not None
    return found


def with_plaintext(content: bytes, number: int = 0) -> Record:
    info = shared_info(number)
    return Record(seal_payload(content, info, KEY.public_key, SeededRng(number)), KEY_ID, info)


def test_valid_reports_are_summed_by_bucket() -> None:
    partial = process([sealed(0, [(5, 2), (7, 1)]), sealed(1, [(5, 3)]), sealed(2, [])])
    assert partial == Partial(
        reports=3,
        sums={5: 5, 7: 1},
        units=units_of(shared_info(0), shared_info(1), shared_info(2)),
        made_of=dict.fromkeys(partial.units, "attribution-reporting, https://shop.test, filtering id 0"),
    )
    assert list(partial.units.values()) == [3]


def test_the_first_ten_units_are_told_by_what_they_are_made_of() -> None:
    partial = process([sealed(number, attribution_destination=f"https://shop{number}.test") for number in range(12)])
    assert list(partial.made_of) == list(partial.units)[:10]
    assert list(partial.made_of.values())[9] == "attribution-reporting, https://shop9.test, filtering id 0"


def test_null_contributions_are_dropped_and_a_bucket_of_value_0_is_there() -> None:
    assert process([sealed(0, [(0, 0), (0, 1), (5, 0)])]).sums == {0: 1, 5: 0}


def test_contributions_are_filtered_and_each_queried_id_spends_a_unit() -> None:
    contributions = [(5, 1, 0), (5, 2, 1), (6, 4, 3), (7, 8, 2)]
    ids = frozenset({1, 3})
    partial = process([sealed(0, contributions)], task(filtering_ids=ids))
    assert partial.sums == {5: 2, 6: 4}
    assert partial.units == units_of(shared_info(0), ids=ids)
    assert len(partial.units) == 2
    assert (partial.unqueried, partial.unqueried_id) == (2, 0)


def test_a_null_report_and_one_without_a_queried_id_spend_their_units() -> None:
    partial = process([sealed(0, []), sealed(1, [(5, 1, 9)])])
    assert (partial.sums, partial.units) == ({}, units_of(shared_info(0), shared_info(1)))


def test_the_first_of_two_reports_of_one_id_counts_and_the_rest_has_no_counter() -> None:
    upper = sealed(0, [(5, 7)], report_id=report_id(0xABC).upper())
    partial = process([sealed(0xABC, [(5, 1)]), upper, sealed(0xABC, [(9, 9)]), sealed(1, [(5, 1)])])
    assert (partial.reports, partial.duplicates, partial.errors) == (4, 2, Counter())
    assert partial.sums == {5: 2}
    assert list(partial.units.values()) == [2]


def test_a_report_that_is_left_out_takes_no_id() -> None:
    partial = process([sealed(0, api="unknown"), sealed(0, [(5, 3)])])
    assert (partial.duplicates, partial.sums) == (0, {5: 3})


def test_a_report_whose_id_is_taken_is_a_duplicate() -> None:
    job = replace(task(), taken=frozenset({bytes.fromhex(report_id(0).replace("-", ""))}))
    partial = process([sealed(0), sealed(1, [(6, 1)])], job)
    assert (partial.reports, partial.duplicates, partial.sums) == (2, 1, {6: 1})
    assert list(partial.units.values()) == [1]


def test_valid_reports_in_debug_mode_are_counted() -> None:
    assert process([sealed(0, debug_mode="enabled"), sealed(1)]).debug_mode == 1


SEALED = sealed(0)
CASES: list[tuple[str, Record, dict[str, Any], set[ErrorCounter]]] = [
    ("no JSON", SEALED._replace(shared_info="no JSON"), {}, {E.DECRYPTION_ERROR}),
    ("no version", sealed(0, version=None), {}, {E.DECRYPTION_ERROR}),
    ("no time", sealed(0, scheduled_report_time=None), {}, {E.DECRYPTION_ERROR}),
    ("no origin", sealed(0, reporting_origin=None), {}, {E.DECRYPTION_ERROR}),
    ("key unknown", SEALED._replace(key_id="k2"), {}, {E.DECRYPTION_KEY_NOT_FOUND}),
    ("key unknown comes first", Record(b"", "k2", shared_info(0)), {}, {E.DECRYPTION_KEY_NOT_FOUND}),
    ("a byte changed", SEALED._replace(payload=SEALED.payload[:-1] + b"\0"), {}, {E.DECRYPTION_ERROR}),
    ("no bytes", SEALED._replace(payload=b""), {}, {E.DECRYPTION_ERROR}),
    ("zeros", SEALED._replace(payload=bytes(895)), {}, {E.DECRYPTION_ERROR}),
    ("shared_info re-serialised", SEALED._replace(shared_info=SEALED.shared_info + " "), {}, {E.DECRYPTION_ERROR}),
    ("a NUL in shared_info", SEALED._replace(shared_info="\0"), {}, {E.DECRYPTION_ERROR}),
    ("no CBOR", with_plaintext(b"\xff"), {}, {E.REPORT_PARSING_ERROR}),
    ("no contributions", with_plaintext(cbor2.dumps({"operation": "histogram"})), {}, {E.REPORT_PARSING_ERROR}),
    (
        "a wide bucket",
        with_plaintext(cbor2.dumps({"data": [{"bucket": bytes(17), "value": b""}], "operation": "histogram"})),
        {},
        {E.REPORT_PARSING_ERROR},
    ),
    ("another origin", sealed(0, reporting_origin="https://other.test"), {}, {E.ATTRIBUTION_REPORT_TO_MISMATCH}),
    (
        "another site",
        SEALED,
        {"attribution_report_to": None, "reporting_site": "https://other.test"},
        {E.REPORTING_SITE_MISMATCH},
    ),
    (
        "no site",
        sealed(0, reporting_origin="https://127.0.0.1"),
        {"attribution_report_to": None, "reporting_site": "https://adtech.test"},
        {E.ATTRIBUTION_REPORT_TO_MALFORMED},
    ),
    ("90 days old", sealed(0, scheduled_report_time=OLD), {}, {E.ORIGINAL_REPORT_TIME_TOO_OLD}),
    (
        "another operation",
        with_plaintext(cbor2.dumps({"data": [], "operation": "sum"})),
        {},
        {E.UNSUPPORTED_OPERATION},
    ),
    ("no debug mode", SEALED, {"debug_run": True}, {E.DEBUG_NOT_ENABLED}),
    ("unknown api", sealed(0, api="x"), {}, {E.UNSUPPORTED_REPORT_API_TYPE, E.REQUIRED_SHAREDINFO_FIELD_INVALID}),
    ("no api", sealed(0, api=None), {}, {E.REQUIRED_SHAREDINFO_FIELD_INVALID}),
    ("no destination", sealed(0, attribution_destination=None), {}, {E.REQUIRED_SHAREDINFO_FIELD_INVALID}),
    ("no id", sealed(0, report_id=None), {}, {E.INVALID_REPORT_ID}),
    ("an id that is no UUID", sealed(0, report_id="1"), {}, {E.INVALID_REPORT_ID}),
    (
        "version 0.0",
        sealed(0, version="0.0"),
        {},
        {E.REQUIRED_SHAREDINFO_FIELD_INVALID, E.UNSUPPORTED_SHAREDINFO_VERSION},
    ),
]


@pytest.mark.parametrize(
    ("record", "parameters", "errors"),
    [pytest.param(record, parameters, errors, id=name) for name, record, parameters, errors in CASES],
)
def test_each_wrong_has_its_counters_and_the_report_counts_once(
    record: Record, parameters: dict[str, Any], errors: set[ErrorCounter]
) -> None:
    partial = process([record], task(**parameters))
    assert partial.errors == Counter([*errors, E.NUM_REPORTS_WITH_ERRORS])
    assert (partial.reports, partial.sums, partial.units) == (1, {}, {})
    (told,) = partial.left_out
    assert (told.where, set(told.errors)) == ("reports.avro[0]", errors)
    assert told.detail


def test_every_check_that_fails_counts() -> None:
    record = sealed(0, api="x", report_id="1", scheduled_report_time="0", reporting_origin="https://other.test")
    partial = process([record, record], task(debug_run=True))
    assert partial.errors == Counter(
        [
            E.ATTRIBUTION_REPORT_TO_MISMATCH,
            E.ORIGINAL_REPORT_TIME_TOO_OLD,
            E.DEBUG_NOT_ENABLED,
            E.UNSUPPORTED_REPORT_API_TYPE,
            E.REQUIRED_SHAREDINFO_FIELD_INVALID,
            E.INVALID_REPORT_ID,
            E.NUM_REPORTS_WITH_ERRORS,
        ]
        * 2
    )


def test_a_report_of_a_newer_major_version_is_told() -> None:
    partial = process([sealed(0), sealed(1, version="2.0"), sealed(2, version="3.1")])
    assert partial.unsupported_version == "2.0"
    assert partial.errors[E.UNSUPPORTED_SHAREDINFO_VERSION] == 2


def test_clear_text_needs_no_key_and_skips_three_checks() -> None:
    record = clear(0, [(5, 1)], reporting_origin="https://other.test", scheduled_report_time="0")
    other = Record(cbor2.dumps({"data": [{"bucket": b"\x05", "value": b"\x02"}], "operation": "x"}), "", shared_info(1))
    partial = process([record, other], task(clear_text=True))
    assert (partial.errors, partial.sums) == (Counter(), {5: 3})


def test_clear_text_that_is_none_is_a_parsing_error() -> None:
    partial = process([SEALED], task(clear_text=True))
    assert partial.errors == Counter([E.REPORT_PARSING_ERROR, E.NUM_REPORTS_WITH_ERRORS])
    assert "sealed payload" in partial.left_out[0].mistake


def test_what_nobody_foresaw_is_an_internal_error_of_that_report(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(info: str) -> Any:
        if '"2.0"' in info:
            raise RuntimeError("a bug")
        return parse_shared_info(info)

    monkeypatch.setattr("agent.aggregation.shards.parse_shared_info", broken)
    partial = process([sealed(0), sealed(1, version="2.0"), sealed(2)])
    assert partial.errors == Counter([E.INTERNAL_ERROR, E.NUM_REPORTS_WITH_ERRORS])
    assert partial.left_out[0].detail == "RuntimeError: a bug"
    assert partial.sums == {5: 2}


def test_a_failure_to_tell_why_leaves_the_counter_standing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.aggregation.shards.unopened", None)
    partial = process([SEALED._replace(payload=b"")])
    assert partial.errors[E.DECRYPTION_ERROR] == 1
    assert partial.left_out[0].detail.startswith("TypeError")


def test_a_private_key_that_is_none_is_an_internal_error() -> None:
    partial = process([SEALED], replace(task(), private_keys={KEY_ID: b"short"}))
    assert partial.errors == Counter([E.INTERNAL_ERROR, E.NUM_REPORTS_WITH_ERRORS])


def test_the_first_five_of_each_counter_are_told() -> None:
    records = [sealed(number, api="x") for number in range(8)] + [sealed(8, report_id="1", api="x")]
    partial = process([sealed(9), *records, sealed(10, report_id=None)])
    assert [told.where for told in partial.left_out] == [f"reports.avro[{number}]" for number in (1, 2, 3, 4, 5, 9, 10)]
    assert partial.left_out[0].report_id == report_id(0)
    assert partial.left_out[0].reporting_origin == "https://adtech.test"
    assert "api is 'x'" in partial.left_out[0].detail


def test_of_a_report_that_is_left_out_little_is_kept() -> None:
    (told,) = process([sealed(0, report_id="x" * 10_000, reporting_origin="y" * 10_000)]).left_out
    assert sum(map(len, (told.report_id or "", told.reporting_origin or "", told.detail))) < 1_000


def test_a_common_mistake_is_named() -> None:
    spaced = SEALED._replace(shared_info=SEALED.shared_info.replace(",", ", "))
    assert "re-serialised" in process([spaced]).left_out[0].mistake


def test_the_dump_lists_what_reports_of_exhausted_units_share(tmp_path: Path) -> None:
    write_reports(
        tmp_path / "reports.avro",
        [
            sealed(0),
            sealed(1),
            sealed(2, scheduled_report_time=str(HOUR + 7)),
            sealed(3, scheduled_report_time=str(HOUR + 3600)),
            sealed(4, scheduled_report_time=str(HOUR + 8), api="x"),
        ],
    )
    shards = plan_shards([tmp_path / "reports.avro"])
    units = set(units_of(shared_info(0)))
    documents = exhausted_documents(shards, task(), units)
    infos = [document["aggregateable_input_budget_id"]["relevant_shared_info"] for document in documents]
    assert [int(info["scheduled_report_time"]) for info in infos] == [HOUR, HOUR + 7]
    assert all("report_id" not in info for info in infos)


def test_processing_twice_gives_the_same(tmp_path: Path) -> None:
    write_reports(tmp_path / "reports.avro", [sealed(number % 7, [(number, 1)]) for number in range(20)])
    (shard,) = plan_shards([tmp_path / "reports.avro"])
    assert process_shard(shard, task()) == process_shard(shard, task())


def test_the_clear_text_of_a_report_and_its_sealed_form_come_to_the_same() -> None:
    contributions = [(5, 2), (9, 1)]
    assert process([clear(0, contributions)], task(clear_text=True)) == process([sealed(0, contributions)])
    assert len(plaintext(*contributions)) == 847
