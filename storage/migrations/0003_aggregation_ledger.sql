-- Batches that the aggregation service answered (agent/model/ledger.py). AUTOINCREMENT: an id is never given twice.
CREATE TABLE aggregated_batches (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time INTEGER NOT NULL,
  dialect TEXT NOT NULL,
  service TEXT NOT NULL,
  collector TEXT NOT NULL,
  budget_source TEXT NOT NULL,
  reports INTEGER NOT NULL,
  minimum_batch INTEGER NOT NULL,
  epsilon REAL NOT NULL,
  scale REAL NOT NULL,
  standard_deviation REAL NOT NULL,
  noise INTEGER NOT NULL,
  histogram TEXT NOT NULL,  -- JSON arrays of integers, one entry for each bucket
  p5 TEXT NOT NULL,
  p95 TEXT NOT NULL
) STRICT;

-- Report ids, in hex, that a batch consumed: the service's memory against replay.
CREATE TABLE aggregated_reports (
  report_id TEXT PRIMARY KEY,
  batch_id INTEGER NOT NULL REFERENCES aggregated_batches (id)
) STRICT, WITHOUT ROWID;

-- Sealed reports that a collector received. A report that was sent again, because its first answer got lost, is one.
CREATE TABLE collected_reports (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sha256 BLOB NOT NULL UNIQUE,
  received INTEGER NOT NULL,
  service TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE INDEX collected_reports_by_service ON collected_reports (service, id);

-- Reports of Attribution Reporting that a reporting origin received. Debug messages have no id, and may be equal.
CREATE TABLE collected_attribution_reports (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  received INTEGER NOT NULL,
  kind TEXT NOT NULL,
  report_id TEXT,
  body BLOB NOT NULL,
  UNIQUE (kind, report_id)
) STRICT;
