"""What an aggregation ends in: a histogram, or one error."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from agent.model.conversion_report import ReportRefusalCode
from agent.model.events import Trace
from agent.model.ledger import AggregatedBatch


class AggregationErrorCode(StrEnum):
    """Why a batch was refused; a refused batch consumes nothing."""

    INVALID_EPSILON = "invalid-epsilon"
    """Epsilon is not above 0, or is more than may be asked."""
    EMPTY_BATCH = "empty-batch"
    """The batch has no report."""
    BATCH_BELOW_MINIMUM = "batch-below-minimum"
    """The batch has fewer reports than ``minimum_batch``."""
    MALFORMED_REPORT = ReportRefusalCode.MALFORMED.value
    """A report's bytes are no conversion report of this version."""
    UNKNOWN_KEY = ReportRefusalCode.UNKNOWN_KEY.value
    """A report was sealed to a key that the service does not hold."""
    UNDECRYPTABLE_REPORT = ReportRefusalCode.UNDECRYPTABLE.value
    """A report does not open: it was changed, or sealed to another key of the same id."""
    MIXED_BATCH = "mixed-batch"
    """The reports are not of one kind: another service, collector, size or cap."""
    UNDERPAID_EPSILON = "underpaid-epsilon"
    """A report paid for a smaller epsilon than the batch asks for."""
    VALUE_ABOVE_CAP = "value-above-cap"
    """A report's histogram adds up to more than its cap."""
    REPLAYED_REPORT = "replayed-report"
    """A report has counted before, or is there twice."""


@dataclass(frozen=True, slots=True)
class AggregationError:
    """A refused batch: what is wrong with which reports, and what to do."""

    code: AggregationErrorCode
    message: str
    fix: str
    reports: tuple[int, ...] = ()
    """Positions in the batch, from 0, of the reports at fault; empty where it is none in particular."""
    fields: tuple[str, ...] = ()
    """Mixed batch: the fields that differ, in the words of the specification."""
    trace: Trace = field(default_factory=Trace)


@dataclass(frozen=True, slots=True)
class AggregationResult:
    """An aggregated batch."""

    batch: AggregatedBatch
    """What was recorded, with its id."""
    true_histogram: tuple[int, ...] | None
    """The sums without noise, only where asked for: a real service never tells them."""
    trace: Trace
