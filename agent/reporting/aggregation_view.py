"""A summary as people see it: what the terminal's table and the page show, in plain numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent.engines.aggregation.key_structure import BucketName, Namer
from agent.model.aggregation import AggregatedFact, ErrorCounter, ReturnCode, Summary
from agent.model.events import Check
from agent.reporting.numbers import significant

MEANINGS: Mapping[ReturnCode, str] = {
    ReturnCode.SUCCESS: "the summary is written, and no report was left out",
    ReturnCode.SUCCESS_WITH_ERRORS: "the summary is written, and some reports were left out of it",
    ReturnCode.PRIVACY_BUDGET_EXHAUSTED: "an earlier job has spent budget that some of these reports need",
    ReturnCode.PRIVACY_BUDGET_ERROR: "the ledger of budgets could not be asked",
    ReturnCode.INVALID_JOB: "the job's parameters cannot be used",
    ReturnCode.INPUT_DATA_READ_FAILED: "the reports or the domain cannot be read, or there are none",
    ReturnCode.RESULT_WRITE_ERROR: "the summary could not be written",
    ReturnCode.REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD: "more reports were left out than the job allows",
    ReturnCode.UNSUPPORTED_REPORT_VERSION: "a report is of a version that this service does not know",
    ReturnCode.PERMISSION_ERROR: "access was denied",
    ReturnCode.INTERNAL_ERROR: "the service failed",
}
"""What each code that a job can end in means."""


@dataclass(frozen=True, slots=True)
class Row:
    """One bucket of a summary."""

    bucket: int
    name: BucketName | None
    metric: int
    p5: int
    p95: int
    true: int | None
    """Without noise; None where nobody may know it."""

    @property
    def label(self) -> str:
        """What it stands for, else its number."""
        return self.name.label if self.name is not None else str(self.bucket)

    @property
    def told_from_zero(self) -> bool:
        """Whether the interval leaves 0 out."""
        return not self.p5 <= 0 <= self.p95

    def scaled(self, value: int) -> str:
        """``value`` in the unit of the bucket's structure, such as ``52.50 EUR``; empty without a scale."""
        amount = self.name.scaled(value) if self.name is not None else None
        if self.name is None or amount is None:
            return ""
        return (
            f"{amount:,.2f} {self.name.unit}".strip() if abs(amount) >= 1 else f"{amount:.2g} {self.name.unit}".strip()
        )


@dataclass(frozen=True, slots=True)
class SummaryView:
    """A job that ended well."""

    job_request_id: str
    return_code: ReturnCode
    rows: tuple[Row, ...]
    epsilon: float
    scale: float
    """Of the noise; 0 where it was off."""
    standard_deviation: float
    interval: int
    reports: int
    """All that were read."""
    counted: int
    """Those that are in the sums."""
    duplicates: int
    left_out: Mapping[ErrorCounter, int]
    """By counter, without the total."""
    left_out_total: int
    units: int
    """Budget units spent."""
    debug_run: bool
    clear_text: bool
    finished_at: int
    parameters: Mapping[str, str]
    """``job_parameters`` as they were asked for."""
    remarks: tuple[Check, ...]
    """What the job went on without: its checks that failed."""

    @property
    def revealed(self) -> bool:
        """Whether the sums without noise are shown: those of all buckets, or of none."""
        return bool(self.rows) and self.rows[0].true is not None


def rows_of(summary: Summary, name_of: Namer, *, reveal: bool) -> tuple[Row, ...]:
    """The summary's rows with their names; with the sums without noise where ``reveal``."""
    return tuple(_row(fact, summary.interval, name_of(fact.bucket), reveal=reveal) for fact in summary.facts)


def have_scale(rows: Iterable[Row]) -> bool:
    """Whether one of ``rows`` is an amount of something."""
    return any(row.name is not None and row.name.scale is not None for row in rows)


def _row(fact: AggregatedFact, interval: int, name: BucketName | None, *, reveal: bool) -> Row:
    true = fact.unnoised_metric if reveal else None
    return Row(fact.bucket, name, fact.metric, fact.metric - interval, fact.metric + interval, true)


def counts_in_words(view: SummaryView) -> str:
    """``20 reports counted, epsilon 10, noise of scale 6,553.6 (standard deviation 9,268), 2 budget units spent``."""
    noise = (
        f"noise of scale {significant(view.scale, 6)} (standard deviation {significant(view.standard_deviation, 4)})"
        if view.scale
        else "noise off"
    )
    spent = f"{count(view.units, 'budget unit')} spent" if view.units else _nothing_spent(view)
    return f"{count(view.counted, 'report')} counted, epsilon {view.epsilon:g}, {noise}, {spent}"


def left_out_in_words(view: SummaryView) -> str:
    """How many reports are not in the sums; empty where all are."""
    told = []
    if view.left_out_total:
        told.append(f"{count(view.left_out_total, 'report')} left out")
    if view.duplicates:
        told.append(f"{count(view.duplicates, 'report')} came twice and counted once")
    return "; ".join(told)


def count(number: int, thing: str) -> str:
    """``1 report`` or ``1,234 reports``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _nothing_spent(view: SummaryView) -> str:
    if view.debug_run:
        return "no budget spent (a debug run)"
    return "no budget spent (clear text)" if view.clear_text else "no budget spent"
