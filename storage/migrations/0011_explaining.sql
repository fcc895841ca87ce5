-- What an explanation goes by: the reports of a decision, what happened to a report, the registration of a source and
-- the saving of an impression, each found by seeking.
CREATE INDEX reports_by_event ON reports (event_id);
CREATE INDEX events_by_report ON events (json_extract(data, '$.report'), id)
  WHERE kind IN ('report.sent', 'report.retry', 'report.failed', 'report.not-sent', 'report.hastened', 'report.dropped');
CREATE INDEX events_by_source ON events (json_extract(data, '$.source')) WHERE kind = 'source-registration';
CREATE INDEX events_by_impression ON events (json_extract(data, '$.impression')) WHERE kind = 'impression';
