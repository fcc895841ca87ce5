"""Reports that leave the agent, and the record of their delivery."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agent.model.attribution import Dialect
from agent.model.attribution_reporting.reports import AggregatableContent, EventLevelContent, VerboseContent
from agent.model.private_aggregation import PrivateAggregationContent


class ReportKind(StrEnum):
    """Which report of which API it is."""

    ATTRIBUTION_CONVERSION = "attribution-conversion"
    EVENT_LEVEL = "event-level"
    AGGREGATABLE = "aggregatable"
    EVENT_LEVEL_DEBUG = "event-level-debug"
    """The copy of a successful report that goes to the debug endpoint; so is the next."""
    AGGREGATABLE_DEBUG = "aggregatable-debug"
    VERBOSE_DEBUG = "verbose-debug"
    AGGREGATE_DEBUG = "aggregate-debug"
    PRIVATE_AGGREGATION = "private-aggregation"
    PRIVATE_AGGREGATION_DEBUG = "private-aggregation-debug"

    @property
    def attempted_once(self) -> bool:
        """Whether a failed attempt is the last."""
        return self.value.endswith("-debug")


class ReportState(StrEnum):
    """Where a report is on its way."""

    RETURNED = "returned"
    """Given to the page that called; the agent sends nothing."""
    PENDING = "pending"
    """To be sent at ``next_attempt``."""
    SENDING = "sending"
    """An attempt has begun and its result is not recorded yet."""
    SENT = "sent"
    """A server answered with a status from 200 to 299."""
    FAILED = "failed"
    """Every attempt failed."""
    NOT_SENT = "not-sent"
    """Kept: its host is not mapped, and nothing leaves the machine unasked."""


@dataclass(frozen=True, slots=True)
class ConversionContent:
    """A conversion report of W3C Attribution, with what its owner may know about it (its section 10)."""

    dialect: Dialect
    service: str
    """The aggregation service's name (seed dialect) or URL (current dialect)."""
    conversion_site: str
    collector: str
    """Site of the caller: the intermediary's, else the conversion site."""
    histogram_size: int
    micro_epsilon: int
    histogram: tuple[int, ...]
    """The clear text of the histogram; never leaves the machine."""


ReportContent = ConversionContent | EventLevelContent | AggregatableContent | VerboseContent | PrivateAggregationContent


def kind_of(content: ReportContent) -> ReportKind:
    """The kind of a report that says ``content``."""
    match content:
        case ConversionContent():
            return ReportKind.ATTRIBUTION_CONVERSION
        case VerboseContent():
            return ReportKind.VERBOSE_DEBUG
        case EventLevelContent():
            return ReportKind.EVENT_LEVEL_DEBUG if content.debug_copy else ReportKind.EVENT_LEVEL
        case AggregatableContent(aggregatable_debug=True):
            return ReportKind.AGGREGATE_DEBUG
        case PrivateAggregationContent():
            return ReportKind.PRIVATE_AGGREGATION_DEBUG if content.debug_copy else ReportKind.PRIVATE_AGGREGATION
        case AggregatableContent():
            return ReportKind.AGGREGATABLE_DEBUG if content.debug_copy else ReportKind.AGGREGATABLE


@dataclass(frozen=True, slots=True)
class Report:
    """One report, with its clear text for the agent's owner, and what became of it."""

    id: str
    """Names the record: a report id, as the collector learns it, where the content has one of its own."""
    kind: ReportKind
    created: int
    """Milliseconds since 1970 on the agent's clock."""
    content: ReportContent
    event_id: int = 0
    """The event of the decision that made it; 0 where none was recorded."""
    body: bytes = b""
    """What the page or the collector got; empty until it is assembled, which may be just before it is sent."""
    delivered_to: str | None = None
    """The URL it is sent to; None for a report that was returned to the page."""
    state: ReportState = ReportState.RETURNED
    attempts: int = 0
    """How many attempts to send it have begun."""
    next_attempt: int | None = None
    """Milliseconds since 1970 on the agent's clock, while pending."""
    last_result: str = ""
    """The last attempt's result in words, such as ``200`` or ``connection refused``."""
    position: int = 0
    """Position in the store, from 1; 0 until stored."""

    @property
    def site(self) -> str:
        """Host of the site where it was earned; of a verbose debug report, of its reporting origin."""
        match self.content:
            case ConversionContent(conversion_site=site):
                return site
            case EventLevelContent(destinations=(first, *_)):
                return first.partition("://")[2]
            case AggregatableContent(attribution_destination=destination):
                return destination.partition("://")[2]
            case content:
                return content.reporting_origin.partition("://")[2]
