-- What collected reports are selected by (agent/model/attribution_reporting/collected.py), before the body so that it is
-- read without it. A report is known by its bytes: who learns another's id can neither replace that report nor keep it
-- out. What was collected before has no digest, and is kept once more should it come again.
CREATE TABLE collected_attribution_reports_by_content (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  received INTEGER NOT NULL,
  kind TEXT NOT NULL,
  report_id TEXT,
  api TEXT,
  destination TEXT,
  scheduled_report_time INTEGER,  -- milliseconds
  sha256 BLOB,
  body BLOB NOT NULL,
  UNIQUE (kind, report_id, sha256)
) STRICT;
INSERT INTO collected_attribution_reports_by_content
SELECT id, received, kind, report_id,
  CASE WHEN json_valid(said) THEN CAST(json_extract(said, '$.api') AS TEXT) END,
  CASE WHEN json_valid(said) THEN CAST(json_extract(said, '$.attribution_destination') AS TEXT) END,
  CASE WHEN json_valid(said) THEN
    min(max(CAST(json_extract(said, '$.scheduled_report_time') AS INTEGER), 0), 999999999999) * 1000 END,
  NULL, body
FROM (
  SELECT id, received, kind, report_id, body,
    CASE WHEN json_valid(CAST(body AS TEXT))
      THEN coalesce(json_extract(CAST(body AS TEXT), '$.shared_info'), CAST(body AS TEXT)) END AS said
  FROM collected_attribution_reports
);
DROP TABLE collected_attribution_reports;
ALTER TABLE collected_attribution_reports_by_content RENAME TO collected_attribution_reports;
CREATE INDEX collected_attribution_reports_by_schedule
  ON collected_attribution_reports (kind, id, destination, api, scheduled_report_time);
