"""Null reports: what hides whether a trigger was attributed (engine, section 3.5)."""

from __future__ import annotations

from collections.abc import Iterator

from agent.engines.attribution_reporting.aggregatable import coordinator, day_of, leaves_at_once, report_time
from agent.engines.attribution_reporting.trigger_course import TriggerCourse
from agent.model.attribution_reporting.registrations import SourceRegistrationTime
from agent.model.attribution_reporting.reports import AggregatableContent
from agent.model.clock import DAY

DAYS = 31
"""The days that a source may have been registered on: today and the 30 before."""


def null_reports(course: TriggerCourse, attributed: int | None) -> tuple[AggregatableContent, ...]:
    """The null reports of a trigger.

    ``attributed`` is the time of the source that a real report was stored for, None where none was.
    """
    registration = course.registration
    if not registration.registers_aggregatable:
        return ()
    if registration.aggregatable_source_registration_time is SourceRegistrationTime.INCLUDE:
        return tuple(_null_report(course, day) for day in _days(course, attributed))
    if attributed is not None:
        return ()
    return (_null_report(course, None),) if leaves_at_once(registration) or _by_chance(course) else ()


def _by_chance(course: TriggerCourse) -> bool:
    limits = course.limits
    return not limits.debug_mode and course.chance.null_report(limits.null_report_rate_exclude, 0)


def _days(course: TriggerCourse, attributed: int | None) -> Iterator[int]:
    """The days, as instants, for which chance makes a null report; never that of the real report."""
    if course.limits.debug_mode:
        return
    for day in range(DAYS):
        fake = day_of(course.now - day * DAY)
        if attributed is not None and fake == day_of(attributed):
            continue
        if course.chance.null_report(course.limits.null_report_rate_include, day):
            yield fake


def _null_report(course: TriggerCourse, source_registration_time: int | None) -> AggregatableContent:
    registration = course.registration
    return AggregatableContent(
        reporting_origin=course.registrant.reporting_origin,
        report_id=course.chance.report_id(),
        attribution_destination=course.registrant.context_site,
        report_time=report_time(course),
        coordinator=coordinator(course),
        filtering_id_max_bytes=registration.aggregatable_filtering_id_max_bytes,
        source_registration_time=source_registration_time,
        trigger_context_id=registration.trigger_context_id,
    )
