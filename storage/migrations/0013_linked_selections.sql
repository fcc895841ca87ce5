-- What an operation of selectURL contributed, as 0012 has it of other operations.
CREATE INDEX events_by_batch_of_selection ON events (json_extract(data, '$.batch'), id)
  WHERE kind = 'shared-storage.select-url';
