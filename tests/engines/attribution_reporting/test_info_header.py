from __future__ import annotations

import pytest

from agent.engines.attribution_reporting.info_header import Info, Platform, choose_platform, parse_info

WEB, OS = Platform.WEB, Platform.OS


@pytest.mark.parametrize(
    ("field", "info"),
    [
        (b"", Info()),
        (b"report-header-errors", Info(None, report_header_errors=True)),
        (b"report-header-errors=?0;x=1, y", Info()),
        (b"preferred-platform=os", Info(OS)),
        (b"preferred-platform=web;x, report-header-errors=?1", Info(WEB, report_header_errors=True)),
    ],
)
def test_the_field_names_a_platform_and_asks_for_header_errors(field: bytes, info: Info) -> None:
    assert parse_info(field).value == info


@pytest.mark.parametrize(
    ("field", "path"),
    [
        (b"!", None),
        (b"report-header-errors=1", ("report-header-errors",)),
        (b'report-header-errors="x"', ("report-header-errors",)),
        (b"report-header-errors=(?1)", ("report-header-errors",)),
        (b'preferred-platform="os"', ("preferred-platform",)),
        (b"preferred-platform=abc", ("preferred-platform",)),
        (b"preferred-platform", ("preferred-platform",)),
        (b"preferred-platform=(os)", ("preferred-platform",)),
    ],
)
def test_a_member_of_another_type_makes_the_field_invalid(field: bytes, path: tuple[str, ...] | None) -> None:
    parsed = parse_info(field)
    assert parsed.value is None
    assert [issue.path for issue in parsed.errors] == [path]


@pytest.mark.parametrize(
    ("preferred", "web", "os", "able", "chosen"),
    [
        # (preferred, fields in the response, what the agent supports) by the table of section 3.2
        (None, True, True, (WEB, OS), None),
        (None, True, False, (WEB,), WEB),
        (None, True, False, (OS,), None),
        (None, False, True, (OS,), OS),
        (None, False, True, (WEB,), None),
        (None, False, False, (WEB, OS), None),
        (WEB, False, True, (WEB, OS), None),
        (WEB, True, True, (WEB, OS), WEB),
        (WEB, True, True, (OS,), OS),
        (WEB, True, False, (OS,), None),
        (OS, True, False, (WEB, OS), None),
        (OS, True, True, (WEB, OS), OS),
        (OS, True, True, (WEB,), WEB),
        (OS, False, True, (WEB,), None),
    ],
)
def test_the_preferred_platform_registers_and_the_other_where_it_cannot(
    preferred: Platform | None, web: bool, os: bool, able: tuple[Platform, ...], chosen: Platform | None
) -> None:
    result = choose_platform(preferred, web=web, os=os, supports_web=WEB in able, supports_os=OS in able)
    assert result is chosen
