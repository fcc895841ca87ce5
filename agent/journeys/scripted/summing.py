"""The step ``summary``: reports that left are added up by the local aggregation service, and the sums compared."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.aggregation.job import Job, run_job
from agent.aggregation.outcome import AggregationError, AggregationErrorCode
from agent.aggregation.outputs import Output
from agent.expectations.matching import matches
from agent.journeys.scripted.vocabulary import Summary, number_of
from agent.model.aggregation import DEFAULT_EPSILON, ReturnCode
from agent.model.attribution_reporting.reports import AggregatableContent
from agent.model.clock import Clock
from agent.model.errors import TallyhostError, UsageError
from agent.model.limits import MICRO
from agent.model.private_aggregation import PrivateAggregationContent
from agent.model.reports import ConversionContent, Report, ReportKind, ReportState
from agent.reporting.journey_results import SumRow, SumsTold
from agent.runtime import Agent

_LEFT = {ReportState.SENT, ReportState.RETURNED}
_DONE = {ReturnCode.SUCCESS, ReturnCode.SUCCESS_WITH_ERRORS}
_SEALED = (AggregatableContent, PrivateAggregationContent)


async def add_up(agent: Agent, wanted: Summary, *, noise: bool) -> SumsTold:
    """What the service answers about the wanted reports. Raises TallyhostError where it refuses them.

    Reports for several services, or of several reporting origins, are no batch.
    """
    expected = {number_of(bucket, wanted.buckets): (bucket, value) for bucket, value in wanted.expect.items()}
    noise = noise if wanted.noise is None else wanted.noise
    there = await agent.reports.all(kind=ReportKind(wanted.reports))
    left = [report for report in there if report.state in _LEFT]
    reports = [report for report in left if _is_wanted(report, wanted)]
    if not reports:
        raise _none_left(wanted, there, left)
    _refuse_mixed(reports)
    epsilon = wanted.epsilon or _paid(reports)
    if ReportKind(wanted.reports) is ReportKind.ATTRIBUTION_CONVERSION:
        found, deviation = await _histogram(agent, reports, epsilon, noise=noise)
        if beyond := [name for bucket, (name, _) in expected.items() if bucket not in found]:
            raise UsageError(
                f"the histogram has no bucket {' and '.join(beyond)}", rule=f"it has those from 0 to {len(found) - 1}"
            )
    else:
        found, deviation = await _sums(agent, reports, epsilon, wanted, noise=noise)
    labels = {bucket: name for name in wanted.buckets for bucket in [number_of(name, wanted.buckets)]}
    rows = [SumRow(name, bucket, value, found.get(bucket, 0), deviation) for bucket, (name, value) in expected.items()]
    others = {bucket: metric for bucket, metric in found.items() if bucket not in expected and metric}
    rows += [SumRow(labels.get(one, hex(one)), one, None, metric, deviation) for one, metric in others.items()]
    title = f"{len(reports)} {wanted.reports} report{'' if len(reports) == 1 else 's'}, epsilon {epsilon:g}"
    if wanted.filtering_ids is not None:
        title += f", filtering ids {', '.join(map(str, wanted.filtering_ids))}"
    return SumsTold(title, tuple(rows), "" if deviation else "noise off")


async def sums(
    agent: Agent,
    buckets: Iterable[int],
    *,
    reports: str = ReportKind.ATTRIBUTION_CONVERSION,
    service: str | None = None,
    to: str | None = None,
    epsilon: float | None = None,
    filtering_ids: Sequence[int] | None = None,
    noise: bool = False,
) -> dict[int, int]:
    """The sums of ``buckets``, for tests in Python; parameters as the keys of the step.

    Raises as :func:`add_up`, and ValueError for what the step does not take.
    """
    words = {
        "reports": str(reports),
        "service": service,
        "to": to,
        "epsilon": epsilon,
        "filtering_ids": None if filtering_ids is None else list(filtering_ids),
        "expect": {str(bucket): 0 for bucket in buckets},
    }
    told = await add_up(agent, Summary.model_validate(words), noise=noise)
    return {row.bucket: row.found for row in told.rows}


def differing(told: SumsTold, tolerance: int) -> str:
    """Which sums are not the expected ones, in one line; empty where all are."""
    wrong = [row for row in told.rows if row.expected is not None and abs(row.found - row.expected) > tolerance]
    if not wrong:
        return ""
    parts = ", ".join(f"{row.label} is {row.found}, expected {row.expected}" for row in wrong)
    give = f", give or take {tolerance}" if tolerance else ""
    noise = f" (noise of standard deviation {wrong[0].deviation:.4g})" if wrong[0].deviation else ""
    others = [f"{row.label} {row.found}" for row in told.rows if row.expected is None]
    beside = f"; beside them the reports have {', '.join(others[:5])}" if others else ""
    return f"{told.title}: {parts}{give}{noise}{beside}"


def _none_left(wanted: Summary, there: Sequence[Report], left: Sequence[Report]) -> TallyhostError:
    """What to say where nothing can be added up: all have still to leave, or those that left are for others."""
    if left:
        # The newest is what the journey's last steps made.
        is_for = {"service": _service_of(left[-1]), "to": getattr(left[-1].content, "reporting_origin", None)}
        asked = {key: given for key in is_for if (given := getattr(wanted, key)) is not None}
        return TallyhostError(
            f"no {wanted.reports} report that has left is for {' and '.join(asked.values())}",
            rule=f"the last of {len(left)} is for {' and '.join(str(is_for[key]) for key in asked)}",
            fix=", ".join(f"{key}: {is_for[key]}" for key in asked),
        )
    states = f"; {len(there)} are there, {', '.join(sorted({one.state for one in there}))}" if there else ""
    return TallyhostError(
        f"no {wanted.reports} report has left that could be added up{states}",
        rule="the service gets what a collector got",
        fix="let time pass with advance:, or look at what was expected before" if there else "",
    )


def _service_of(report: Report) -> str | None:
    """The aggregation service, or coordinator, that a report is sealed to."""
    match report.content:
        case ConversionContent(service=service):
            return service
        case AggregatableContent() | PrivateAggregationContent() as content:
            return content.coordinator
    return None


def _is_wanted(report: Report, wanted: Summary) -> bool:
    match report.content:
        case ConversionContent(service=service):
            # The dialects name a service in two ways, as host and as origin, and their reports are no batch together.
            return wanted.service is None or service == wanted.service.rstrip("/")
        case AggregatableContent() | PrivateAggregationContent() as content:
            sealed_to = wanted.service is None or matches(wanted.service, content.coordinator)
            return sealed_to and (wanted.to is None or matches(wanted.to, content.reporting_origin))
    return False


def _refuse_mixed(reports: Sequence[Report]) -> None:
    """Raise UsageError where sealed reports are for several coordinators, or of several reporting origins.

    Conversion reports are the service's to refuse.
    """
    sealed = [report.content for report in reports if isinstance(report.content, _SEALED)]
    coordinators, origins = {one.coordinator for one in sealed}, {one.reporting_origin for one in sealed}
    for key, found, rule in (
        ("service", coordinators, "a coordinator's service opens its own"),
        ("to", origins, "a job is of one reporting origin"),
    ):
        if len(found) > 1:
            names = sorted(found)
            raise UsageError(f"these are reports for {' and '.join(names)}", rule=rule, fix=f"{key}: {names[0]}")


def _paid(reports: Sequence[Report]) -> float:
    """The epsilon that every conversion report paid for; the service's default for others."""
    paid = [one.content.micro_epsilon for one in reports if isinstance(one.content, ConversionContent)]
    return min(paid) / MICRO if paid else DEFAULT_EPSILON


async def _histogram(
    agent: Agent, reports: Sequence[Report], epsilon: float, *, noise: bool
) -> tuple[dict[int, int], float]:
    """The histogram of conversion reports."""
    answer = await agent.aggregate([report.body for report in reports], epsilon=epsilon, noise=noise)
    if isinstance(answer, AggregationError):
        fix = answer.fix
        if answer.code is AggregationErrorCode.BATCH_BELOW_MINIMUM:
            fix = "let the service take fewer with agent: {minimum_batch: 1}"
        raise TallyhostError(f"the aggregation service refused the batch: {answer.message}", rule=answer.code, fix=fix)
    return dict(enumerate(answer.batch.histogram)), answer.batch.standard_deviation


async def _sums(
    agent: Agent, reports: Sequence[Report], epsilon: float, wanted: Summary, *, noise: bool
) -> tuple[dict[int, int], float]:
    """The sums of sealed reports of one origin, from a job of the service with its rules, budget and noise."""
    (origin,) = {one.content.reporting_origin for one in reports if isinstance(one.content, _SEALED)}
    domain = tuple(sorted(number_of(bucket, wanted.buckets) for bucket in wanted.expect))
    with TemporaryDirectory(prefix="tallyhost-journey-") as folder:
        file = Path(folder) / "reports.json"
        documents = [json.loads(report.body) for report in reports]
        await asyncio.to_thread(file.write_text, json.dumps(documents), encoding="utf-8")
        job = Job(
            job_request_id=f"journey-{len(await agent.aggregation.jobs(limit=1000)) + 1}",
            inputs=(file,),
            output=Output(Path(folder) / "summary", formats=("json",)),
            parameters={
                "attribution_report_to": origin,
                "filtering_ids": ",".join(map(str, wanted.filtering_ids or [0])),
                "debug_privacy_epsilon": repr(epsilon),
                "report_error_threshold_percentage": "0",
            },
            domain=domain,
            thresholding=False,
        )
        finished = await run_job(
            job,
            ledger=agent.aggregation.ledger,
            keys={key.id.hex(): key.private_key for key in agent.service_keys},
            rng=agent.rng,
            clock=Clock.frozen(agent.clock.now()),
            noise=noise,
        )
    info, summary = finished.result_info, finished.summary
    if summary is None or info.return_code not in _DONE:
        raise TallyhostError(
            f"the aggregation service refused the reports: {info.return_code}",
            rule=info.return_message,
            fix=f"`explain job:{job.job_request_id}` of the bundle says why; each report counts once",
        )
    return {fact.bucket: fact.metric for fact in summary.facts}, summary.standard_deviation
