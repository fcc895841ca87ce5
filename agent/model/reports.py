"""Reports that leave the agent, and the record of their delivery."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agent.model.attribution import Dialect


class ReportKind(StrEnum):
    """Which API made the report."""

    ATTRIBUTION_CONVERSION = "attribution-conversion"


class ReportState(StrEnum):
    """Where a report is on its way."""

    RETURNED = "returned"
    """Given to the page that called; the agent sends nothing."""
    PENDING = "pending"
    """To be sent at ``next_attempt``."""
    SENDING = "sending"
    """An attempt has begun and its result is not recorded yet."""
    SENT = "sent"
    FAILED = "failed"
    """Every attempt failed."""
    NOT_SENT = "not-sent"
    """Kept: its host is not mapped, and nothing leaves the machine unasked."""


@dataclass(frozen=True, slots=True)
class Report:
    """One sealed report, with what the agent's owner may know about it (W3C Attribution section 10)."""

    id: str
    """The report id in lower-case hex."""
    dialect: Dialect
    created: int
    """Milliseconds since 1970 on the agent's clock."""
    service: str
    """The aggregation service's name (seed dialect) or URL (current dialect)."""
    conversion_site: str
    collector: str
    """Site of the caller: the intermediary's, else the conversion site."""
    histogram_size: int
    micro_epsilon: int
    body: bytes
    """The sealed envelope, as the page or the collector gets it."""
    histogram: tuple[int, ...]
    """The clear text of the histogram; never leaves the machine."""
    kind: ReportKind = ReportKind.ATTRIBUTION_CONVERSION
    event_id: int = 0
    """The event of the conversion that made it; 0 where none was recorded."""
    delivered_to: str | None = None
    """The report-url; None for a report that was returned to the page."""
    state: ReportState = ReportState.RETURNED
    attempts: int = 0
    """How many attempts to send it have begun."""
    next_attempt: int | None = None
    """Milliseconds since 1970 on the agent's clock, while pending."""
    last_result: str = ""
    """The last attempt's result in words, such as ``200`` or ``connection refused``."""
    position: int = 0
    """Position in the store, from 1; 0 until stored."""
