"""Reading a batch: the checks that need no memory of earlier batches (seed dialect, section 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from agent.aggregation.outcome import AggregationError, AggregationErrorCode
from agent.crypto.conversion_report import HPKE_ENVELOPE, ReportProtocol
from agent.crypto.keys import KeyRing
from agent.engines.aggregation.parameters import LEAST_EPSILON
from agent.model.attribution import Dialect
from agent.model.conversion_report import ConversionReport, ReportRefusal, ReportRefusalCode, micro_epsilon
from agent.model.events import Check, Trace
from agent.model.limits import MAX_EPSILON

DEFAULT_MINIMUM_BATCH = 20
DEFAULT_VALUE_CAP = 65_536
_NAMED_REPORTS = 10
_SHARED_FIELDS: tuple[tuple[str, Callable[[ConversionReport], object]], ...] = (
    ("dialect", lambda report: report.dialect),
    ("service", lambda report: report.service),
    ("collector", lambda report: report.collector),
    ("budget source", lambda report: report.budget_source),
    ("histogramSize", lambda report: report.histogram_size),
    ("maxValue", lambda report: report.max_value),
)
_REFUSED_REPORT_FIX = {
    ReportRefusalCode.MALFORMED: "pass each report's bytes exactly as the collector received them",
    ReportRefusalCode.UNKNOWN_KEY: "send these reports to the service that they name, or give the service its old keys",
    ReportRefusalCode.UNDECRYPTABLE: "leave these reports out: they were damaged or changed after they were sealed",
}


@dataclass(frozen=True, slots=True)
class Batch:
    """Reports that may be summed: at least one, alike in all that they must share."""

    reports: tuple[ConversionReport, ...]
    epsilon: float
    minimum_batch: int
    scale: Fraction
    """Scale b of the noise that ``epsilon`` asks for, exact."""
    trace: Trace

    @property
    def report_ids(self) -> list[bytes]:
        """Ids in the order of the reports."""
        return [report.report_id for report in self.reports]

    def histogram(self) -> tuple[int, ...]:
        """The true sums, one for each bucket."""
        return tuple(map(sum, zip(*(report.histogram for report in self.reports), strict=True)))


def read_batch(
    bodies: Sequence[bytes],
    *,
    epsilon: float,
    keys: KeyRing,
    minimum_batch: int = DEFAULT_MINIMUM_BATCH,
    value_cap: int = DEFAULT_VALUE_CAP,
    protocol: ReportProtocol = HPKE_ENVELOPE,
) -> Batch | AggregationError:
    """Open and check a batch; pure, so that it can run beside anything. The cost is opening: about 50 us a report.

    ``epsilon`` must be in (0, 4294], and at least 1e-12. ``value_cap`` stands for the ``maxValue`` that the seed
    dialect lacks.
    """
    checks: list[Check] = []
    for rule, detail, error in (
        ("epsilon is in (0, 4294]", f"{epsilon}", _epsilon_error(epsilon)),
        ("the batch is not empty", f"{len(bodies)} reports", _emptiness_error(bodies)),
        ("the batch has the minimum size", f"{len(bodies)} of {minimum_batch}", _size_error(bodies, minimum_batch)),
    ):
        if refused := judge(checks, rule, detail, error):
            return refused
    opened = [protocol.open(body, keys) for body in bodies]
    if refused := judge(checks, "every report opens", f"{len(opened)} reports", _opening_error(opened)):
        return refused
    reports = tuple(report for report in opened if isinstance(report, ConversionReport))
    cap = value_cap if reports[0].dialect is Dialect.LEVEL1_2024 else reports[0].max_value
    shared = ", ".join(name for name, _ in _SHARED_FIELDS)
    for rule, detail, error in (
        ("the reports are alike", shared, _mixture_error(reports)),
        ("every report paid epsilon", f"{micro_epsilon(epsilon)} micro-epsilon", _payment_error(reports, epsilon)),
        ("no conversion value is above the cap", f"{cap}", _value_error(reports, cap)),
    ):
        if refused := judge(checks, rule, detail, error):
            return refused
    scale = noise_scale(reports[0].dialect, cap, epsilon)
    return Batch(reports, epsilon, minimum_batch, scale, Trace(tuple(checks)))


def noise_scale(dialect: Dialect, max_value: int, epsilon: float) -> Fraction:
    """Scale b of the noise: maxValue / epsilon for the seed dialect, twice that for the current one.

    ``epsilon`` counts as the decimal that it is written as, so 0.1 is a tenth.
    """
    sensitivity = max_value if dialect is Dialect.LEVEL1_2024 else 2 * max_value
    return sensitivity / Fraction(str(epsilon))


def judge(checks: list[Check], rule: str, detail: str, error: AggregationError | None) -> AggregationError | None:
    """Add one check to ``checks``; gives ``error`` with the trace so far, or None where the check passed."""
    if error is None:
        checks.append(Check(rule, passed=True, detail=detail))
        return None
    checks.append(Check(rule, passed=False, detail=error.message, fix=error.fix))
    return replace(error, trace=Trace(tuple(checks)))


def name_reports(positions: Sequence[int]) -> str:
    """``report 3``, ``reports 0, 4 and 7`` or ``reports 0, 1, ... and 90 more``; positions count from 0."""
    if len(positions) == 1:
        return f"report {positions[0]}"
    named = [str(position) for position in positions[:_NAMED_REPORTS]]
    last = f"{len(positions) - _NAMED_REPORTS} more" if len(positions) > _NAMED_REPORTS else named.pop()
    return f"reports {', '.join(named)} and {last}"


def _epsilon_error(epsilon: float) -> AggregationError | None:
    """The refusal of an epsilon outside (0, 4294], or None."""
    problem = f"is not in (0, {MAX_EPSILON}]"
    if 0 < epsilon < LEAST_EPSILON:
        problem = f"is below {LEAST_EPSILON:g}: the noise would outgrow what a summary can tell"
    elif 0 < epsilon <= MAX_EPSILON:  # NaN is not
        return None
    return AggregationError(
        AggregationErrorCode.INVALID_EPSILON,
        f"epsilon {epsilon} {problem}",
        "pass the epsilon that the pages gave to measureConversion, or a smaller one",
    )


def _emptiness_error(bodies: Sequence[bytes]) -> AggregationError | None:
    if bodies:
        return None
    return AggregationError(AggregationErrorCode.EMPTY_BATCH, "the batch has no reports", "collect reports first")


def _size_error(bodies: Sequence[bytes], minimum_batch: int) -> AggregationError | None:
    if len(bodies) >= minimum_batch:
        return None
    return AggregationError(
        AggregationErrorCode.BATCH_BELOW_MINIMUM,
        f"{len(bodies)} reports are fewer than the minimum batch of {minimum_batch}",
        f"collect {minimum_batch - len(bodies)} more; the same reports may be sent again, nothing was consumed",
    )


def _opening_error(opened: Sequence[ConversionReport | ReportRefusal]) -> AggregationError | None:
    first = next((report for report in opened if isinstance(report, ReportRefusal)), None)
    if first is None:
        return None
    # Reports refused for another reason are named once this one is mended.
    positions = tuple(
        position
        for position, report in enumerate(opened)
        if isinstance(report, ReportRefusal) and report.code is first.code
    )
    return AggregationError(
        AggregationErrorCode(first.code.value),
        f"{name_reports(positions)} cannot be read; the first one: {first.detail}",
        _REFUSED_REPORT_FIX[first.code],
        positions,
    )


def _mixture_error(reports: Sequence[ConversionReport]) -> AggregationError | None:
    first = reports[0]
    differing = {
        name: [position for position, report in enumerate(reports) if read(report) != read(first)]
        for name, read in _SHARED_FIELDS
    }
    fields = tuple(name for name, positions in differing.items() if positions)
    if not fields:
        return None
    positions = tuple(sorted({position for name in fields for position in differing[name]}))
    told = "; ".join(f"{name} of {name_reports(differing[name])}" for name in fields)
    return AggregationError(
        AggregationErrorCode.MIXED_BATCH,
        f"the batch is mixed: other than in report 0 is {told}",
        f"send one batch for each {' and '.join(fields)}",
        positions,
        fields,
    )


def _payment_error(reports: Sequence[ConversionReport], epsilon: float) -> AggregationError | None:
    due = micro_epsilon(epsilon)
    positions = tuple(position for position, report in enumerate(reports) if report.micro_epsilon < due)
    if not positions:
        return None
    paid = min(reports[position].micro_epsilon for position in positions)
    return AggregationError(
        AggregationErrorCode.UNDERPAID_EPSILON,
        f"{name_reports(positions)} paid less than epsilon {epsilon} ({due} micro-epsilon), the least paid {paid}",
        f"aggregate with an epsilon of at most {paid} micro-epsilon, or leave these reports out",
        positions,
    )


def _value_error(reports: Sequence[ConversionReport], cap: int) -> AggregationError | None:
    positions = tuple(position for position, report in enumerate(reports) if sum(report.histogram) > cap)
    if not positions:
        return None
    return AggregationError(
        AggregationErrorCode.VALUE_ABOVE_CAP,
        f"{name_reports(positions)} count more than the value cap of {cap}",
        "measure smaller values, or raise the cap of the service, which raises the noise alike",
        positions,
    )
