"""A registration is the same after it was stored, whatever it says."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest

from agent.model.attribution_reporting.registrations import (
    AggregatableDebugReporting,
    AttributionScopes,
    DebugContribution,
    EventReportWindows,
    SourceRegistration,
    TriggerDataMatching,
)
from agent.model.clock import DAY, HOUR
from storage import source_registrations
from tests.engines.attribution_reporting.registration_world import a_source

FULL = SourceRegistration(
    destinations=("https://a.test", "https://b.test"),
    expiry=2 * DAY,
    aggregatable_report_window=HOUR,
    event_report_windows=EventReportWindows(5, (HOUR, 2 * HOUR)),
    trigger_data=(3, 2**32 - 1),
    max_event_level_reports=20,
    source_event_id=2**64 - 1,
    priority=-(2**63),
    trigger_data_matching=TriggerDataMatching.EXACT,
    event_level_epsilon=0.5,
    filter_data={"product": frozenset({"1", "ü\u2028"}), "none": frozenset()},
    aggregation_keys={"a": 2**128 - 1, "b": 0},
    attribution_scopes=AttributionScopes(4, ("x", "y"), 9),
    debug_key=0,
    debug_reporting=True,
    aggregatable_debug_reporting=AggregatableDebugReporting(
        2**127, {"source-success": DebugContribution(2**126, 65_536)}, 65_536, "https://coordinator.test"
    ),
    destination_limit_priority=2**63 - 1,
    named_budgets={"n": 0, "m": 65_536},
)


def test_the_example_says_something_in_every_field() -> None:
    assert [field.name for field in fields(FULL) if getattr(FULL, field.name) == field.default] == []


@pytest.mark.parametrize("registration", [FULL, a_source()], ids=["full", "plain"])
def test_a_registration_is_read_as_it_was_written(registration: SourceRegistration) -> None:
    read = source_registrations.loads(source_registrations.dumps(registration))
    assert read == registration
    assert list(read.aggregation_keys) == list(registration.aggregation_keys), "their order is that of contributions"


def test_an_epsilon_without_bound_is_read_as_it_was_written() -> None:
    endless = replace(FULL, event_level_epsilon=math.inf)
    assert source_registrations.loads(source_registrations.dumps(endless)) == endless
