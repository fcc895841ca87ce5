from __future__ import annotations

from typing import Any

import pytest

from agent.model.attribution_reporting.registrations import EventReportWindows, SourceType
from agent.model.clock import DAY, HOUR, SECOND
from tests.engines.attribution_reporting.headers import source, source_errors


@pytest.mark.parametrize(
    ("expiry_days", "ends"),
    [(30, (2 * DAY, 7 * DAY, 30 * DAY)), (7, (2 * DAY, 7 * DAY)), (3, (2 * DAY, 3 * DAY)), (1, (DAY,))],
)
def test_windows_of_navigation_sources_end_after_2_and_7_days_and_at_the_expiry(
    expiry_days: int, ends: tuple[int, ...]
) -> None:
    assert source(expiry=expiry_days * 86_400).event_report_windows == EventReportWindows(0, ends)


@pytest.mark.parametrize(
    ("given", "ends"),
    [(1, (HOUR,)), ("7200", (2 * HOUR,)), (172_801, (2 * DAY, 172_801 * SECOND)), (10**9, (2 * DAY, 5 * DAY))],
)
def test_one_event_report_window_is_clamped_and_keeps_the_default_ends_before_it(
    given: object, ends: tuple[int, ...]
) -> None:
    assert source(expiry=432_000, event_report_window=given).event_report_windows == EventReportWindows(0, ends)


def test_an_event_source_has_one_window() -> None:
    windows = source(SourceType.EVENT, event_report_window=864_000).event_report_windows
    assert windows == EventReportWindows(0, (10 * DAY,))


@pytest.mark.parametrize(
    ("windows", "read"),
    [
        ({"end_times": [3600, 7200]}, (0, 3600, 7200)),
        ({"start_time": 10, "end_times": [3611.0]}, (10, 3611)),
        ({"end_times": [1]}, (0, 3600)),
        ({"end_times": [2_147_483_648]}, (0, 86_400)),
        ({"start_time": 3600, "end_times": [86_401]}, (3600, 86_400)),
    ],
)
def test_end_times_are_clamped_to_an_hour_and_the_expiry(windows: dict[str, Any], read: tuple[int, ...]) -> None:
    start, *ends = (seconds * SECOND for seconds in read)
    assert source(expiry=86_400, event_report_windows=windows).event_report_windows == EventReportWindows(
        start, tuple(ends)
    )


@pytest.mark.parametrize(
    ("windows", "error"),
    [
        ({}, [("end_times",)]),
        ({"end_times": []}, [("end_times",)]),
        ({"end_times": list(range(3600, 3606))}, [("end_times",)]),
        ({"end_times": {}}, [("end_times",)]),
        ({"end_times": ["3600"]}, [("end_times", 0)]),
        ({"end_times": [0]}, [("end_times", 0)]),
        ({"end_times": [7200, 3600]}, [("end_times", 1)]),
        ({"end_times": [1, 2]}, [("end_times", 1)]),
        ({"start_time": 3600, "end_times": [3600]}, [("end_times", 0)]),
        ({"start_time": -1, "end_times": [3600]}, [("start_time",), ("end_times",)]),
        ({"start_time": "0", "end_times": [3600]}, [("start_time",), ("end_times",)]),
        ({"start_time": 86_401, "end_times": [3600]}, [("start_time",), ("end_times",)]),
    ],
)
def test_windows_ascend_from_their_start(windows: dict[str, Any], error: list[tuple[str | int, ...]]) -> None:
    expected = [("event_report_windows", *path) for path in error]
    assert source_errors(expiry=86_400, event_report_windows=windows) == expected


def test_both_window_fields_together_are_an_error_of_the_root() -> None:
    assert source_errors(event_report_window=3600, event_report_windows={"end_times": [3600]}) == [()]
