-- Impressions, privacy budgets and the state of attribution. Times are milliseconds, budgets micro-epsilon.

CREATE TABLE impressions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- ascends in the order saved and is never given twice
    dialect TEXT NOT NULL,
    key ANY NOT NULL, -- matchValue as a number; ad as JSON text, which keeps every code unit
    impression_site TEXT NOT NULL,
    intermediary_site TEXT,
    conversion_sites TEXT NOT NULL, -- JSON array, empty for any
    conversion_callers TEXT NOT NULL, -- JSON array, empty for any
    timestamp INTEGER NOT NULL,
    lifetime_days INTEGER NOT NULL,
    expires INTEGER NOT NULL, -- the last millisecond at which it can match
    histogram_index INTEGER NOT NULL,
    priority INTEGER NOT NULL
) STRICT;
CREATE INDEX impressions_by_expiry ON impressions (expires);
CREATE INDEX impressions_by_site ON impressions (impression_site);
CREATE INDEX impressions_by_intermediary ON impressions (intermediary_site) WHERE intermediary_site IS NOT NULL;

-- Who may use an impression: one row for each pair of conversion site and caller, '' for any. A conversion finds its
-- candidates here by seeking, however many impressions are stored, and all that it needs of them, side by side.
CREATE TABLE impression_audiences (
    dialect TEXT NOT NULL,
    conversion_site TEXT NOT NULL,
    conversion_caller TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    impression_id INTEGER NOT NULL REFERENCES impressions (id) ON DELETE CASCADE,
    key ANY NOT NULL,
    impression_site TEXT NOT NULL,
    intermediary_site TEXT,
    expires INTEGER NOT NULL,
    histogram_index INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    PRIMARY KEY (dialect, conversion_site, conversion_caller, key, timestamp, impression_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX impression_audiences_by_site
    ON impression_audiences (dialect, conversion_site, conversion_caller, impression_site, key, timestamp);
CREATE INDEX impression_audiences_by_caller ON impression_audiences (conversion_caller) WHERE conversion_caller != '';
CREATE INDEX impression_audiences_by_impression ON impression_audiences (impression_id);

-- A budget that was never charged has no row and is whole. A conversion pays from few of the first table, and from as
-- many of the second as it has impression sites: without a kind in the key, a row costs a quarter less.
CREATE TABLE privacy_budgets (
    kind TEXT NOT NULL,
    site TEXT NOT NULL, -- '' for the global budget
    epoch INTEGER NOT NULL,
    remaining INTEGER NOT NULL CHECK (remaining >= 0),
    PRIMARY KEY (kind, site, epoch)
) STRICT, WITHOUT ROWID;
CREATE TABLE impression_site_quotas (
    site TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    remaining INTEGER NOT NULL CHECK (remaining >= 0),
    PRIMARY KEY (site, epoch)
) STRICT, WITHOUT ROWID;

-- One row. NULL where it never happened.
CREATE TABLE attribution_state (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    epoch_start INTEGER,
    last_clear INTEGER
) STRICT;
INSERT INTO attribution_state (only) VALUES (1);
