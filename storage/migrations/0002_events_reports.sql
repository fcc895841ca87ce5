-- The stream of events (agent/model/events.py). AUTOINCREMENT: a position is never given twice.
CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  time INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  summary TEXT NOT NULL,
  site TEXT NOT NULL,
  data TEXT NOT NULL,  -- JSON object
  trace TEXT NOT NULL  -- JSON array of [rule, passed 0|1, detail, fix]
) STRICT;
CREATE INDEX events_by_kind ON events (kind, id);
CREATE INDEX events_by_site ON events (site, id);

-- Reports (agent/model/reports.py), in the order they were made.
CREATE TABLE reports (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  created INTEGER NOT NULL,
  content TEXT NOT NULL,  -- JSON (storage/report_contents.py): the clear text, for the owner's eyes
  event_id INTEGER NOT NULL,
  body BLOB NOT NULL,  -- empty until assembled
  delivered_to TEXT,  -- URL; NULL where the report was returned to the page
  host TEXT,  -- the URL's host
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt INTEGER,
  last_result TEXT NOT NULL
) STRICT;
CREATE INDEX reports_by_state ON reports (state, position);
CREATE INDEX reports_due ON reports (state, kind, next_attempt, position);
CREATE INDEX reports_not_sent ON reports (host) WHERE state = 'not-sent';
