-- Private Aggregation (agent/model/private_aggregation.py). Times are milliseconds; sites are serialised.

-- What reports spent of a site's budgets, summed up for each UTC minute.
CREATE TABLE private_aggregation_budget_uses (
    site TEXT NOT NULL,
    api TEXT NOT NULL,
    minute INTEGER NOT NULL, -- its start
    spent INTEGER NOT NULL,
    PRIMARY KEY (site, api, minute)
) STRICT, WITHOUT ROWID;
CREATE INDEX private_aggregation_budget_uses_by_minute ON private_aggregation_budget_uses (minute);

-- Reports that are stored and not sent yet, by their URL: it names the reporting origin.
CREATE INDEX reports_pending_private_aggregation ON reports (delivered_to)
    WHERE kind = 'private-aggregation' AND state IN ('pending', 'sending', 'not-sent');
