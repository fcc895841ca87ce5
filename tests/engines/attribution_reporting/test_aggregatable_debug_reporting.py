from __future__ import annotations

from typing import Any

import pytest

from agent.model.attribution_reporting.limits import COORDINATORS
from agent.model.attribution_reporting.registrations import AggregatableDebugReporting, DebugContribution
from agent.model.attribution_reporting.verdicts import SourceVerdict, TriggerVerdict
from tests.engines.attribution_reporting.headers import parse_source, parse_trigger, paths, source, trigger

FIELD = "aggregatable_debug_reporting"


def item(*types: str, value: object = 1, key_piece: object = "0x2") -> dict[str, Any]:
    return {"types": list(types), "key_piece": key_piece, "value": value}


def valid(**fields: Any) -> dict[str, Any]:
    return {"budget": 9, "key_piece": "0x1", **fields}


def test_a_source_reserves_a_budget() -> None:
    config = {"budget": 65_536, "key_piece": "0x1", "aggregation_coordinator_origin": COORDINATORS[1]}
    expected = AggregatableDebugReporting(1, {}, 65_536, COORDINATORS[1])
    assert source(**{FIELD: config}).aggregatable_debug_reporting == expected


def test_a_trigger_knows_no_budget() -> None:
    parsed = parse_trigger(**{FIELD: {"key_piece": "0x1", "budget": 5}})
    assert parsed.value is not None
    assert parsed.value.aggregatable_debug_reporting == AggregatableDebugReporting(1)
    assert paths(parsed.warnings) == [(FIELD, "budget")]


def test_unspecified_supplies_every_type_that_is_not_named() -> None:
    config = {"key_piece": "0x1", "debug_data": [item("unspecified", value=7), item("trigger-no-matching-source")]}
    read = trigger(**{FIELD: config}).aggregatable_debug_reporting
    assert read is not None
    rest = {verdict.value: DebugContribution(2, 7) for verdict in TriggerVerdict}
    assert read.debug_data == rest | {"trigger-no-matching-source": DebugContribution(2, 1)}


def test_types_of_the_other_header_and_unknown_ones_are_ignored() -> None:
    types = ("source-success", "trigger-unknown-error", "header-parsing-error", "abc")
    parsed = parse_source(**{FIELD: {"budget": 5, "key_piece": "0x1", "debug_data": [item(*types)]}})
    assert parsed.value is not None
    assert parsed.value.aggregatable_debug_reporting is not None
    assert parsed.value.aggregatable_debug_reporting.debug_data == {"source-success": DebugContribution(2, 1)}
    assert paths(parsed.warnings) == [(FIELD, "debug_data", 0, "types", position) for position in (1, 2, 3)]


@pytest.mark.parametrize("verdict", SourceVerdict)
def test_every_verdict_about_a_source_is_a_type(verdict: SourceVerdict) -> None:
    config = {"budget": 5, "key_piece": "0x1", "debug_data": [item(verdict.value)]}
    read = source(**{FIELD: config}).aggregatable_debug_reporting
    assert read is not None
    assert list(read.debug_data) == [verdict.value]


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        (5, ()),
        (None, ()),
        ({"key_piece": "0x1"}, ("budget",)),
        ({"budget": 0, "key_piece": "0x1"}, ("budget",)),
        ({"budget": 65_537, "key_piece": "0x1"}, ("budget",)),
        ({"budget": 9}, ("key_piece",)),
        ({"budget": 9, "key_piece": "1"}, ("key_piece",)),
        (valid(aggregation_coordinator_origin="https://x.test"), ("aggregation_coordinator_origin",)),
        (valid(debug_data={}), ("debug_data",)),
        (valid(debug_data=[1]), ("debug_data", 0)),
        (valid(debug_data=[item()]), ("debug_data", 0, "types")),
        (valid(debug_data=[item("source-noised", value=0)]), ("debug_data", 0, "value")),
        (valid(debug_data=[item("source-noised", key_piece=1)]), ("debug_data", 0, "key_piece")),
        (valid(debug_data=[item("source-noised", value=10)]), ()),
        (valid(debug_data=[item("source-noised", "source-noised")]), ("debug_data", 0, "types", 1)),
        (valid(debug_data=[item("unspecified"), item("unspecified")]), ("debug_data",)),
    ],
)
def test_any_error_drops_the_configuration_and_not_the_source(config: object, wrong: tuple[str | int, ...]) -> None:
    parsed = parse_source(**{FIELD: config})
    assert parsed.value == source()
    assert paths(parsed.warnings) == [(FIELD, *wrong)]


def test_the_same_unknown_type_twice_is_an_error_too() -> None:
    config = {"key_piece": "0x1", "debug_data": [item("abc"), item("abc")]}
    assert trigger(**{FIELD: config}).aggregatable_debug_reporting is None
