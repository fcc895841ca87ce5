"""Parsing of ``event_report_window`` and ``event_report_windows`` (registration section 5.1)."""

from __future__ import annotations

from typing import Final

from agent.engines.attribution_reporting.json_node import Node
from agent.engines.attribution_reporting.scalars import integral, read_duration, read_positive_seconds
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import EventReportWindows, SourceType
from agent.model.clock import DAY, SECOND

MAX_WINDOWS: Final = 5
_NAVIGATION_ENDS = (2 * DAY, 7 * DAY)
"""Where windows of navigation sources end by default, before the last one."""


def read_event_report_windows(
    root: Node, expiry: int | None, source_type: SourceType, limits: AttributionReportingLimits
) -> EventReportWindows:
    """The windows of a source; ``expiry`` (milliseconds) is None where it was wrong."""
    single, several = root.member("event_report_window"), root.member("event_report_windows")
    if single is not None and several is not None:
        root.error(
            "has both event_report_window and event_report_windows", "these two exclude one another", "keep one of them"
        )
    last = limits.max_source_expiry if expiry is None else expiry
    if single is not None:
        last = read_window(single, expiry, limits)
    if several is not None and several.is_object():
        return _windows(several, expiry, limits)
    return EventReportWindows(0, default_ends(last, source_type))


def default_ends(last: int, source_type: SourceType) -> tuple[int, ...]:
    """The ends of the windows of a source whose last window ends at ``last``."""
    earlier = _NAVIGATION_ENDS if source_type is SourceType.NAVIGATION else ()
    return (*(end for end in earlier if end < last), last)


def read_window(node: Node, expiry: int | None, limits: AttributionReportingLimits) -> int:
    """A report window that ends between the least one and the expiry, in milliseconds."""
    seconds = read_duration(node)
    if seconds is None:
        return limits.min_report_window
    if expiry is None:
        _depends(node, "expiry")
        return limits.min_report_window
    return clamp(node, seconds * SECOND, limits.min_report_window, expiry)


def clamp(node: Node, duration: int, least: int, most: int) -> int:
    """A duration in milliseconds, changed with a warning where it is out of range."""
    clamped = max(least, min(duration, most))
    if clamped != duration:
        node.warning(f"is {duration // SECOND} seconds and is taken for {clamped // SECOND}")
    return clamped


def _windows(node: Node, expiry: int | None, limits: AttributionReportingLimits) -> EventReportWindows:
    node.warn_of_unknown(("start_time", "end_times"))
    start: int | None = 0
    given = node.member("start_time")
    if given is not None:
        start = _start_time(given, expiry)
    ends = node.required("end_times")
    return EventReportWindows(start or 0, () if ends is None else _end_times(ends, start, expiry, limits))


def _start_time(node: Node, expiry: int | None) -> int | None:
    seconds = integral(node.value)
    if seconds is None or seconds < 0 or (expiry is not None and seconds * SECOND > expiry):
        node.unlike("seconds: an integer from 0 to the expiry" + ("" if expiry is None else f" of {expiry // SECOND}"))
        return None
    if expiry is None:
        _depends(node, "expiry")
    return seconds * SECOND


def _end_times(
    node: Node, start: int | None, expiry: int | None, limits: AttributionReportingLimits
) -> tuple[int, ...]:
    if not node.is_list():
        return ()
    if not 1 <= len(node.value) <= MAX_WINDOWS:
        node.error(f"has {len(node.value)} entries", f"a list of 1 to {MAX_WINDOWS} entries")
        return ()
    ends: list[int] = []
    previous = start
    for entry in node.entries():
        seconds = read_positive_seconds(entry)
        if seconds is None:
            previous = None
            continue
        end = seconds * SECOND
        if expiry is not None:
            end = clamp(entry, end, limits.min_report_window, expiry)
        if previous is not None and end <= previous:
            entry.error(f"ends a window at {end // SECOND}", f"after {previous // SECOND}, where the window begins")
            break  # the ends after a misplaced one have nothing to be compared with
        ends.append(end)
        previous = end
    if start is None:
        _depends(node, "start_time")
    elif expiry is None:
        _depends(node, "expiry")
    return tuple(ends)


def _depends(node: Node, other: str) -> None:
    node.error(f"cannot be checked without a valid {other}")
