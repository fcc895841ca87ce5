"""Other people's headers: the WICG validator's verdicts, and those of real Chromium 143."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from agent.engines.attribution_reporting.header_check import limits_when_stored
from tests.conformance.header_verdicts import (
    DIFFERENCES,
    FILES,
    as_path,
    captured_checks,
    cases,
    checked,
    chromium_s_verdicts,
    expected_verdict,
    limits_of,
    source_type_of,
    verdict,
)

WARNING_DIFFERENCES: Mapping[str | int, str] = {
    258: "the validator takes an IPv6 address for a public suffix",
    950: "Chromium takes more than 32 hexadecimal digits where the value fits 128 bits",
    "source-127": "the validator does not compare values with the budget after another problem",
}
"""Cases, by id, in which we warn of other places than the validator, beside those of DIFFERENCES."""


@pytest.mark.parametrize("name", FILES)
def test_every_header_is_judged_as_the_validator_does_or_the_table_says_why_not(name: str) -> None:
    different = {
        case["id"]: (verdict(checked(case)), expected_verdict(case))
        for case in cases(name)
        if case["id"] not in DIFFERENCES and verdict(checked(case)) != expected_verdict(case)
    }
    assert different == {}


def test_every_difference_of_the_table_is_one() -> None:
    judged = {case["id"]: case for name in FILES for case in cases(name)}
    equal = [id_ for id_ in DIFFERENCES if verdict(checked(judged[id_])) == expected_verdict(judged[id_])]
    assert equal == []


def test_every_accepted_header_has_the_validator_s_normal_form() -> None:
    accepted = [case for case in cases("header_cases.jsonl") if case["accept"]]
    assert accepted
    different = {
        case["id"]: (checked(case).normalized, case.get("normalized"))
        for case in accepted
        if checked(case).normalized != case.get("normalized")
    }
    assert different == {}


@pytest.mark.parametrize("name", FILES)
def test_sources_that_parse_meet_the_limits_of_storage_as_the_validator_says(name: str) -> None:
    different = {}
    for case in cases(name):
        source = checked(case).source
        if source is not None and case["id"] not in DIFFERENCES:
            findings = limits_when_stored(source, source_type_of(case), limits_of(case))
            if all(finding.check.passed for finding in findings) is not case["accept"]:
                different[case["id"]] = [finding.check for finding in findings]
    assert different == {}


@pytest.mark.parametrize("name", FILES)
def test_warnings_stand_where_the_validator_s_do(name: str) -> None:
    for case in cases(name):
        if case["id"] not in DIFFERENCES:
            given = case["warning_paths"] if "warning_paths" in case else [each["path"] for each in case["warnings"]]
            expected = {as_path(path) for path in given}
            told = {issue.path for issue in checked(case).warnings}
            assert (told == expected) is (case["id"] not in WARNING_DIFFERENCES), (case["id"], told, expected)


@pytest.mark.parametrize("kind", ["SOURCES", "TRIGGERS"])
def test_real_chromium_gives_the_same_verdicts(kind: str) -> None:
    theirs = chromium_s_verdicts(kind)
    assert theirs
    assert {name: check.accept for name, check in captured_checks(kind).items()} == theirs
