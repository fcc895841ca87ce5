-- Shared Storage. Times are milliseconds; bytes are two for each UTF-16 code unit of keys and values.

CREATE TABLE shared_storage_entries (
    id INTEGER PRIMARY KEY,
    origin TEXT NOT NULL,
    key BLOB NOT NULL, -- UTF-16, big-endian: the order of its bytes is that of its code units
    value TEXT NOT NULL,
    bytes INTEGER NOT NULL, -- of key and value
    written INTEGER NOT NULL -- the last write, from which it expires
) STRICT;
CREATE UNIQUE INDEX shared_storage_entries_by_key ON shared_storage_entries (origin, key);
CREATE INDEX shared_storage_entries_by_age ON shared_storage_entries (origin, written, bytes);

-- One row for each origin that has entries, expired ones included, so that no write has to read the others.
CREATE TABLE shared_storage_origins (
    origin TEXT PRIMARY KEY,
    creation_time INTEGER NOT NULL, -- the first write since there was none
    length INTEGER NOT NULL,
    bytes_used INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER shared_storage_entry_added AFTER INSERT ON shared_storage_entries BEGIN
    INSERT INTO shared_storage_origins VALUES (NEW.origin, NEW.written, 1, NEW.bytes)
        ON CONFLICT DO UPDATE SET length = length + 1, bytes_used = bytes_used + NEW.bytes;
END;
CREATE TRIGGER shared_storage_entry_changed AFTER UPDATE OF bytes ON shared_storage_entries BEGIN
    UPDATE shared_storage_origins SET bytes_used = bytes_used + NEW.bytes - OLD.bytes WHERE origin = NEW.origin;
END;
CREATE TRIGGER shared_storage_entry_removed AFTER DELETE ON shared_storage_entries BEGIN
    UPDATE shared_storage_origins SET length = length - 1, bytes_used = bytes_used - OLD.bytes
        WHERE origin = OLD.origin;
    DELETE FROM shared_storage_origins WHERE origin = OLD.origin AND length = 0;
END;

-- Bits that selectURL's results spent when their frames navigated the tab, within the window of the limit.
CREATE TABLE select_url_navigations (
    id INTEGER PRIMARY KEY,
    site TEXT NOT NULL, -- schemeful site of the data origin
    time INTEGER NOT NULL,
    bits REAL NOT NULL
) STRICT;
CREATE INDEX select_url_navigations_by_site ON select_url_navigations (site, time, bits);
