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
    EMPTY_BATCH = "empty-batch"
    BATCH_BELOW_MINIMUM = "batch-below-minimum"
    MALFORMED_REPORT = ReportRefusalCode.MALFORMED.value
    UNKNOWN_KEY = ReportRefusalCode.UNKNOWN_KEY.value
    UNDECRYPTABLE_REPORT = ReportRefusalCode.UNDECRYPTABLE.value
    MIXED_BATCH = "mixed-batch"
    UNDERPAID_EPSILON = "underpaid-epsilon"
    VALUE_ABOVE_CAP = "value-above-cap"
    REPLAYED_REPORT = "replayed-report"


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
