"""What the steps of a trigger registration share."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.model.attribution_reporting.facts import Chance, Registrant, StoredSource, TriggerFacts
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import TriggerRegistration
from agent.model.attribution_reporting.reports import EventLevelContent
from agent.model.attribution_reporting.verdicts import TriggerVerdict
from agent.model.events import Check


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a branch stores no report, with what the verbose debug report says beside the common fields."""

    verdict: TriggerVerdict
    limit: int | None = None
    name: str | None = None
    """The named budget that is short."""
    report: EventLevelContent | None = None
    """The report that would have been stored; it is the whole body then."""


@dataclass(frozen=True, slots=True)
class TriggerCourse:
    """One trigger registration on its way through the checks."""

    registrant: Registrant
    registration: TriggerRegistration
    """Its debug key is gone where debug reports are not permitted."""
    facts: TriggerFacts
    limits: AttributionReportingLimits
    chance: Chance
    checks: list[Check] = field(default_factory=list)
    """Those made so far."""

    @property
    def now(self) -> int:
        """The time of the trigger."""
        return self.registrant.now

    def passed(self, rule: str, detail: str) -> None:
        """Record a check that passed."""
        self.checks.append(Check(rule, True, detail))

    def refuse(
        self,
        verdict: TriggerVerdict,
        rule: str,
        detail: str,
        fix: str = "",
        *,
        limit: int | None = None,
        name: str | None = None,
        report: EventLevelContent | None = None,
    ) -> Refusal:
        """Record a check that failed; its branch ends so."""
        self.checks.append(Check(rule, False, detail, fix))
        return Refusal(verdict, limit, name, report)

    def debug_keys(self, source: StoredSource) -> tuple[int, int] | tuple[None, None]:
        """The debug keys of source and trigger, both or neither."""
        of_source, of_trigger = source.registration.debug_key, self.registration.debug_key
        return (None, None) if of_source is None or of_trigger is None else (of_source, of_trigger)
