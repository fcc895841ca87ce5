"""agent.aggregation.left_out: what was compared, in plain words, whatever a report holds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.aggregation.avro import Record
from agent.aggregation.left_out import first_of_each_counter, refused, unopened, unparsed, unreadable_info
from agent.engines.aggregation.shared_info import parse_shared_info
from agent.model.aggregation import ErrorCounter, JobParameters, LeftOut
from tests.aggregation.batches import KEY, KEY_ID, ORIGIN, shared_info

E = ErrorCounter
FIRST = 5


def detail(error: ErrorCounter, parameters: JobParameters, **changes: Any) -> str:
    info = parse_shared_info(shared_info(0, **changes))
    assert info is not None
    told, _ = refused([error], info, "sum", parameters)
    return told


@pytest.mark.parametrize(
    ("error", "parameters", "changes", "told"),
    [
        (
            E.ATTRIBUTION_REPORT_TO_MISMATCH,
            JobParameters(attribution_report_to="https://other.test"),
            {},
            "reporting_origin is 'https://adtech.test', not 'https://other.test'",
        ),
        (
            E.REPORTING_SITE_MISMATCH,
            JobParameters(reporting_site="https://other.test"),
            {"reporting_origin": "https://a.adtech.test"},
            "the site of reporting_origin 'https://a.adtech.test' is https://adtech.test, not https://other.test",
        ),
        (
            E.ORIGINAL_REPORT_TIME_TOO_OLD,
            JobParameters(attribution_report_to=ORIGIN),
            {"scheduled_report_time": "0"},
            "it was scheduled at 1970-01-01T00:00:00Z, 90 days ago or more",
        ),
        (
            E.ORIGINAL_REPORT_TIME_TOO_OLD,
            JobParameters(attribution_report_to=ORIGIN),
            {"scheduled_report_time": -62_135_596_801},
            "it was scheduled at 0000-12-31T23:59:59Z, 90 days ago or more",
        ),
        (E.UNSUPPORTED_OPERATION, JobParameters(), {}, "the payload's operation is 'sum'"),
        (E.DEBUG_NOT_ENABLED, JobParameters(debug_run=True), {}, "it is a debug run, and debug_mode is absent"),
        (E.UNSUPPORTED_REPORT_API_TYPE, JobParameters(), {"api": "x" * 100}, f"api is '{'x' * 80}...'"),
        (E.INVALID_REPORT_ID, JobParameters(), {"report_id": None}, "report_id is absent"),
        (E.UNSUPPORTED_SHAREDINFO_VERSION, JobParameters(), {"version": "0.0"}, "version is '0.0'"),
    ],
)
def test_a_check_says_what_it_compared(
    error: ErrorCounter, parameters: JobParameters, changes: dict[str, Any], told: str
) -> None:
    assert detail(error, parameters, **changes) == told


def test_a_missing_member_of_the_budget_unit_is_shown() -> None:
    told = detail(E.REQUIRED_SHAREDINFO_FIELD_INVALID, JobParameters(), attribution_destination=None)
    assert told.endswith("attribution_destination ''")


def test_a_key_that_nobody_gave_is_named() -> None:
    told, mistake = unopened(Record(b"x", "other", shared_info(0)), {KEY_ID: KEY.private_key})
    assert told == "key_id 'other'"
    assert "another coordinator's" in str(mistake)


@given(st.binary(max_size=60), st.text(max_size=60), st.text(max_size=20))
def test_no_report_is_beyond_telling(payload: bytes, info: str, key_id: str) -> None:
    keys = {KEY_ID: KEY.private_key, "k": KEY.private_key}
    for key in (key_id, KEY_ID):
        record = Record(payload, key, info)
        assert unopened(record, keys)[0]
        assert unreadable_info(record)[0]
    assert unparsed(payload, "it is no CBOR", clear_text=True)[0]


@given(st.lists(st.lists(st.sampled_from(list(E)[:3]), min_size=1, max_size=3, unique=True), max_size=40))
def test_the_first_of_each_counter_are_kept_in_order_and_keeping_twice_changes_nothing(errors: list[Any]) -> None:
    reports = [LeftOut(f"r[{number}]", None, tuple(one), "") for number, one in enumerate(errors)]
    kept = first_of_each_counter(reports)
    expected = []
    for number, report in enumerate(reports):
        before = reports[:number]
        if any(sum(error in one.errors for one in before) < FIRST for error in report.errors):
            expected.append(report)
    assert kept == expected == first_of_each_counter(kept)
