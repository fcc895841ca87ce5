-- Attribution Reporting (agent/model/attribution_reporting). Times are milliseconds; sites and origins are serialised.

-- Sources that can still matter: those that have expired are removed before a registration looks at any.
CREATE TABLE sources (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- ascends in the order stored
    context_origin TEXT NOT NULL,
    context_site TEXT NOT NULL,
    reporting_origin TEXT NOT NULL,
    reporting_site TEXT NOT NULL,
    time INTEGER NOT NULL,
    expiry_time INTEGER NOT NULL, -- from this instant on it is expired
    debug_permission INTEGER NOT NULL,
    source_type TEXT NOT NULL,
    registration TEXT NOT NULL, -- JSON (storage/source_registrations.py); the next three are in it as well
    destinations TEXT NOT NULL, -- JSON array
    priority INTEGER NOT NULL,
    destination_limit_priority INTEGER NOT NULL,
    scoped INTEGER NOT NULL, -- 0 where it was registered without attribution_scopes, or lost them
    randomized_trigger_rate REAL NOT NULL,
    attribution_logic TEXT NOT NULL,
    active INTEGER NOT NULL, -- 0 once another source of its destination was attributed
    event_level_active INTEGER NOT NULL,
    num_attributions INTEGER NOT NULL,
    num_aggregatable_reports INTEGER NOT NULL,
    num_aggregatable_debug_reports INTEGER NOT NULL,
    remaining_aggregatable_budget INTEGER NOT NULL,
    remaining_aggregatable_debug_budget INTEGER NOT NULL,
    remaining_named_budgets TEXT NOT NULL -- JSON object
) STRICT;
CREATE INDEX sources_inactive ON sources (reporting_origin) WHERE active = 0;

-- How many active sources a context origin has.
CREATE TABLE active_sources (
    context_origin TEXT PRIMARY KEY,
    count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Active sources by what a trigger knows: it finds its candidates by seeking, however many sources are stored.
CREATE TABLE source_candidates (
    reporting_origin TEXT NOT NULL,
    destination TEXT NOT NULL,
    scoped INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    source_id INTEGER NOT NULL,
    PRIMARY KEY (reporting_origin, destination, scoped, priority, source_id)
) STRICT, WITHOUT ROWID;

-- The same for each attribution scope of those that have some.
CREATE TABLE source_scopes (
    reporting_origin TEXT NOT NULL,
    destination TEXT NOT NULL,
    scope TEXT NOT NULL,
    priority INTEGER NOT NULL,
    source_id INTEGER NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
    time INTEGER NOT NULL,
    scopes_limit INTEGER NOT NULL,
    max_event_states INTEGER NOT NULL,
    PRIMARY KEY (reporting_origin, destination, scope, priority, source_id)
) STRICT, WITHOUT ROWID;
-- The newest source is the first of its scope: what has a lower limit than a newer source was removed.
CREATE INDEX source_scopes_by_age
    ON source_scopes (reporting_origin, destination, scope, max_event_states, scopes_limit, source_id DESC);
CREATE INDEX source_scopes_by_limits
    ON source_scopes (reporting_origin, destination, max_event_states, scopes_limit);
CREATE INDEX source_scopes_by_source ON source_scopes (source_id);

CREATE TABLE source_deduplication_keys (
    source_id INTEGER NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    key TEXT NOT NULL, -- unsigned 64 bits
    PRIMARY KEY (source_id, kind, key)
) STRICT, WITHOUT ROWID;

-- Whose destinations count for a (source site, reporting site): every stored source's, and those of sources that data
-- clearing or the scopes of others removed, until they would have expired.
CREATE TABLE destination_sources (
    source_site TEXT NOT NULL,
    reporting_site TEXT NOT NULL,
    destination TEXT NOT NULL,
    priority INTEGER NOT NULL, -- destination_limit_priority
    source_id INTEGER NOT NULL,
    time INTEGER NOT NULL,
    expiry_time INTEGER NOT NULL,
    destinations TEXT NOT NULL, -- JSON array: all of the source's
    PRIMARY KEY (source_site, reporting_site, destination, priority, source_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX destination_sources_by_expiry ON destination_sources (expiry_time, source_id);

-- What these come to: for each destination the greatest (priority, time), NULL where none is left, and when a source
-- was last stored for it.
CREATE TABLE destination_groups (
    source_site TEXT NOT NULL,
    reporting_site TEXT NOT NULL,
    destination TEXT NOT NULL,
    last_stored INTEGER NOT NULL,
    priority INTEGER,
    time INTEGER,
    source_id INTEGER, -- the source of that priority and time
    PRIMARY KEY (source_site, reporting_site, destination)
) STRICT, WITHOUT ROWID;
CREATE INDEX destination_groups_empty ON destination_groups (last_stored) WHERE source_id IS NULL;
CREATE TRIGGER destination_groups_up AFTER INSERT ON destination_sources BEGIN
    INSERT INTO destination_groups
        VALUES (NEW.source_site, NEW.reporting_site, NEW.destination, NEW.time, NEW.priority, NEW.time, NEW.source_id)
        ON CONFLICT DO UPDATE SET
            last_stored = NEW.time,
            time = iif(source_id IS NULL OR NEW.priority >= priority, NEW.time, time),
            source_id = iif(source_id IS NULL OR NEW.priority >= priority, NEW.source_id, source_id),
            priority = max(coalesce(priority, NEW.priority), NEW.priority);
END;
CREATE TRIGGER destination_groups_down AFTER DELETE ON destination_sources BEGIN
    UPDATE destination_groups SET (priority, time, source_id) = (
        SELECT s.priority, s.time, s.source_id FROM destination_sources AS s
        WHERE s.source_site = OLD.source_site AND s.reporting_site = OLD.reporting_site
            AND s.destination = OLD.destination
        ORDER BY s.priority DESC, s.source_id DESC LIMIT 1
    )
    WHERE source_site = OLD.source_site AND reporting_site = OLD.reporting_site AND destination = OLD.destination
        AND source_id = OLD.source_id;
END;

CREATE TRIGGER source_stored AFTER INSERT ON sources BEGIN
    INSERT INTO active_sources VALUES (NEW.context_origin, 1) ON CONFLICT DO UPDATE SET count = count + 1;
    INSERT INTO source_candidates
        SELECT NEW.reporting_origin, value, NEW.scoped, NEW.priority, NEW.id FROM json_each(NEW.destinations);
    INSERT INTO destination_sources
        SELECT NEW.context_site, NEW.reporting_site, value, NEW.destination_limit_priority, NEW.id, NEW.time,
            NEW.expiry_time, NEW.destinations
        FROM json_each(NEW.destinations);
END;
CREATE TRIGGER source_lost_scopes AFTER UPDATE OF scoped ON sources WHEN NEW.active BEGIN
    UPDATE source_candidates SET scoped = NEW.scoped
        WHERE reporting_origin = OLD.reporting_origin AND destination IN (SELECT value FROM json_each(OLD.destinations))
            AND scoped = OLD.scoped AND priority = OLD.priority AND source_id = OLD.id;
    DELETE FROM source_scopes WHERE source_id = OLD.id;
END;
CREATE TRIGGER source_deactivated AFTER UPDATE OF active ON sources WHEN OLD.active AND NOT NEW.active BEGIN
    UPDATE active_sources SET count = count - 1 WHERE context_origin = OLD.context_origin;
    DELETE FROM source_candidates
        WHERE reporting_origin = OLD.reporting_origin AND destination IN (SELECT value FROM json_each(OLD.destinations))
            AND scoped = OLD.scoped AND priority = OLD.priority AND source_id = OLD.id;
    DELETE FROM source_scopes WHERE source_id = OLD.id;
END;
CREATE TRIGGER source_removed AFTER DELETE ON sources WHEN OLD.active BEGIN
    UPDATE active_sources SET count = count - 1 WHERE context_origin = OLD.context_origin;
    DELETE FROM active_sources WHERE context_origin = OLD.context_origin AND count = 0;
    DELETE FROM source_candidates
        WHERE reporting_origin = OLD.reporting_origin AND destination IN (SELECT value FROM json_each(OLD.destinations))
            AND scoped = OLD.scoped AND priority = OLD.priority AND source_id = OLD.id;
END;

-- Who was last seen when in sources that were stored: all that a limit on distinct members within a window needs.
CREATE TABLE source_rate_limits (
    rule TEXT NOT NULL, -- storage/source_rate_limits.py
    source_site TEXT NOT NULL,
    scope TEXT NOT NULL, -- the other site that the rule is about, '' for none
    member TEXT NOT NULL, -- a destination or a reporting origin
    time INTEGER NOT NULL,
    PRIMARY KEY (rule, source_site, scope, member)
) STRICT, WITHOUT ROWID;
-- This rule's window is short beside the time between sweeps.
CREATE INDEX source_rate_limits_destinations ON source_rate_limits (source_site, time) WHERE rule = 'destinations';

-- Attributions. Their time is that of their source.
CREATE TABLE attribution_rate_limits (
    id INTEGER PRIMARY KEY, -- the position of the report; negative for what a randomised response stands for
    kind TEXT NOT NULL, -- event-level or aggregatable
    source_site TEXT NOT NULL,
    destination TEXT NOT NULL,
    reporting_site TEXT NOT NULL,
    reporting_origin TEXT NOT NULL,
    time INTEGER NOT NULL
) STRICT;
CREATE INDEX attribution_rate_limits_by_sites
    ON attribution_rate_limits (source_site, destination, reporting_site, kind, time);
CREATE INDEX attribution_rate_limits_by_origin
    ON attribution_rate_limits (source_site, destination, reporting_origin, time);

-- What aggregatable debug reports spent within a day, and its sums; the sum of all reporting sites stands under ''.
CREATE TABLE aggregatable_debug_uses (
    id INTEGER PRIMARY KEY,
    context_site TEXT NOT NULL,
    reporting_site TEXT NOT NULL,
    time INTEGER NOT NULL,
    spent INTEGER NOT NULL
) STRICT;
CREATE INDEX aggregatable_debug_uses_by_time ON aggregatable_debug_uses (time);
CREATE TABLE aggregatable_debug_budgets (
    context_site TEXT NOT NULL,
    reporting_site TEXT NOT NULL,
    spent INTEGER NOT NULL,
    PRIMARY KEY (context_site, reporting_site)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER aggregatable_debug_budgets_up AFTER INSERT ON aggregatable_debug_uses BEGIN
    INSERT INTO aggregatable_debug_budgets
        VALUES (NEW.context_site, NEW.reporting_site, NEW.spent), (NEW.context_site, '', NEW.spent)
        ON CONFLICT DO UPDATE SET spent = spent + excluded.spent;
END;
CREATE TRIGGER aggregatable_debug_budgets_down AFTER DELETE ON aggregatable_debug_uses BEGIN
    UPDATE aggregatable_debug_budgets SET spent = spent - OLD.spent
        WHERE context_site = OLD.context_site AND reporting_site IN (OLD.reporting_site, '');
    DELETE FROM aggregatable_debug_budgets
        WHERE context_site = OLD.context_site AND reporting_site IN (OLD.reporting_site, '') AND spent = 0;
END;

-- Attribution reports on their way: one that was delivered, or given up, leaves this table by itself.
CREATE TABLE pending_attribution_reports (
    position INTEGER PRIMARY KEY REFERENCES reports (position) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    reporting_origin TEXT NOT NULL,
    source_id INTEGER, -- NULL for a null report, and so are the source's destinations
    trigger_time INTEGER NOT NULL,
    report_time INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    destination_1 TEXT,
    destination_2 TEXT,
    destination_3 TEXT
) STRICT;
CREATE INDEX pending_attribution_reports_by_source
    ON pending_attribution_reports (source_id, kind) WHERE source_id IS NOT NULL;
CREATE INDEX pending_attribution_reports_by_origin ON pending_attribution_reports (reporting_origin);
CREATE INDEX pending_attribution_reports_by_destination_1
    ON pending_attribution_reports (kind, destination_1) WHERE destination_1 IS NOT NULL;
CREATE INDEX pending_attribution_reports_by_destination_2
    ON pending_attribution_reports (kind, destination_2) WHERE destination_2 IS NOT NULL;
CREATE INDEX pending_attribution_reports_by_destination_3
    ON pending_attribution_reports (kind, destination_3) WHERE destination_3 IS NOT NULL;
CREATE TRIGGER pending_attribution_reports_done AFTER UPDATE OF state ON reports
WHEN NEW.state IN ('sent', 'failed') BEGIN
    DELETE FROM pending_attribution_reports WHERE position = NEW.position;
END;
