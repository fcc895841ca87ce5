"""The two limits that both branches of a trigger keep, in orders of their own (engine, sections 3.2 and 3.3)."""

from __future__ import annotations

from agent.engines.attribution_reporting.durations import duration_text
from agent.engines.attribution_reporting.trigger_course import Refusal, TriggerCourse
from agent.model.attribution_reporting.facts import StoredSource
from agent.model.attribution_reporting.verdicts import TriggerVerdict


def attributions(
    course: TriggerCourse, source: StoredSource, kind: str, count: int, verdict: TriggerVerdict
) -> Refusal | None:
    """Whether (source site, destination, reporting site) may have one more attribution of ``kind``, after ``count``."""
    limit = course.limits.rate_limit_max_attributions
    rule = f"{kind} attributions of source site and destination"
    window = duration_text(course.limits.rate_limit_time_window)
    sites = f"{source.registrant.context_site} and {course.registrant.context_site}"
    detail = f"{count} of {sites} within {window}, room for {limit}"
    if count >= limit:
        return course.refuse(verdict, rule, detail, "wait until earlier attributions leave the window", limit=limit)
    course.passed(rule, detail)
    return None


def pending_reports(
    course: TriggerCourse, kind: str, count: int, limit: int, verdict: TriggerVerdict
) -> Refusal | None:
    """Whether the destination may have one more pending report of ``kind``, after ``count``."""
    rule = f"{kind} reports of the destination"
    detail = f"{count} pending for {course.registrant.context_site}, room for {limit}"
    if count >= limit:
        return course.refuse(verdict, rule, detail, "wait until pending reports have been sent", limit=limit)
    course.passed(rule, detail)
    return None
