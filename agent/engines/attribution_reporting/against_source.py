"""What a trigger's header would ask of one source, by the rules that depend on these two and the time alone."""

from __future__ import annotations

from agent.engines.attribution_reporting.aggregatable import contributions_of
from agent.engines.attribution_reporting.filters import first_matching, mismatch
from agent.model.attribution_reporting.facts import StoredSource
from agent.model.attribution_reporting.registrations import TriggerRegistration
from agent.model.events import Check

_TOLD = 5
"""Entries and contributions that a check tells."""


def checks_against(source: StoredSource, trigger: TriggerRegistration, now: int) -> tuple[Check, ...]:
    """Whether filters, an event-level entry and aggregatable values match ``source`` at ``now``.

    Where the trigger would be registered, and limits, budgets and other sources, play no part.
    """
    reason = mismatch(source, trigger.filters, now)
    if reason:
        return (Check("filters", False, reason, "change filters or not_filters, or filter_data of the source"),)
    checks = [Check("filters", True, "the source's filter_data match")]
    if trigger.event_trigger_data:
        checks.append(_event_level(source, trigger, now))
    if trigger.registers_aggregatable:
        checks.append(_aggregatable(source, trigger, now))
    return tuple(checks)


def _event_level(source: StoredSource, trigger: TriggerRegistration, now: int) -> Check:
    entries = trigger.event_trigger_data
    position = first_matching(source, entries, now)
    if position is not None:
        return Check("event-level filters", True, f"entry {position} of event_trigger_data")
    reasons = [f"event_trigger_data[{n}]: {mismatch(source, one.filters, now)}" for n, one in enumerate(entries)]
    fix = "change filters or not_filters of event_trigger_data, or filter_data of the source"
    return Check("event-level filters", False, "; ".join(reasons[:_TOLD]), fix)


def _aggregatable(source: StoredSource, trigger: TriggerRegistration, now: int) -> Check:
    found = contributions_of(trigger, source, now)
    told = ", ".join(f"{one.value} for {one.bucket:#x}" for one in found[:_TOLD])
    more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    if found:
        return Check("contributions", True, told + more)
    return Check(
        "contributions",
        False,
        "no key of the source has a value in aggregatable_values whose filters match",
        "name keys of the source's aggregation_keys in aggregatable_values, and let their filters match",
    )
