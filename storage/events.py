"""The stream of events: appended in order, read in pages."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from agent.model.event_filter import EVERY_EVENT, EventFilter
from agent.model.events import Check, Event, Trace
from storage import json_texts

LONGEST_TEXT = 1 << 13
"""Characters of a summary, and of each text of a check, that are kept: pages choose how long theirs are."""
_encode_data = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_COLUMNS = "kind, time, verdict, summary, site, data, trace"
_VALUES = ", ".join(f"json_extract(value, '$[{position}]')" for position in range(7))
_OF_REPORT = (
    f"SELECT id, {_COLUMNS} FROM events WHERE json_extract(data, '$.report') = ?"  # noqa: S608 - constants
    " AND kind IN ('report.sent', 'report.retry', 'report.failed', 'report.not-sent', 'report.hastened',"
    " 'report.dropped') ORDER BY id DESC LIMIT ?"
)
# The kinds are literals, or SQLite would not know that an index of one kind has what is asked for.
_REGISTRATION = (
    f"SELECT id, {_COLUMNS} FROM events WHERE kind = 'source-registration'"  # noqa: S608 - constants
    " AND json_extract(data, '$.source') = ? ORDER BY id DESC LIMIT 1"
)
_IMPRESSION = (
    f"SELECT id, {_COLUMNS} FROM events WHERE kind = 'impression'"  # noqa: S608 - constants
    " AND json_extract(data, '$.impression') = ? ORDER BY id DESC LIMIT 1"
)
_OF_AUCTION = (
    f"SELECT id, {_COLUMNS} FROM events WHERE kind = 'private-aggregation'"  # noqa: S608 - constants
    " AND json_extract(data, '$.auction') = ? ORDER BY id LIMIT ?"
)
_OF_BATCH = tuple(
    f"SELECT id, {_COLUMNS} FROM events WHERE kind = '{kind}'"  # noqa: S608 - constants
    " AND json_extract(data, '$.batch') = ? ORDER BY id LIMIT 1"
    for kind in ("shared-storage.run", "shared-storage.select-url")
)
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


def newest(
    connection: sqlite3.Connection,
    wanted: EventFilter = EVERY_EVENT,
    *,
    before: int | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[Event]:
    """At most ``limit`` events with ids below ``before`` and above ``after`` that fit ``wanted``, newest first."""
    conditions = ["id > ?"]
    values: list[str | int] = [after]
    if before is not None:
        conditions.append("id < ?")
        values.append(before)
    for column, part in (("kind", wanted.kind), ("site", wanted.site), ("verdict", wanted.verdict)):
        if part:
            conditions.append(f"{column} LIKE ? ESCAPE '!'")
            values.append(_containing(part))
    for word in wanted.words:
        conditions.append("(summary || char(10) || kind || char(10) || site || char(10) || verdict) LIKE ? ESCAPE '!'")
        values.append(_containing(word))
    if wanted.about_url:
        conditions.append("json_extract(data, '$.url', '$.asked.url') <> '[null,null]'")
    if wanted.failed is not None:
        # Within a JSON text no string holds a bare quote: this is a failed check's second member and nothing else.
        conditions.append("(instr(trace, '\",0,\"') > 0) = ?")
        values.append(wanted.failed)
    sql = f"SELECT id, {_COLUMNS} FROM events WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?"  # noqa: S608
    return [_event(row) for row in connection.execute(sql, (*values, limit))]


def _containing(part: str) -> str:
    """The pattern of texts that contain ``part``."""
    for special in "!%_":
        part = part.replace(special, f"!{special}")
    return f"%{part}%"


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


def before(connection: sqlite3.Connection, event_id: int, kind: str, *, limit: int) -> list[Event]:
    """The ``limit`` latest events of ``kind`` before that one, the latest first."""
    sql = f"SELECT id, {_COLUMNS} FROM events WHERE kind = ? AND id < ? ORDER BY id DESC LIMIT ?"  # noqa: S608
    return [_event(row) for row in connection.execute(sql, (kind, event_id, limit))]


def of_report(connection: sqlite3.Connection, report_id: str, *, limit: int = 100) -> list[Event]:
    """The ``limit`` latest events of the report of that id, attempts and what its owner did, oldest first."""
    rows = connection.execute(_OF_REPORT, (report_id, limit)).fetchall()
    return [_event(row) for row in reversed(rows)]


def of_source(connection: sqlite3.Connection, source_id: int) -> Event | None:
    """The registration of the source of that id, which may be gone by now."""
    row = connection.execute(_REGISTRATION, (source_id,)).fetchone()
    return _event(row) if row else None


def of_impression(connection: sqlite3.Connection, impression_id: int) -> Event | None:
    """The saving of the impression of that id, which may be gone by now."""
    row = connection.execute(_IMPRESSION, (impression_id,)).fetchone()
    return _event(row) if row else None


def of_auction(connection: sqlite3.Connection, event_id: int, *, limit: int = 100) -> list[Event]:
    """The first ``limit`` batches of contributions of the auction whose event has that id, in their order."""
    return [_event(row) for row in connection.execute(_OF_AUCTION, (event_id, limit))]


def of_batch(connection: sqlite3.Connection, event_id: int) -> Event | None:
    """The end of the operation that made the batch of contributions whose event has that id."""
    rows = (connection.execute(sql, (event_id,)).fetchone() for sql in _OF_BATCH)
    return next((_event(row) for row in rows if row), None)


def remove_all(connection: sqlite3.Connection) -> None:
    """Forget every event."""
    connection.execute("DELETE FROM events")


def _row(event: Event) -> tuple[str, int, str, str, str, str, str]:
    data = _encode_data(dict(event.data))
    trace = [
        (_cut(check.rule), 1 if check.passed else 0, _cut(check.detail), _cut(check.fix))
        for check in event.trace.checks
    ]
    summary = _storable(_cut(event.summary))
    return event.kind, event.time, event.verdict, summary, event.site, data, json_texts.dumps(trace)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


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
