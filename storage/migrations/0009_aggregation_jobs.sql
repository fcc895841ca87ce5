-- Jobs of the aggregation service (agent/model/aggregation.py). AUTOINCREMENT: a position is never given twice.
CREATE TABLE aggregation_jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job_request_id TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL,
  status TEXT NOT NULL,
  request TEXT NOT NULL, -- JSON
  settled INTEGER, -- when budget and outcome were kept; NULL before
  outcome TEXT, -- JSON of what is to be written
  result_info TEXT, -- JSON of ResultInfo; NULL until finished
  event INTEGER NOT NULL DEFAULT 0 -- of the events; 0 until finished
) STRICT;
CREATE INDEX aggregation_jobs_unfinished ON aggregation_jobs (id) WHERE result_info IS NULL;

-- Budget units that are gone, each by the one job that spent it.
CREATE TABLE aggregation_budget_units (
  shared_id TEXT NOT NULL,
  hour INTEGER NOT NULL,
  reporting_origin TEXT NOT NULL,
  job INTEGER NOT NULL REFERENCES aggregation_jobs (id),
  time INTEGER NOT NULL,
  reports INTEGER NOT NULL, -- how many of the job's reports spent it
  PRIMARY KEY (shared_id, hour, reporting_origin)
) STRICT, WITHOUT ROWID;
CREATE INDEX aggregation_budget_units_by_job ON aggregation_budget_units (job);
