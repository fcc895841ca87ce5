from __future__ import annotations

import json

import pytest

from agent.engines.attribution_reporting.against_source import checks_against
from agent.engines.attribution_reporting.trigger_registration import parse_trigger_registration
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from tests.engines.attribution_reporting.registration_world import NOON, a_source, stored

SOURCE = stored(a_source(filter_data={"colour": frozenset({"red"})}, aggregation_keys={"a": 0x5}))
RED, GREEN = {"filters": {"colour": ["red"]}}, {"filters": {"colour": ["green"]}}


def asked(**trigger: object) -> list[tuple[str, bool, str]]:
    parsed = parse_trigger_registration(json.dumps(trigger).encode(), AttributionReportingLimits()).value
    assert parsed is not None
    return [(check.rule, check.passed, check.detail) for check in checks_against(SOURCE, parsed, NOON)]


def test_filters_that_do_not_match_end_it() -> None:
    assert asked(event_trigger_data=[{}], **GREEN) == [
        ("filters", False, 'filters: "colour" is ["red"] in the source, wanted is ["green"]')
    ]


def test_the_first_event_level_entry_whose_filters_match_counts() -> None:
    assert asked(event_trigger_data=[GREEN, RED, {}])[1:] == [
        ("event-level filters", True, "entry 1 of event_trigger_data")
    ]
    (none,) = asked(event_trigger_data=[GREEN])[1:]
    assert none[:2] == ("event-level filters", False)
    assert none[2].startswith("event_trigger_data[0]: filters: ")


def test_contributions_are_the_key_pieces_of_both_with_the_trigger_s_values() -> None:
    data = [{"key_piece": "0x400", "source_keys": ["a"]}]
    assert asked(aggregatable_trigger_data=data, aggregatable_values={"a": 100, "b": 7})[1:] == [
        ("contributions", True, "100 for 0x405")
    ]
    (none,) = asked(aggregatable_trigger_data=data, aggregatable_values={"b": 7})[1:]
    assert none[:2] == ("contributions", False)


@pytest.mark.parametrize("trigger", [{}, RED])
def test_what_a_trigger_does_not_ask_for_is_not_checked(trigger: dict[str, object]) -> None:
    assert asked(**trigger) == [("filters", True, "the source's filter_data match")]
