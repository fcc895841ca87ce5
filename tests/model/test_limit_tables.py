from __future__ import annotations

from dataclasses import fields

import pytest

from agent.model.limit_tables import TABLES, broken_rule
from agent.model.settings import Settings


def test_every_table_of_the_settings_is_there() -> None:
    assert {name: type(getattr(Settings(), name)) for name in TABLES} == TABLES
    assert [field.name for field in fields(Settings) if field.name.endswith("limits")] == list(TABLES)


def test_the_default_limits_break_no_rule() -> None:
    for limits in TABLES.values():
        for field in fields(limits):
            assert broken_rule(field.name, getattr(limits(), field.name)) == ""


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("max_urls", 0, "greater than or equal to 1"),
        ("small_budget", -1, "greater than or equal to 0"),
        ("aggregation_coordinator_origins", (), "at least one"),
        ("aggregation_coordinator_origins", ["c.test"], "such as https://coordinator.test"),
    ],
)
def test_what_makes_no_sense_breaks_one(name: str, value: object, rule: str) -> None:
    assert rule in broken_rule(name, value)
