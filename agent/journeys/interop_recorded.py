"""What only a recorded story of Attribution Reporting has: what was cleared, and which reports their owner dropped."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from agent.journeys.interop_chance import texts
from agent.journeys.story import StoryError
from agent.verbs import attribution_reporting as verbs
from agent.verbs.attribution import HISTORY, SITE_DATA


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


def dropped_reports(given: Mapping[str, Any]) -> frozenset[str]:
    """The ids of the reports that their owner dropped before they left. Raises StoryError."""
    return frozenset(texts(given, "dropped_reports"))
