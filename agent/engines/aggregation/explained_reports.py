"""Which reports were left out of a job, and why: the part of its explanation that names them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agent.model.aggregation import ErrorCounter, LeftOut, Partial
from agent.model.events import Check

_NAMED = 3
_FEW = 5
_SHOWN = 80
_FIXES = {
    ErrorCounter.INTERNAL_ERROR: "leave the report out, or give the key that it was sealed to: no report should do"
    " this",
    ErrorCounter.ATTRIBUTION_REPORT_TO_MALFORMED: "leave the report out: the site of its reporting origin is not known",
    ErrorCounter.ATTRIBUTION_REPORT_TO_MISMATCH: "name the reports' own origin as attribution_report_to, or their site"
    " as reporting_site",
    ErrorCounter.DECRYPTION_ERROR: "take payload, key_id and shared_info as they stand in the report",
    ErrorCounter.DEBUG_NOT_ENABLED: "give a debug run what the debug endpoints collected, or run without debug_run",
    ErrorCounter.DECRYPTION_KEY_NOT_FOUND: "give the keys of the coordinator that the reports name",
    ErrorCounter.DECRYPTION_KEY_FETCH_ERROR: "try again once the coordinator answers",
    ErrorCounter.ORIGINAL_REPORT_TIME_TOO_OLD: "aggregate reports within 90 days of their scheduled_report_time;"
    " for old ones, --now sets the time of the job",
    ErrorCounter.REPORTING_SITE_MISMATCH: "name the site of the reports' own origin as reporting_site",
    ErrorCounter.UNSUPPORTED_OPERATION: "only the operation histogram is aggregated",
    ErrorCounter.UNSUPPORTED_REPORT_API_TYPE: "only attribution-reporting, attribution-reporting-debug,"
    " protected-audience and shared-storage are aggregated",
    ErrorCounter.REQUIRED_SHAREDINFO_FIELD_INVALID: "keep every member of shared_info: the budget needs them",
    ErrorCounter.INVALID_REPORT_ID: "keep report_id, a UUID, in shared_info",
    ErrorCounter.REPORT_PARSING_ERROR: "leave the report out, or see what `tallyhost decrypt` says of it",
    ErrorCounter.UNSUPPORTED_SHAREDINFO_VERSION: "leave the report out: versions are 0.1 to 1.x",
}
"""What to do where no mistake is known."""


def left_out_checks(partial: Partial) -> Iterator[Check]:
    """One failed check for each counter, in their order, with the first reports that it counts."""
    for counter in ErrorCounter:
        count = partial.errors[counter]
        if not count or counter is ErrorCounter.NUM_REPORTS_WITH_ERRORS:
            continue
        named = [one for one in partial.left_out if counter in one.errors][:_NAMED]
        detail = f"{counted(count, 'report')} left out{_examples(named, count)}"
        mistake = next((one.mistake for one in named if one.mistake), "")
        if counter is ErrorCounter.ATTRIBUTION_REPORT_TO_MISMATCH and count == partial.reports:
            mistake = mistake or _other_origin(named)
        yield Check(counter, passed=False, detail=detail, fix=mistake or _FIXES.get(counter, ""))


def counted(count: int, noun: str) -> str:
    """``1 report``, ``1,200 reports``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def few(values: Sequence[object]) -> str:
    """The first of ``values``, after commas, and whether there are more."""
    return ", ".join(map(str, values[:_FEW])) + (", ..." if len(values) > _FEW else "")


def shown(text: str) -> str:
    """A text that somebody else wrote, cut to what a line can show, with what would end the line escaped."""
    line = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text[:_SHOWN])
    return line if len(text) <= _SHOWN else f"{line}..."


def _examples(named: Sequence[LeftOut], count: int) -> str:
    """Which ones and why; what they have in common is said once."""
    if not named:
        return ""
    more = f"; and {count - len(named):,} more" if count > len(named) else ""
    if len({one.detail for one in named}) == 1:
        return f", {named[0].detail}: {', '.join(map(_place, named))}{more}"
    return f": {'; '.join(f'{_place(one)} {one.detail}' for one in named)}{more}"


def _other_origin(named: Sequence[LeftOut]) -> str:
    """What to write where no report is of the job's origin, and those named are of one other."""
    origins = {one.reporting_origin for one in named}
    if len(origins) != 1:
        return ""
    return f"no report is of this origin: write attribution_report_to={shown(origins.pop() or '')}"


def _place(one: LeftOut) -> str:
    return f"{one.where} ({shown(one.report_id)})" if one.report_id else one.where
