-- Interest groups (agent/model/protected_audience.py). Times are milliseconds; origins are serialised.

CREATE TABLE interest_groups (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    joining_origin TEXT NOT NULL,
    joined INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    join_count INTEGER NOT NULL,
    bid_count INTEGER NOT NULL DEFAULT 0,
    content TEXT NOT NULL, -- JSON of InterestGroup
    bytes INTEGER NOT NULL, -- of the content
    PRIMARY KEY (owner, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX interest_groups_by_expiry ON interest_groups (expires);
CREATE INDEX interest_groups_by_joining_origin ON interest_groups (joining_origin);

-- The auctions that a group won: they go with it.
CREATE TABLE interest_group_wins (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    time INTEGER NOT NULL,
    ad TEXT NOT NULL, -- JSON
    FOREIGN KEY (owner, name) REFERENCES interest_groups (owner, name) ON DELETE CASCADE
) STRICT;
CREATE INDEX interest_group_wins_by_group ON interest_group_wins (owner, name, time);
