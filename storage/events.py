"""The stream of events: appended in order, read in pages."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from agent.model.events import Check, Event, Trace
from storage import json_texts

_encode_data = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_COLUMNS = "kind, time, verdict, summary, site, data, trace"
_VALUES = ", ".join(f"json_extract(value, '$[{position}]')" for position in range(7))
_APPEND = f"INSERT INTO events ({_COLUMNS}) SELECT {_VALUES} FROM json_each(?) ORDER BY key"  # noqa: S608 - constants
_APPEND_ONE = f"INSERT INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants


def append(connection: sqlite3.Connection, events: Sequence[Event]) -> list[int]:
    """Add ``events`` to the stream in one statement, however many there are; gives their ids in order."""
    if len(events) == 1:
        # Nearly every time: it costs half of what the list of one would.
        return [connection.execute(_APPEND_ONE, _row(events[0])).lastrowid or 0]
    last = connection.execute(_APPEND, (json.dumps([_row(event) for event in events]),)).lastrowid
    # One writer at a time, and AUTOINCREMENT: the ids of one statement are consecutive.
    return list(range(last - len(events) + 1, last + 1)) if events and last else []


def read(
    connection: sqlite3.Connection,
    *,
    after: int = 0,
    limit: int = 100,
    kind: str | None = None,
    site: str | None = None,
    verdict: str | None = None,
) -> list[Event]:
    """At most ``limit`` events with ids greater than ``after``, oldest first, that equal every filter given."""
    filters = {"kind": kind, "site": site, "verdict": verdict}
    given = {name: value for name, value in filters.items() if value is not None}
    where = "".join(f" AND {name} = :{name}" for name in given)
    sql = f"SELECT id, {_COLUMNS} FROM events WHERE id > :after{where} ORDER BY id LIMIT :limit"  # noqa: S608
    return [_event(row) for row in connection.execute(sql, {**given, "after": after, "limit": limit})]


def get(connection: sqlite3.Connection, event_id: int) -> Event | None:
    """The event with this id, or None."""
    sql = f"SELECT id, {_COLUMNS} FROM events WHERE id = ?"  # noqa: S608
    row = connection.execute(sql, (event_id,)).fetchone()
    return _event(row) if row else None


def last(connection: sqlite3.Connection, kind: str | None = None) -> Event | None:
    """The newest event, of ``kind`` if one is given, or None."""
    where = "" if kind is None else "WHERE kind = ?"
    sql = f"SELECT id, {_COLUMNS} FROM events {where} ORDER BY id DESC LIMIT 1"  # noqa: S608
    row = connection.execute(sql, () if kind is None else (kind,)).fetchone()
    return _event(row) if row else None


def remove_all(connection: sqlite3.Connection) -> None:
    """Forget every event."""
    connection.execute("DELETE FROM events")


def _row(event: Event) -> tuple[str, int, str, str, str, str, str]:
    data = _encode_data(dict(event.data))
    trace = [(check.rule, 1 if check.passed else 0, check.detail, check.fix) for check in event.trace.checks]
    return event.kind, event.time, event.verdict, _storable(event.summary), event.site, data, json_texts.dumps(trace)


def _storable(text: str) -> str:
    # A page's strings may hold lone surrogates, which SQLite's UTF-8 cannot, and NUL, which ends a text for its JSON
    # functions. The columns data and trace are JSON, where both are escapes.
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "\ufffd")


def _event(row: tuple[int, str, int, str, str, str, str, str]) -> Event:
    event_id, kind, time, verdict, summary, site, data, trace = row
    checks = tuple(Check(rule, bool(passed), detail, fix) for rule, passed, detail, fix in json.loads(trace))
    return Event(kind, time, verdict, summary, site, json.loads(data), Trace(checks), event_id)
