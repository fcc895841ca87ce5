"""Verbose debug reports (engine, section 9): who may ask for them, and what they say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent.engines.attribution_reporting.report_bodies import destinations_value, event_level_body
from agent.engines.attribution_reporting.trigger_course import Refusal
from agent.model.attribution_reporting.facts import Registrant, StoredSource
from agent.model.attribution_reporting.registrations import SourceRegistration, TriggerRegistration
from agent.model.attribution_reporting.reports import DebugItem, VerboseContent
from agent.model.attribution_reporting.verdicts import SourceVerdict
from agent.model.events import Check


def of_source(
    registrant: Registrant,
    registration: SourceRegistration,
    shown: SourceVerdict,
    *,
    limit: str | float | None = None,
    replaced: int | None = None,
) -> VerboseContent | None:
    """The verbose debug report of a source registration, or None where it asked for none or may not have one.

    ``shown`` is the verdict that the page may know. ``replaced`` is the limit on destinations where it evicted others.
    """
    if not (registration.debug_reporting and registrant.debug_permission) or registrant.fenced:
        return None
    body: dict[str, Any] = {
        "attribution_destination": destinations_value(registration.destinations),
        "source_event_id": str(registration.source_event_id),
        "source_site": registrant.context_site,
    }
    if limit is not None:
        body["limit"] = limit
    if registration.debug_key is not None:
        body["source_debug_key"] = str(registration.debug_key)
    if replaced is not None:
        body["source_destination_limit"] = str(replaced)
    return _report(registrant, [DebugItem(shown.value, _sorted(body))])


def permission(registrant: Registrant, *, asked: bool) -> tuple[Check, ...]:
    """That what was ``asked`` for debugging comes to nothing; it stops nothing, so the check passes."""
    if not asked or (registrant.debug_permission and not registrant.fenced):
        return ()
    why = "it is in a fenced frame"
    if not registrant.debug_permission:
        why = f"{registrant.reporting_origin} may not use cookies on {registrant.context_site}: allow it to"
    return (Check("debug permission", True, f"none, so debug_key and debug_reporting count for nothing: {why}"),)


def of_trigger(
    registrant: Registrant,
    registration: TriggerRegistration,
    source: StoredSource | None,
    refusals: Iterable[Refusal],
) -> VerboseContent | None:
    """The verbose debug report of a trigger registration, None where there is nothing to say.

    ``refusals`` come in the order of the branches. The picked ``source`` must have been allowed one as well.
    """
    if not (registration.debug_reporting and registrant.debug_permission) or registrant.fenced:
        return None
    if source is not None and not source.registrant.debug_permission:
        return None
    distinct = {refusal.verdict: refusal for refusal in reversed(list(refusals))}
    items = [
        DebugItem(refusal.verdict.value, _trigger_body(registrant, registration, source, refusal))
        for refusal in reversed(distinct.values())
    ]
    return _report(registrant, items) if items else None


def _trigger_body(
    registrant: Registrant, registration: TriggerRegistration, source: StoredSource | None, refusal: Refusal
) -> dict[str, Any]:
    if refusal.report is not None:
        return event_level_body(refusal.report)
    body: dict[str, Any] = {"attribution_destination": registrant.context_site}
    if registration.debug_key is not None:
        body["trigger_debug_key"] = str(registration.debug_key)
    if source is not None:
        body["source_event_id"] = str(source.registration.source_event_id)
        body["source_site"] = source.registrant.context_site
        if source.registration.debug_key is not None:
            body["source_debug_key"] = str(source.registration.debug_key)
    if refusal.limit is not None:
        body["limit"] = str(refusal.limit)
    if refusal.name is not None:
        body["name"] = refusal.name
    return _sorted(body)


def _report(registrant: Registrant, items: list[DebugItem]) -> VerboseContent:
    return VerboseContent(registrant.reporting_origin, tuple(items))


def _sorted(body: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(body.items()))
