-- What was sent to one place is a batch for the aggregation service: it is counted and read by seeking.
CREATE INDEX reports_sent ON reports (kind, delivered_to, position, state) WHERE state = 'sent';
