"""A trigger that matched no source: the sources before it that came nearest, and what each lacks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from agent.engines.attribution_reporting.durations import duration_text
from agent.engines.attribution_reporting.filters import listed
from agent.model.attribution_reporting.verdicts import SOURCE_REGISTRATION
from agent.model.clock import format_instant
from agent.model.events import Check, Event
from agent.model.explanation import Explanation, explained
from storage import events, sources

_LOOKED_AT = 50
"""Of the registrations before a trigger, the latest."""
_TOLD = 3


def nearest_sources(connection: sqlite3.Connection, trigger: Event) -> Iterator[Explanation]:
    """The sources of the trigger's reporting origin or for its site, those that agree in both before others.

    Each is told with what it lacked then, as far as the events say; else with what is stored by now.
    """
    before = events.before(connection, trigger.id, SOURCE_REGISTRATION, limit=_LOOKED_AT)
    agreeing = [(_agrees(source, trigger), source) for source in before]
    near = sorted((one for one in agreeing if any(one[0])), key=lambda one: (sum(one[0]), one[1].id), reverse=True)
    for _, source in near[:_TOLD]:
        if not source.data.get("source"):
            yield explained(source)  # it was refused, and says why
            continue
        checks = tuple(_lacks(connection, source, trigger))
        yield replace(explained(source), checks=checks, stopped_at=None)


def _agrees(source: Event, trigger: Event) -> tuple[bool, bool]:
    """Whether reporting origin and destination are the trigger's."""
    own, asked = source.data, trigger.data
    return own["reporting_origin"] == asked["reporting_origin"], _destination(trigger) in own.get("destinations", ())


def _destination(trigger: Event) -> str:
    return str(trigger.data["destination"])


def _lacks(connection: sqlite3.Connection, source: Event, trigger: Event) -> Iterator[Check]:
    same_origin, same_destination = _agrees(source, trigger)
    own, asked = source.data, trigger.data["reporting_origin"]
    fix = "" if same_origin else "register source and trigger from one reporting origin"
    yield Check(
        "reporting origin", same_origin, f"the source's is {own['reporting_origin']}, the trigger's {asked}", fix
    )
    told = f"the source is for {listed(own['destinations'])}, the trigger on {_destination(trigger)}"
    fix = "" if same_destination else f"name {_destination(trigger)} among the destinations"
    yield Check("destination", same_destination, told, fix)
    if same_origin and same_destination:
        yield _expired(source, trigger) or _of_other_scopes(own, trigger) or _active(connection, own)


def _expired(source: Event, trigger: Event) -> Check | None:
    """Whether it had expired by then, and how long before."""
    expires = source.data.get("expires")
    if expires is None or trigger.time < expires:
        return None
    ago, after = duration_text(trigger.time - expires), duration_text(expires - source.time)
    detail = f"expired {format_instant(expires)}, {after} after it was registered and {ago} before the trigger"
    return Check("expiry", False, detail, "register it with a longer expiry, or show the ad again")


def _of_other_scopes(source: Mapping[str, Any], trigger: Event) -> Check | None:
    """Whether the trigger asks for scopes, and the source was registered with none of them."""
    wanted, scopes = trigger.data.get("attribution_scopes"), source.get("attribution_scopes", ())
    if not wanted or not set(wanted).isdisjoint(scopes) or "expires" not in source:
        return None
    detail = f"the source has {listed(scopes)}, the trigger asks for {listed(wanted)}"
    return Check("attribution_scopes", False, detail, "name a scope of the source in the trigger")


def _active(connection: sqlite3.Connection, source: Mapping[str, Any]) -> Check:
    """Why a source that agrees in all that its event tells was not picked."""
    match sources.is_active(connection, source["source"]):
        case None:
            why = "evicted or cleared" if "expires" in source else "expired, evicted or cleared"
            return Check("stored", False, f"it is gone: {why}", "show the ad again")
        case False:
            detail = "another source for this destination was attributed, which ends all the others"
            return Check("active", False, detail, "show the ad again")
        case True:
            detail = "the trigger asks for attribution_scopes that it has not, or lost to a source without"
            return Check("attribution_scopes", False, detail, "name a scope of the source in the trigger")
