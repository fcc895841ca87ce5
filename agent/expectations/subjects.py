"""What can be expected of an agent: sources, impressions, triggers, conversions, contributions, reports, events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from agent.expectations import decisions, reports
from agent.expectations.matching import AnyOf, Candidate
from agent.model.attribution import Dialect
from agent.model.attribution_reporting.facts import AttributionLogic
from agent.model.attribution_reporting.registrations import SourceType
from agent.model.errors import UsageError
from agent.model.private_aggregation import PrivateAggregationApi
from agent.model.reports import ReportKind, ReportState

if TYPE_CHECKING:
    from agent.runtime import Agent

_WHERE = {"site": "top-level site, such as shop.test"}
_ORIGIN = {"reporting_origin": "such as https://adtech.test"}


@dataclass(frozen=True, slots=True)
class Subject:
    """One kind of thing, how it is gathered, and the members that tests can name."""

    name: str
    gather: Callable[[Agent], Awaitable[list[Candidate]]]
    members: Mapping[str, str]
    """What each member says, by its name."""
    implied: Mapping[str, Any] = field(default_factory=dict)
    """What is wanted unless :attr:`implied_unless` is given."""
    implied_unless: frozenset[str] = frozenset()
    stays: bool = True
    """Whether it never goes away again, so that waiting for its end is vain."""
    open: bool = False
    """Whether it has members beside those."""
    closed: Mapping[str, type[StrEnum]] = field(default_factory=dict)
    """The words that a member can be, where those are all that it can ever be."""

    by_kind: Mapping[str, AbstractSet[str]] = field(default_factory=dict)
    """The members that those of a kind have, where not all have all."""

    def wanted(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """``members`` and what they imply.

        Raises UsageError for a name that is none, and for a word that a member can never be, with the nearest: what is
        misspelt is never there, which is all that ``not_to_have`` asks.
        """
        for name, value in members.items():
            if name not in self.members and not self.open:
                raise _unknown(f"a {self.name} has no member {name!r}", self.name, name, self.members)
            if name in self.closed and isinstance(value, str) and value not in list(self.closed[name]):
                raise _unknown(f"{value!r} is no {name} of a {self.name}", self.name, value, self.closed[name])
        kind = members.get("kind")
        known = self.by_kind.get(kind) if isinstance(kind, str) else None
        for name in members:
            if known is not None and name not in known:
                raise _unknown(f"{kind} {self.name}s have no member {name!r}", self.name, name, sorted(known))
        implied = {} if self.implied_unless & members.keys() else self.implied
        return {**implied, **members}


def _unknown(what: str, subject: str, word: str, known: Iterable[str]) -> UsageError:
    close = get_close_matches(word, list(known), 1)
    fix = f"write {close[0]}" if close else ""
    return UsageError(what, where=f"expectation of a {subject}", rule=f"one of {', '.join(known)}", fix=fix)


SOURCE = Subject(
    name="source",
    gather=decisions.sources,
    members=_WHERE
    | _ORIGIN
    | {
        "event_id": "source_event_id of the registration",
        "type": "navigation or event",
        "destination": "such as https://shop.test; any one of several",
        "priority": "as registered",
        "debug_key": "as registered",
        "filter_data": "as registered; a part of it is enough",
        "aggregation_keys": "as registered; a part of it is enough",
        "attributions": "how many triggers it was attributed to",
        "remaining_budget": "what is left for aggregatable reports",
        "logic": "truthfully, never or falsely: what the randomised response made of it",
        "verdict": "how its registration ended, such as source-success",
        "stored": "whether the agent has it now; true unless a verdict is asked for",
    },
    implied={"stored": True},
    implied_unless=frozenset({"stored", "verdict"}),
    stays=False,
    closed={"type": SourceType, "logic": AttributionLogic},
)
IMPRESSION = Subject(
    name="impression",
    gather=decisions.impressions,
    members=_WHERE
    | {
        "intermediary_site": "site of the frame that called, where it is another",
        "histogram_index": "as saved",
        "conversion_sites": "as saved; any one of several",
        "conversion_callers": "as saved; any one of several",
        "match_value": "matchValue, or ad of navigator.privateAttribution",
        "lifetime_days": "as saved",
        "priority": "as saved",
        "dialect": "current or level1_2024",
        "verdict": "how the call ended: stored, api-disabled or the exception that the page saw",
        "stored": "whether the agent has it now; true unless a verdict is asked for",
    },
    implied={"stored": True},
    implied_unless=frozenset({"stored", "verdict"}),
    stays=False,
    closed={"dialect": Dialect},
)
TRIGGER = Subject(
    name="trigger",
    gather=decisions.triggers,
    members=_WHERE
    | _ORIGIN
    | {
        "destination": "site of the trigger, such as https://shop.test",
        "verdict": "how it ended: stored, event-level-stored, aggregatable-stored or why nothing was",
        "event_level": "how its event-level part ended",
        "aggregatable": "how its aggregatable part ended",
        "source": "number of the source that it was attributed to",
    },
)
CONVERSION = Subject(
    name="conversion",
    gather=decisions.conversions,
    members=_WHERE
    | {
        "intermediary_site": "site of the frame that called, where it is another",
        "dialect": "current or level1_2024",
        "service": "URL of the aggregation service",
        "histogram_size": "as asked for",
        "buckets": "what the report's histogram has: {index: value}",
        "value": "as given",
        "max_value": "as given",
        "epsilon": "as given",
        "lookback_days": "as given",
        "verdict": "how it ended: attributed, no-matching-impression, budget-exhausted, or what the page saw thrown",
    },
    closed={"dialect": Dialect},
)
CONTRIBUTION = Subject(
    name="contribution",
    gather=decisions.contributions,
    members=_WHERE
    | _ORIGIN
    | {
        "bucket": "a number, or its text in decimal or 0x",
        "value": "as contributed, after merging",
        "filtering_id": "as contributed",
        "api": "shared-storage or protected-audience",
        "context_id": "of the operation",
        "verdict": "what became of the batch: report-scheduled, null-report, insufficient-budget ...",
    },
    closed={"api": PrivateAggregationApi},
)
REPORT = Subject(
    name="report",
    gather=reports.reports,
    members=reports.MEMBERS,
    by_kind=reports.MEMBERS_OF,
    implied={"state": AnyOf((ReportState.SENT, ReportState.RETURNED))},
    implied_unless=frozenset({"state"}),
    stays=False,
    closed={
        "kind": ReportKind,
        "state": ReportState,
        "type": SourceType,
        "api": PrivateAggregationApi,
        "dialect": Dialect,
    },
)
EVENT = Subject(
    name="event",
    gather=decisions.events,
    members=_WHERE | {"kind": "such as report.sent", "verdict": "its outcome", "summary": "its one line"},
    open=True,
)
SUBJECTS: Mapping[str, Subject] = {
    one.name: one for one in (SOURCE, IMPRESSION, TRIGGER, CONVERSION, CONTRIBUTION, REPORT, EVENT)
}
"""Every one, by its name."""
