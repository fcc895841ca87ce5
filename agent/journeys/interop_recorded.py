"""What only a recorded story of Attribution Reporting has: what was cleared, and what its owner did to reports."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from agent.journeys.interop_chance import texts
from agent.journeys.story import StoryError
from agent.model.reports import Report
from agent.verbs import attribution_reporting as verbs
from agent.verbs.attribution import HISTORY, SITE_DATA
from storage import report_queue
from storage import reports as report_store

LAST_TIME = 8_640_000_000_000_000
"""The last millisecond that JavaScript's Date can name."""


def clear(connection: sqlite3.Connection, whom: Mapping[str, Any], now: int) -> None:
    """Clear what a user or a site cleared. Raises StoryError."""
    sites, origins = texts(whom, "sites"), texts(whom, "origins")
    match whom.get("what"):
        case "origin":
            for origin in origins:
                verbs.clear_reporting_origin(connection, origin, now=now)
        case what if what == SITE_DATA:
            verbs.clear_site_data(connection, sites)
        case what if what == HISTORY and sites:
            verbs.clear_history(connection, sites)
        case what if what == HISTORY:
            verbs.clear_all(connection)
        case what:
            raise StoryError(f"`clear.what` must be origin, site-data or history, not {what!r}")


def drop(connection: sqlite3.Connection, report_id: str) -> None:
    """Forget a report."""
    for position in _positions(connection, report_id):
        report_queue.drop(connection, position)


def hasten(connection: sqlite3.Connection, report_id: str) -> list[Report]:
    """Claim a report that is pending, to be sent before its time."""
    return report_queue.claim(connection, _positions(connection, report_id), LAST_TIME)


def _positions(connection: sqlite3.Connection, report_id: str) -> list[int]:
    return [one.position for one in report_store.find(connection, report_id) if one.id == report_id]
