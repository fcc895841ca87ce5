"""What became of a job and why: its event, with the checks in the order in which the service makes them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from agent.engines.aggregation.batch_mistakes import (
    domain_mistake,
    filtering_mistake,
    hexadecimal,
    mixed_debug,
    two_coordinators,
    valid_reports,
)
from agent.engines.aggregation.explained_reports import counted, few, left_out_checks, shown
from agent.engines.aggregation.explained_units import KEPT_UNITS, exhausted_checks, spent_checks, unit_values
from agent.engines.aggregation.parameters import InvalidParameter
from agent.model.aggregation import (
    AGGREGATION_JOB,
    ErrorCounter,
    JobParameters,
    Partial,
    ReturnCode,
    SpentUnit,
    Summary,
)
from agent.model.clock import format_instant
from agent.model.errors import TallyhostError
from agent.model.events import Check, Event, Trace

_AGAIN = "run the same job again with this id: nothing was spent"
_NAMED_BUCKETS = 5
_SPENDING = {ReturnCode.SUCCESS, ReturnCode.SUCCESS_WITH_ERRORS, ReturnCode.RESULT_WRITE_ERROR}


class Step(StrEnum):
    """The steps of a job, in their order."""

    PARAMETERS = "job parameters"
    DOMAIN = "output domain"
    INPUT = "input"
    REPORTS = "reports"
    THRESHOLD = "error threshold"
    NOISE = "noise"
    BUDGET = "privacy budget"
    OUTPUT = "summary written"


@dataclass(frozen=True, kw_only=True)
class JobFacts:
    """What there is to tell of a job, as far as it came."""

    job_request_id: str
    time: int
    """Milliseconds since 1970."""
    return_code: ReturnCode
    return_message: str = ""
    parameters: JobParameters | None = None
    """None where they are invalid."""
    invalid: tuple[InvalidParameter, ...] = ()
    shards: int = 0
    domain: Collection[int] | None = None
    """None where it is optional, or was not read."""
    domain_optional: bool = False
    partial: Partial | None = None
    """None where the input was not read."""
    summary: Summary | None = None
    """None where none was made."""
    exhausted: tuple[SpentUnit, ...] = ()
    exhausted_documents: Sequence[Mapping[str, Any]] = ()
    """The entries of the dump, which tell what the exhausted units are made of."""
    written: tuple[str, ...] = ()
    """Names of files."""
    clear_text: bool = False
    noise: bool = True
    failed: Step | None = None
    """The step that failed with ``error``, where the other facts do not tell it."""
    error: TallyhostError | None = None


def job_event(facts: JobFacts) -> Event:
    """The event of a job that ended: what `explain` shows of it. Its data is bounded, however large the job was."""
    return Event(
        AGGREGATION_JOB,
        facts.time,
        facts.return_code,
        _line(facts),
        data=_data(facts),
        trace=Trace(tuple(_checks(facts))),
    )


def spends(facts: JobFacts) -> bool:
    """Whether the job has its budget, now that it ended."""
    asked = facts.parameters
    return facts.return_code in _SPENDING and asked is not None and not asked.debug_run and not facts.clear_text


def _checks(facts: JobFacts) -> Iterator[Check]:
    """The checks in the service's order, up to the one that ended the job."""
    for step, checks in (
        (Step.PARAMETERS, _parameters),
        (Step.DOMAIN, _domain),
        (Step.INPUT, _input),
        (Step.REPORTS, _reports),
        (Step.THRESHOLD, _threshold),
        (Step.NOISE, _noise),
        (Step.BUDGET, _budget),
        (Step.OUTPUT, _output),
    ):
        if facts.failed is step and facts.error is not None:
            error = facts.error
            detail = ": ".join(part for part in (error.where, error.what) if part)
            yield Check(step, passed=False, detail=detail, fix=error.fix or error.rule or _AGAIN)
            return
        yield from checks(facts)
        if _ended_at(facts) is step:
            return


def _ended_at(facts: JobFacts) -> Step | None:
    """The step after which there was nothing more to do, where no error tells it."""
    match facts.return_code:
        case ReturnCode.INVALID_JOB:
            return Step.PARAMETERS
        case ReturnCode.UNSUPPORTED_REPORT_VERSION:
            return Step.REPORTS
        case ReturnCode.REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD:
            return Step.THRESHOLD
        case ReturnCode.PRIVACY_BUDGET_EXHAUSTED:
            return Step.BUDGET
    return None


def _parameters(facts: JobFacts) -> Iterator[Check]:
    for one in facts.invalid:
        detail = f"{one.value!r}, but {one.name} {one.rule}"
        yield Check(Step.PARAMETERS, passed=False, detail=detail, fix=one.fix)
    asked = facts.parameters
    if facts.invalid or asked is None:
        return
    name, who = "attribution_report_to", asked.attribution_report_to
    if asked.reporting_site is not None:
        name, who = "reporting_site", asked.reporting_site
    ids = few(sorted(asked.filtering_ids))
    run = ", debug run" if asked.debug_run else ""
    detail = f"{name} {shown(who or '')}, epsilon {asked.debug_privacy_epsilon:g}, filtering ids {ids}{run}"
    yield Check(Step.PARAMETERS, passed=True, detail=detail)


def _domain(facts: JobFacts) -> Iterator[Check]:
    if facts.domain is not None:
        yield Check(Step.DOMAIN, passed=True, detail=counted(len(facts.domain), "bucket"))
    elif facts.domain_optional:
        yield Check(Step.DOMAIN, passed=True, detail="none given: the summary has the buckets of the reports")


def _input(facts: JobFacts) -> Iterator[Check]:
    if facts.partial is not None:
        detail = f"{counted(facts.partial.reports, 'report')} in {counted(facts.shards, 'shard')}"
        yield Check(Step.INPUT, passed=True, detail=detail)


def _reports(facts: JobFacts) -> Iterator[Check]:
    partial, asked = facts.partial, facts.parameters
    if partial is None or asked is None:
        return
    if partial.unsupported_version:
        yield Check(
            Step.REPORTS,
            passed=False,
            detail=f"one is of version {partial.unsupported_version}: this service knows 0 and 1, and a newer one fails"
            " the whole job",
            fix="leave the reports of that version out",
        )
        return
    yield from left_out_checks(partial)
    if partial.duplicates:
        detail = f"{counted(partial.duplicates, 'report')} whose report_id came before: the first one counts"
        yield Check("each report once", passed=True, detail=detail)
    valid = valid_reports(partial)
    yield Check(Step.REPORTS, passed=True, detail=f"{valid:,} of {partial.reports:,} count")
    for rule, mistake in (
        ("one coordinator", two_coordinators(partial)),
        ("debug or production", mixed_debug(partial, asked)),
        ("filtering ids", filtering_mistake(partial, asked)),
    ):
        if mistake is not None:
            certain = mistake.certain
            yield Check(rule, not certain, mistake.what if certain else str(mistake), mistake.fix if certain else "")


def _threshold(facts: JobFacts) -> Iterator[Check]:
    partial, asked = facts.partial, facts.parameters
    if partial is None or asked is None:
        return
    failed, share = partial.errors[ErrorCounter.NUM_REPORTS_WITH_ERRORS], asked.report_error_threshold_percentage
    passed = facts.return_code is not ReturnCode.REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD
    most = f"{partial.reports * share / 100:,.1f}".removesuffix(".0")
    detail = f"{failed:,} of {partial.reports:,} left out, at most {most} ({share:g} %) may be"
    if not passed and asked.input_report_count is not None:
        detail += f"; input_report_count announces {asked.input_report_count:,}"
    fix = "mend what left the reports out, or raise report_error_threshold_percentage; no budget was spent"
    yield Check(Step.THRESHOLD, passed, detail, "" if passed else fix)


def _noise(facts: JobFacts) -> Iterator[Check]:
    partial, summary = facts.partial, facts.summary
    if partial is not None and facts.domain is not None and partial.sums:
        yield _domain_match(facts, frozenset(facts.domain), partial.sums)
    if summary is None:
        return
    if not facts.noise:
        yield Check(Step.NOISE, passed=True, detail="none: the sums are exact")
        return
    yield Check(
        Step.NOISE,
        passed=True,
        detail=f"epsilon {summary.epsilon:g}: scale {summary.scale:,.1f}, standard deviation"
        f" {summary.standard_deviation:,.0f}, 90 % of values within {summary.interval:,} of the truth",
    )


def _domain_match(facts: JobFacts, domain: frozenset[int], buckets: Collection[int]) -> Check:
    rule = "domain matches"
    mistake = domain_mistake(domain, buckets)
    if mistake is not None:
        gone = "; what the job spent is gone, and a debug run or clear text tries a domain for nothing"
        return Check(rule, passed=False, detail=mistake.what, fix=f"{mistake.fix}{gone if spends(facts) else ''}")
    above_threshold = {fact.bucket for fact in facts.summary.facts if not fact.in_domain} if facts.summary else set()
    matched = sum(bucket in domain for bucket in buckets)
    detail = f"the domain has {matched:,} of the reports' {counted(len(buckets), 'bucket')}"
    if dropped := [bucket for bucket in buckets if bucket not in domain and bucket not in above_threshold]:
        detail += f"; dropped: {few([hexadecimal(bucket) for bucket in dropped[: _NAMED_BUCKETS + 1]])}"
    return Check(rule, passed=True, detail=detail)


def _budget(facts: JobFacts) -> Iterator[Check]:
    partial, asked = facts.partial, facts.parameters
    if partial is None or asked is None:
        return
    if facts.exhausted:
        yield from exhausted_checks(Step.BUDGET, facts.exhausted, facts.exhausted_documents, wanted=len(partial.units))
    elif asked.debug_run or facts.clear_text:
        why = "a debug run" if asked.debug_run else "a job over clear text"
        yield Check(Step.BUDGET, passed=True, detail=f"not asked: {why} spends none")
    elif spends(facts):
        yield from spent_checks(Step.BUDGET, partial.units, partial.made_of)


def _output(facts: JobFacts) -> Iterator[Check]:
    if facts.return_code in _SPENDING and facts.summary is not None:
        files = f": {', '.join(facts.written)}" if facts.written else ""
        yield Check(Step.OUTPUT, passed=True, detail=f"{counted(len(facts.summary.facts), 'bucket')}{files}")


def _line(facts: JobFacts) -> str:
    """The event's one line."""
    partial, name = facts.partial, f"job {facts.job_request_id}"
    if facts.return_code not in _SPENDING or facts.summary is None or partial is None:
        said = facts.return_message or (facts.error.what if facts.error else "")
        return f"{name}: {said}" if said else f"{name} has no summary"
    reports = f"{valid_reports(partial):,} of {counted(partial.reports, 'report')}"
    return f"{name}: {reports} in {counted(len(facts.summary.facts), 'bucket')}"


def _data(facts: JobFacts) -> dict[str, Any]:
    """The same as plain JSON."""
    partial, asked = facts.partial, facts.parameters
    data: dict[str, Any] = {"job_request_id": facts.job_request_id, "return_code": str(facts.return_code)}
    if asked is not None:
        data["attribution_report_to"] = shown(asked.attribution_report_to or "")
        data["reporting_site"] = shown(asked.reporting_site or "")
        data["epsilon"] = asked.debug_privacy_epsilon
        data["filtering_ids"] = [str(one) for one in sorted(asked.filtering_ids)[:KEPT_UNITS]]
        data["debug_run"] = asked.debug_run
    if partial is not None:
        data["reports"] = partial.reports
        data["duplicates"] = partial.duplicates
        data["error_counts"] = {
            str(counter): partial.errors[counter] for counter in ErrorCounter if partial.errors[counter]
        }
    if facts.summary is not None:
        data["buckets"] = len(facts.summary.facts)
    if facts.exhausted:
        data["exhausted_units"] = len(facts.exhausted)
        data["exhausted"] = [
            {**unit_values(one.unit), "job_request_id": one.job_request_id, "time": format_instant(one.time)}
            for one in facts.exhausted[:KEPT_UNITS]
        ]
    elif partial is not None and spends(facts):
        data["spent_units"] = len(partial.units)
        data["spent"] = [
            {**unit_values(unit), "reports": reports} for unit, reports in list(partial.units.items())[:KEPT_UNITS]
        ]
    return data
