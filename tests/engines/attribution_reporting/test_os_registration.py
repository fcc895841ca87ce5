from __future__ import annotations

import pytest

from agent.engines.attribution_reporting.os_registration import OsRegistration, parse_os_registrations


@pytest.mark.parametrize(
    ("field", "registrations"),
    [
        (b"", ()),
        (b'"https://a.test"', (OsRegistration("https://a.test/"),)),
        (
            b'"https://a.test/x";debug-reporting, "https://b.test/";debug-reporting=?0',
            (OsRegistration("https://a.test/x", debug_reporting=True), OsRegistration("https://b.test/")),
        ),
    ],
)
def test_a_field_is_a_list_of_urls_with_debug_reporting(
    field: bytes, registrations: tuple[OsRegistration, ...]
) -> None:
    parsed = parse_os_registrations(field)
    assert parsed.value == registrations
    assert parsed.warnings == ()


def test_members_that_are_no_strings_with_urls_are_skipped() -> None:
    parsed = parse_os_registrations(b'tok, ("https://a.test/"), "/x", 5, %"https://c.test/", "https://b.test/"')
    assert parsed.value == (OsRegistration("https://b.test/"),)
    assert [issue.path for issue in parsed.warnings] == [(0,), (1,), (2,), (3,), (4,)]


def test_debug_reporting_that_is_no_boolean_counts_as_false() -> None:
    parsed = parse_os_registrations(b'"https://a.test/";debug-reporting=1;x=2')
    assert parsed.value == (OsRegistration("https://a.test/"),)
    assert [issue.path for issue in parsed.warnings] == [(0, "debug-reporting"), (0, "x")]


def test_a_field_that_is_no_list_is_refused() -> None:
    parsed = parse_os_registrations(b"!")
    assert parsed.value is None
    assert [issue.path for issue in parsed.errors] == [None]
