"""Summaries for tests: what a reporting origin received, opened and added up as an aggregation service does it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from agent.aggregation.job import Job, run_job
from agent.aggregation.outcome import AggregationError
from agent.aggregation.outputs import Output
from agent.aggregation.service import aggregate
from agent.expectations.matching import matches
from agent.model.aggregation import DEFAULT_EPSILON
from agent.model.errors import UsageError
from agent.model.explanation import explained
from agent.model.ledger import AggregatedBatch
from agent.model.limits import MICRO
from agent.model.reports import ConversionContent, Report, ReportKind
from agent.model.rng import rng_for
from agent.reporting.explanation import explanation_text
from storage.aggregation_jobs import DatabaseJobLedger
from storage.database import MEMORY, AsyncDatabase

if TYPE_CHECKING:
    from agent.pytest_support.life import AgentUnderTest
    from agent.pytest_support.reporting import Reporting


class Summary:
    """Adds up what has been reported so far, with noise unless the test's marker or ``--agent-noise`` turned it off.

    Nothing is spent by asking: the same question has the same answer, noise included. What the service refuses is an
    AssertionError with its reasons.
    """

    def __init__(self, running: AgentUnderTest, reporting: Reporting) -> None:
        self._running, self._reporting = running, reporting

    async def aggregatable(
        self,
        buckets: Iterable[int] | None = None,
        *,
        epsilon: float = DEFAULT_EPSILON,
        filtering_ids: Sequence[int] = (0,),
    ) -> dict[int, int]:
        """The sums of the aggregatable reports that ``reporting`` received, by bucket.

        ``buckets``: those to publish; None for those that the reports have.
        """
        return await self._sums(ReportKind.AGGREGATABLE, buckets, epsilon, filtering_ids)

    async def private_aggregation(
        self,
        buckets: Iterable[int] | None = None,
        *,
        epsilon: float = DEFAULT_EPSILON,
        filtering_ids: Sequence[int] = (0,),
    ) -> dict[int, int]:
        """The same for the reports of Private Aggregation."""
        return await self._sums(ReportKind.PRIVATE_AGGREGATION, buckets, epsilon, filtering_ids)

    async def histogram(self, service: str | None = None, *, epsilon: float | None = None) -> tuple[int, ...]:
        """The histogram of every conversion report of W3C Attribution that pages got for ``service``.

        ``service``: its URL or name; None for all. ``epsilon``: None for what the reports paid.
        """
        agent, choices = self._running.agent, self._running.choices
        reports = _of_service(await agent.reports.all(kind=ReportKind.ATTRIBUTION_CONVERSION), service)
        if not reports:
            of = "" if service is None else f" for {service}"
            raise AssertionError(f"no page got a conversion report{of}: there is nothing to add up")
        contents = [report.content for report in reports if isinstance(report.content, ConversionContent)]
        outcome = aggregate(
            [report.body for report in reports],
            epsilon=min(content.micro_epsilon for content in contents) / MICRO if epsilon is None else epsilon,
            keys=agent.service_keys,
            ledger=_Forgetful(),
            rng=rng_for(choices.seed),
            now=agent.clock.now(),
            minimum_batch=1,
            value_cap=agent.settings.limits.value_cap,
            noise=choices.noise,
        )
        if isinstance(outcome, AggregationError):
            raise AssertionError(f"{outcome.code}: {outcome.message}\n  fix   {outcome.fix}")  # noqa: TRY004 - a refusal
        return outcome.batch.histogram

    async def _sums(
        self, kind: ReportKind, buckets: Iterable[int] | None, epsilon: float, filtering_ids: Sequence[int]
    ) -> dict[int, int]:
        if not any(report.kind is kind for report in self._reporting.received):
            raise AssertionError(f"{self._reporting.origin} received no {kind} report: there is nothing to add up")
        choices = self._running.choices
        with TemporaryDirectory(prefix="tallyhost-summary-") as name:
            folder = Path(name)
            export = await self._reporting.collector.export_avro(folder, kind)
            job = Job(
                job_request_id="summary",
                inputs=export.files,
                output=Output(folder / "summary", formats=("json",)),
                parameters={
                    "attribution_report_to": self._reporting.origin,
                    "debug_privacy_epsilon": str(epsilon),
                    "filtering_ids": ",".join(map(str, filtering_ids)),
                },
                domain=None if buckets is None else tuple(sorted(set(buckets))),
            )
            async with await AsyncDatabase.open(MEMORY, now=self._running.wall.now()) as database:
                done = await run_job(
                    job,
                    ledger=DatabaseJobLedger(database),
                    keys=self._running.agent.service_keys.private_keys(),
                    rng=rng_for(choices.seed),
                    clock=self._running.wall,
                    noise=choices.noise,
                )
        if done.summary is None:
            raise AssertionError(
                f"no summary: {done.result_info.return_code}\n\n{explanation_text(explained(done.event))}"
            )
        return {fact.bucket: fact.metric for fact in done.summary.facts}


def _of_service(reports: list[Report], service: str | None) -> list[Report]:
    contents = [(report, report.content) for report in reports]
    names = {content.service for _, content in contents if isinstance(content, ConversionContent)}
    chosen = names if service is None else {name for name in names if matches(service, name)}
    if service is not None and names and not chosen:
        raise UsageError(f"no report is for {service}", where="summary.histogram", rule=f"one of {', '.join(names)}")
    return [
        report for report, content in contents if isinstance(content, ConversionContent) and content.service in chosen
    ]


class _Forgetful:
    """A ledger for which no report was ever aggregated."""

    def aggregated(self, report_ids: Sequence[bytes]) -> frozenset[bytes]:
        """See :class:`agent.model.ledger.Ledger`."""
        del report_ids
        return frozenset()

    def record(self, batch: AggregatedBatch, report_ids: Sequence[bytes]) -> int:
        """See :class:`agent.model.ledger.Ledger`."""
        del batch, report_ids
        return 1

    def batches(self, *, after: int, limit: int) -> list[AggregatedBatch]:
        """See :class:`agent.model.ledger.Ledger`."""
        del after, limit
        return []
