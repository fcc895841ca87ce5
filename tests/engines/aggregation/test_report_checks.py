"""agent.engines.aggregation.report_checks against the table of the specification's section 5."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engines.aggregation.report_checks import is_too_new, major_version, report_errors, reporting_site
from agent.engines.aggregation.shared_info import parse_shared_info
from agent.model.aggregation import ErrorCounter, JobParameters, SharedInfo
from tests.conformance_data import conformance_file

NOW = 1_767_603_600_000
DAY = 86_400_000
GOOD = SharedInfo(
    version="1.0",
    reporting_origin="https://www.adtech.test",
    scheduled_report_time=NOW - DAY,
    api="attribution-reporting",
    report_id="21abd97f-73e8-4b88-9389-a9fee6abda5e",
    debug_mode="enabled",
    attribution_destination="https://shop.test",
    source_registration_time=NOW - 3 * DAY,
)
BY_ORIGIN = JobParameters(attribution_report_to="https://www.adtech.test")
BY_SITE = JobParameters(reporting_site="https://adtech.test")
APIS = ["attribution-reporting", "attribution-reporting-debug", "protected-audience", "shared-storage"]


def errors_of(
    parameters: JobParameters = BY_ORIGIN, operation: str = "histogram", *, clear_text: bool = False, **members: Any
) -> tuple[ErrorCounter, ...]:
    return report_errors(replace(GOOD, **members), operation, parameters, now=NOW, clear_text=clear_text)


@pytest.mark.parametrize("parameters", [BY_ORIGIN, BY_SITE, replace(BY_ORIGIN, debug_run=True)])
def test_a_good_report_raises_no_counter(parameters: JobParameters) -> None:
    assert errors_of(parameters) == ()


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("version", ["0.1", "1.0", "1.9"])
def test_reports_of_the_four_apis_and_of_both_major_versions_count(api: str, version: str) -> None:
    assert errors_of(api=api, version=version) == ()


# Row 1: origin and site.


@pytest.mark.parametrize(
    "origin",
    ["https://adtech.test", "https://www.adtech.test/", "http://www.adtech.test", "https://WWW.adtech.test", ""],
)
def test_the_origin_is_compared_as_text(origin: str) -> None:
    assert ErrorCounter.ATTRIBUTION_REPORT_TO_MISMATCH in errors_of(reporting_origin=origin)


def test_another_origin_is_a_mismatch() -> None:
    assert errors_of(reporting_origin="https://other.test") == (ErrorCounter.ATTRIBUTION_REPORT_TO_MISMATCH,)


@pytest.mark.parametrize("origin", ["https://adtech.test", "https://a.b.adtech.test", "https://www.adtech.test:8443"])
def test_every_origin_of_the_site_is_of_the_site(origin: str) -> None:
    assert errors_of(BY_SITE, reporting_origin=origin) == ()


@pytest.mark.parametrize("origin", ["https://other.test", "https://adtech.test.example"])
def test_an_origin_of_another_site_is_a_mismatch(origin: str) -> None:
    assert errors_of(BY_SITE, reporting_origin=origin) == (ErrorCounter.REPORTING_SITE_MISMATCH,)


@pytest.mark.parametrize(
    "origin",
    ["adtech.test", "https://", "https://co.uk", "https://127.0.0.1", "https://[::1]", "https://localhost", "?"],
)
def test_an_origin_without_a_site_is_malformed(origin: str) -> None:
    assert errors_of(BY_SITE, reporting_origin=origin) == (ErrorCounter.ATTRIBUTION_REPORT_TO_MALFORMED,)


@pytest.mark.parametrize(
    ("origin", "site"),
    [
        ("https://a.b.example.co.uk", "https://example.co.uk"),
        ("https://x.github.io", "https://x.github.io"),  # the private section counts, as browsers have it
        ("http://report.example.com:8080", "https://example.com"),
        ("https://example.co.uk", "https://example.co.uk"),
        ("https://github.io", None),
    ],
)
def test_the_site_is_the_registrable_domain_with_https(origin: str, site: str | None) -> None:
    assert reporting_site(origin) == site


def test_the_longest_origin_has_a_site_and_a_longer_text_has_none_that_the_ledger_would_keep() -> None:
    longest = ".".join(["a" * 63] * 3 + ["a" * 49, "adtech", "test"])
    assert len(longest) == 253
    assert errors_of(BY_SITE, reporting_origin=f"https://{longest}:65535") == ()
    longer = f"https://a.adtech.test/{'x' * 1_000}"
    assert errors_of(BY_SITE, reporting_origin=longer) == (ErrorCounter.ATTRIBUTION_REPORT_TO_MALFORMED,)


# Row 2: age.


@pytest.mark.parametrize(
    ("time", "too_old"),
    [
        (NOW - 90 * DAY - 1, True),
        (NOW - 90 * DAY, True),
        (NOW - 90 * DAY + 1, False),
        (NOW + 9 * DAY, False),
        (-1, True),
    ],
)
def test_a_report_must_be_scheduled_after_90_days_ago(time: int, too_old: bool) -> None:
    expected = (ErrorCounter.ORIGINAL_REPORT_TIME_TOO_OLD,) if too_old else ()
    assert errors_of(scheduled_report_time=time) == expected


# Row 3: operation.


@pytest.mark.parametrize("operation", ["", "Histogram", "histogram ", "sum"])
def test_histogram_is_the_one_operation(operation: str) -> None:
    assert errors_of(operation=operation) == (ErrorCounter.UNSUPPORTED_OPERATION,)


# Row 4: debug mode.


@pytest.mark.parametrize("debug_mode", [None, "", "disabled", "Enabled", "true"])
def test_a_debug_run_takes_reports_with_debug_mode_enabled_alone(debug_mode: str | None) -> None:
    assert errors_of(replace(BY_ORIGIN, debug_run=True), debug_mode=debug_mode) == (ErrorCounter.DEBUG_NOT_ENABLED,)
    assert errors_of(debug_mode=debug_mode) == ()


# Rows 5 and 6: api, and what the budget key is made of.


@pytest.mark.parametrize("api", ["", "Attribution-Reporting", "fledge", "private-aggregation"])
def test_an_unknown_api_raises_two_counters(api: str) -> None:
    assert errors_of(api=api) == (
        ErrorCounter.UNSUPPORTED_REPORT_API_TYPE,
        ErrorCounter.REQUIRED_SHAREDINFO_FIELD_INVALID,
    )


def test_an_absent_api_raises_the_counter_of_required_members_alone() -> None:
    assert errors_of(api=None) == (ErrorCounter.REQUIRED_SHAREDINFO_FIELD_INVALID,)


@pytest.mark.parametrize(("api", "required"), list(zip(APIS, [True, True, False, False], strict=True)))
@pytest.mark.parametrize("destination", [None, ""])
def test_a_destination_is_required_where_the_budget_key_has_one(
    api: str, required: bool, destination: str | None
) -> None:
    expected = (ErrorCounter.REQUIRED_SHAREDINFO_FIELD_INVALID,) if required else ()
    assert errors_of(api=api, attribution_destination=destination) == expected


@pytest.mark.parametrize("api", APIS)
def test_no_api_requires_the_time_of_the_source(api: str) -> None:
    assert errors_of(api=api, source_registration_time=None) == ()


def test_an_empty_origin_is_no_part_of_a_budget_key() -> None:
    assert errors_of(clear_text=True, reporting_origin="") == (ErrorCounter.REQUIRED_SHAREDINFO_FIELD_INVALID,)


# Row 7: report id.


@pytest.mark.parametrize(
    "report_id",
    [
        *(None, "", "1", "21abd97f73e84b889389a9fee6abda5e", "21abd97f-73e8-4b88-9389-a9fee6abda5"),
        *("{21abd97f-73e8-4b88-9389-a9fee6abda5e}", "21abd97f-73e8-4b88-9389-a9fee6abda5e\n"),
        *(
            "21abd97g-73e8-4b88-9389-a9fee6abda5e",
            "21abd97f-73e8-4b88-9389-a9fee6abda5e0",
            "21abd97f-73e84b88-9389-a9fee6abda5e",
        ),
        "\u0661\u0661abd97f-73e8-4b88-9389-a9fee6abda5",
    ],
)
def test_a_report_id_that_is_absent_or_no_uuid_is_invalid(report_id: str | None) -> None:
    assert errors_of(report_id=report_id) == (ErrorCounter.INVALID_REPORT_ID,)


def test_a_uuid_may_be_written_in_capitals() -> None:
    assert errors_of(report_id="21ABD97F-73E8-4B88-9389-A9FEE6ABDA5E") == ()


# Row 8: version.


@pytest.mark.parametrize(
    "version",
    [*("", "0.0", "00.00", "1", "1.", ".1", "1.0.0", "v1.0", " 1.0", "1.0\n", "1,0", "-1.0", "+1.0", "\u0661.\u0660")],
)
def test_a_version_that_does_not_exist_raises_two_counters(version: str) -> None:
    assert errors_of(version=version) == (
        ErrorCounter.REQUIRED_SHAREDINFO_FIELD_INVALID,
        ErrorCounter.UNSUPPORTED_SHAREDINFO_VERSION,
    )


@pytest.mark.parametrize("version", ["2.0", "10.1", "9" * 10_000 + ".0"])
def test_a_version_after_ours_is_too_new(version: str) -> None:
    info = replace(GOOD, version=version)
    assert is_too_new(info)
    assert errors_of(version=version) == (ErrorCounter.UNSUPPORTED_SHAREDINFO_VERSION,)


@pytest.mark.parametrize(
    ("version", "major"), [("0.1", 0), ("1.0", 1), ("01.7", 1), ("0.0", 0), ("", None), ("1", None)]
)
def test_a_version_of_ours_or_none_is_not_too_new(version: str, major: int | None) -> None:
    info = replace(GOOD, version=version)
    assert not is_too_new(info)
    assert major_version(info) == major


def test_a_long_version_takes_no_long_time() -> None:
    assert major_version(replace(GOOD, version="0" * 1_000_000)) is None
    assert major_version(replace(GOOD, version="0" * 1_000_000 + "1.0")) == 1


# All together.

ALL_WRONG: dict[str, Any] = {
    "version": "0.0",
    "reporting_origin": "https://other.test",
    "scheduled_report_time": 0,
    "api": "fledge",
    "report_id": None,
    "debug_mode": None,
    "attribution_destination": None,
}


def test_every_failing_check_raises_its_own_counter() -> None:
    assert errors_of(replace(BY_SITE, debug_run=True), "sum", **ALL_WRONG) == (
        ErrorCounter.REPORTING_SITE_MISMATCH,
        ErrorCounter.ORIGINAL_REPORT_TIME_TOO_OLD,
        ErrorCounter.UNSUPPORTED_OPERATION,
        ErrorCounter.DEBUG_NOT_ENABLED,
        ErrorCounter.UNSUPPORTED_REPORT_API_TYPE,
        ErrorCounter.REQUIRED_SHAREDINFO_FIELD_INVALID,
        ErrorCounter.INVALID_REPORT_ID,
        ErrorCounter.UNSUPPORTED_SHAREDINFO_VERSION,
    )


def test_of_clear_text_neither_origin_age_nor_operation_is_checked() -> None:
    assert errors_of(replace(BY_ORIGIN, debug_run=True), "sum", clear_text=True, **ALL_WRONG) == (
        ErrorCounter.DEBUG_NOT_ENABLED,
        ErrorCounter.UNSUPPORTED_REPORT_API_TYPE,
        ErrorCounter.REQUIRED_SHAREDINFO_FIELD_INVALID,
        ErrorCounter.INVALID_REPORT_ID,
        ErrorCounter.UNSUPPORTED_SHAREDINFO_VERSION,
    )


# Reports of others.


def goldens(kind: str) -> list[dict[str, Any]]:
    lines = conformance_file("payload/goldens.jsonl").read_text().splitlines()
    return [case for case in map(json.loads, lines) if case["kind"] == kind]


def test_the_reports_that_chromium_sealed_count_but_for_those_without_a_version() -> None:
    reports = goldens("encrypted_report")
    assert reports
    for report in reports:
        info = parse_shared_info(report["report"]["shared_info"])
        assert info is not None
        parameters = JobParameters(attribution_report_to="https://report.test")
        errors = report_errors(info, "histogram", parameters, now=info.scheduled_report_time, clear_text=False)
        without_version = (
            ErrorCounter.REQUIRED_SHAREDINFO_FIELD_INVALID,
            ErrorCounter.UNSUPPORTED_SHAREDINFO_VERSION,
        )
        assert errors == (() if info.version else without_version), report["name"]


def test_the_reports_of_the_service_s_own_batches_count_in_the_local_tool() -> None:
    reports = [report for batch in goldens("plaintext_batch") for report in batch["reports"]]
    assert reports
    for report in reports:
        info = parse_shared_info(report["shared_info"])
        assert info is not None
        assert report_errors(info, "histogram", JobParameters(), now=NOW, clear_text=True) == ()


# Whatever a report says.

texts = st.none() | st.text(max_size=300) | st.sampled_from(["", "1.0", "0.1", "https://a.test", *APIS])


@given(
    st.builds(
        SharedInfo,
        texts.map(lambda text: text or ""),
        texts.map(lambda text: text or ""),
        st.integers(-(2**63), 2**63),
        *[texts] * 4,
        st.none() | st.integers(-(2**63), 2**63),
    ),
    st.text(),
    st.sampled_from([BY_ORIGIN, BY_SITE]),
    st.booleans(),
)
def test_whatever_a_report_says_each_check_counts_at_most_once(
    info: SharedInfo, operation: str, parameters: JobParameters, clear_text: bool
) -> None:
    errors = report_errors(info, operation, parameters, now=NOW, clear_text=clear_text)
    assert len(set(errors)) == len(errors) <= (5 if clear_text else 8)
