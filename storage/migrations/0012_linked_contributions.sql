-- What contributed, and what came of it, as their events name one another: each found by seeking.
CREATE INDEX events_by_auction ON events (json_extract(data, '$.auction'), id) WHERE kind = 'private-aggregation';
CREATE INDEX events_by_batch ON events (json_extract(data, '$.batch'), id) WHERE kind = 'shared-storage.run';
CREATE INDEX events_by_batch_of_selection ON events (json_extract(data, '$.batch'), id)
  WHERE kind = 'shared-storage.select-url';
