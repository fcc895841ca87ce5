"""Why something is as it is: a decision with its checks, and under it what it came from and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.model.aggregation import AGGREGATION_JOB
from agent.model.attribution import AttributionVerdict
from agent.model.attribution_reporting.verdicts import SOURCE_REGISTRATION, TRIGGER_REGISTRATION
from agent.model.events import Check, Event
from agent.model.private_aggregation import PRIVATE_AGGREGATION, BatchVerdict
from agent.model.protected_audience import AudienceEvent
from agent.model.reports import ReportKind
from agent.model.shared_storage import StorageEvent

IMPRESSION = "impression"
CONVERSION = "conversion"
REPORT = "report"
"""The kind of the explanation of a report, which is no event."""
ATTEMPTS = ("report.sent", "report.retry", "report.failed", "report.not-sent")
"""The kinds of events of attempts to send a report."""
HASTENED, DROPPED = "report.hastened", "report.dropped"
"""The kinds of events of what the owner of the profile did to reports."""
NO_REPORT, NULL_REPORT = "NO REPORT", "null report"
"""Outcomes of decisions that may make a report."""
DECISIONS = (
    IMPRESSION,
    CONVERSION,
    "response-field",
    SOURCE_REGISTRATION,
    TRIGGER_REGISTRATION,
    "registration",
    "shared-storage",
    *StorageEvent,
    PRIVATE_AGGREGATION,
    *AudienceEvent,
    AGGREGATION_JOB,
)
"""The kinds of events that are decisions: what ``last`` means."""
_GO_ON = {
    TRIGGER_REGISTRATION,
    PRIVATE_AGGREGATION,
    StorageEvent.BATCH_UPDATE,
    AudienceEvent.JOIN,
    AudienceEvent.AUCTION,
    AGGREGATION_JOB,
    *ATTEMPTS,
}
"""Kinds of decisions that a failed check need not end."""
_CAME_TO_ITS_END = {
    (CONVERSION, AttributionVerdict.ATTRIBUTED),
    (StorageEvent.RUN, "finished"),
}
"""Decisions that no check ended: an epoch could not pay, an impression's bucket or a late contribution was dropped."""
_TITLES = {
    SOURCE_REGISTRATION: ("source", "source"),
    TRIGGER_REGISTRATION: ("trigger", ""),
    IMPRESSION: ("impression", "impression"),
    PRIVATE_AGGREGATION: ("contributions", ""),
    AGGREGATION_JOB: ("aggregation job", "job_request_id"),
    **dict.fromkeys(ATTEMPTS, ("attempt", "attempt")),
    HASTENED: ("hastened by the owner", ""),
    DROPPED: ("dropped by the owner", ""),
}
"""How a kind of event is called, and under which name its data have its id."""
_RECORDED = {"asked", "drawn", "http"}
"""What events keep so that they can be played again, which is long and explains nothing."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One node of the tree."""

    title: str
    """What it is, for a person, with the id that checks call it by: ``trigger``, ``source 3``, ``attempt 2``."""
    kind: str
    """Of the event, or ``report``."""
    verdict: str
    time: int
    """Milliseconds since 1970 on the agent's clock."""
    summary: str
    """One line."""
    site: str = ""
    outcome: str = ""
    """Which reports came of it, for a decision that may make some: ``2 reports``, ``1 report, 1 null report``,
    ``null report``, ``NO REPORT``."""
    checks: tuple[Check, ...] = ()
    stopped_at: int | None = None
    """Position of the check at which the decision ended; None where it came to its end."""
    children: tuple[Explanation, ...] = ()
    """What it came from, in front, then what came of it."""
    event_id: int = 0
    """0 where it is no event of the stream."""
    report_id: str = ""
    job_id: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What the event tells beside: plain JSON values."""


def explained(event: Event, children: Sequence[Explanation] = ()) -> Explanation:
    """The explanation of ``event``, over ``children``."""
    job_id = event.data.get("job_request_id", "") if event.kind == AGGREGATION_JOB else ""
    noun, key = _TITLES.get(event.kind, (event.kind, ""))
    number = event.data.get(key)
    return Explanation(
        title=f"{noun} {number}" if number else noun,
        kind=event.kind,
        verdict=event.verdict,
        time=event.time,
        summary=event.summary,
        site=event.site,
        outcome=_outcome(event),
        checks=event.trace.checks,
        stopped_at=_stop(event),
        children=tuple(children),
        event_id=event.id,
        job_id=str(job_id),
        data={name: value for name, value in event.data.items() if name not in _RECORDED},
    )


def _stop(event: Event) -> int | None:
    """The position of the check at which a decision ended; None where it went on."""
    checks = event.trace.checks
    failed = [position for position, check in enumerate(checks) if not check.passed]
    if not failed or (event.kind, event.verdict) in _CAME_TO_ITS_END:
        return None
    # A source goes on from the limit of all reporting sites, a conversion from an epoch that cannot pay.
    decided_late = event.kind == SOURCE_REGISTRATION or event.verdict == AttributionVerdict.INDEX_TOO_LARGE
    if decided_late or failed[-1] == len(checks) - 1:
        return failed[-1]
    # The branches of a trigger go on without one another, and so does a batch without what is left out of it.
    if event.kind not in _GO_ON:
        return failed[0]
    return failed[-1] if _outcome(event) in {NO_REPORT, NULL_REPORT} else None


def _outcome(event: Event) -> str:
    """Which reports came of a decision that may make some; copies and messages for debugging are none."""
    if event.kind not in {TRIGGER_REGISTRATION, PRIVATE_AGGREGATION}:
        return ""
    names = [name.partition(" ")[0] for name in event.data.get("reports", ())]
    count = sum(not ReportKind(name).attempted_once for name in names)
    if not count:
        return NO_REPORT
    stored = [event.data.get("event_level"), event.data.get("aggregatable")].count("stored")
    if not stored and event.verdict != BatchVerdict.REPORT_SCHEDULED:
        return NULL_REPORT
    nulls = count - stored if stored else 0
    told = _counted(count - nulls, "report")
    return f"{told}, {_counted(nulls, NULL_REPORT)}" if nulls else told


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
