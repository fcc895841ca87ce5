"""What an event keeps of limits."""

from __future__ import annotations

import json

from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.changed_limits import changed_limits
from agent.model.limits import AttributionLimits


def test_default_limits_are_not_kept() -> None:
    assert changed_limits(AttributionLimits()) == {}
    assert changed_limits(AttributionReportingLimits()) == {}


def test_what_differs_is_kept_as_json() -> None:
    limits = AttributionReportingLimits(noise=False, aggregation_coordinator_origins=("https://c.test",))
    kept = changed_limits(limits)
    assert kept == {"noise": False, "aggregation_coordinator_origins": ["https://c.test"]}
    assert json.loads(json.dumps(kept)) == kept
