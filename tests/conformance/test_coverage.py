"""docs/coverage.md is what the conformance runs say, and tells what it leaves out."""

from __future__ import annotations

import pytest

from tests.conformance import coverage
from tests.conformance.coverage_rows import APIS, JUDGES, Row, grouped
from tests.conformance_data import FOLDER, WHY_SKIPPED


@pytest.fixture(scope="module")
def found() -> list[Row]:
    """What every judge says."""
    if not FOLDER.is_dir():
        pytest.skip(WHY_SKIPPED)
    return coverage.rows()


def test_the_page_is_what_the_runs_say(found: list[Row]) -> None:
    assert coverage.page(found) == coverage.PAGE.read_text("utf-8")


def test_every_case_passes_but_those_in_which_chromium_is_followed(found: list[Row]) -> None:
    assert {row.api for row in found} == set(APIS)
    assert {row.judge for row in found} == set(JUDGES)
    assert [row for row in found if row.passed + row.deliberate != row.total] == []


def test_a_case_that_fails_is_counted_and_named() -> None:
    page = coverage.page([Row(APIS[0], "Budgets", "a judge", 1, 3)])
    assert "| Budgets | a judge | 1 | 3 |" in page
    assert "- Budgets, a judge: 2 wrong" in page


def test_a_case_decided_as_another_judge_says_is_told_with_the_reason() -> None:
    page = coverage.page([Row(APIS[0], "Budgets", "a judge", 1, 3, 1, "Chromium takes it")])
    assert "- Budgets, a judge: 1 decided as Chromium does (Chromium takes it); 1 wrong" in page


def test_the_longest_beginning_of_a_name_gives_its_feature() -> None:
    assert list(grouped(["ab", "abc", "a"], {"a": "first", "abc": "second"})) == [
        ("first", ["ab", "a"]),
        ("second", ["abc"]),
    ]


def test_a_case_of_no_feature_is_an_error_that_names_it() -> None:
    with pytest.raises(LookupError, match="zebra"):
        list(grouped(["zebra"], {"a": "first"}))
