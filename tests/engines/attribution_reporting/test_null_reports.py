from dataclasses import replace
from math import sqrt
from typing import Any

import pytest

from agent.engines.attribution_reporting.chance import RngChance
from agent.engines.attribution_reporting.trigger import register_trigger
from agent.model.attribution_reporting.facts import StoredSource, TriggerFacts
from agent.model.attribution_reporting.registrations import SourceRegistrationTime, TriggerRegistration
from agent.model.attribution_reporting.reports import AggregatableContent
from agent.model.clock import DAY, HOUR, MINUTE
from agent.model.rng import SeededRng
from tests.engines.attribution_reporting.registration_world import (
    ADTECH,
    LIMITS,
    NOON,
    SHOP,
    FedChance,
    a_histogram_trigger,
    a_source,
    an_event_trigger,
    on_shop,
    stored,
    trigger_outcome,
)

EVERY_DAY = frozenset(range(60))
MIDNIGHT = NOON - 12 * HOUR
INCLUDE = {"aggregatable_source_registration_time": SourceRegistrationTime.INCLUDE}
MATCH = stored(a_source(aggregation_keys={"a": 1}))


def nulls(
    registration: TriggerRegistration,
    source: StoredSource | None = None,
    *,
    days: frozenset[int] = EVERY_DAY,
    at: int = NOON + HOUR,
    debug_mode: bool = False,
) -> tuple[AggregatableContent, ...]:
    return trigger_outcome(
        registration,
        source,
        who=on_shop(now=at),
        chance=FedChance(null_days=days),
        limits=replace(LIMITS, debug_mode=debug_mode),
    ).null_reports


def test_a_null_report_has_no_contribution_and_the_triggers_own_fields() -> None:
    registration = a_histogram_trigger(aggregation_coordinator_origin="https://coordinator.test")
    assert nulls(registration) == (
        AggregatableContent(
            reporting_origin=ADTECH,
            report_id="report-1",
            attribution_destination=SHOP,
            report_time=NOON + HOUR + 5 * MINUTE,
            coordinator="https://coordinator.test",
        ),
    )


def test_a_trigger_without_aggregatable_data_has_none() -> None:
    assert nulls(replace(an_event_trigger(), trigger_context_id="c")) == ()


def test_exclude_makes_none_beside_a_real_report_and_at_most_one_else() -> None:
    assert nulls(a_histogram_trigger(), MATCH) == ()
    assert len(nulls(a_histogram_trigger(), days=frozenset({0}))) == 1
    assert nulls(a_histogram_trigger(), days=frozenset()) == ()
    assert len(nulls(a_histogram_trigger(), replace(MATCH, remaining_aggregatable_budget=0))) == 1


@pytest.mark.parametrize(
    "unconditional", [{"trigger_context_id": ""}, {"aggregatable_filtering_id_max_bytes": 2}], ids=str
)
def test_an_unconditional_trigger_makes_one_report_at_once_whether_attributed_or_not(
    unconditional: dict[str, Any],
) -> None:
    registration = a_histogram_trigger(**unconditional)
    (null,) = nulls(registration, days=frozenset())
    assert null.report_time == NOON + HOUR
    assert null.trigger_context_id == registration.trigger_context_id
    assert null.filtering_id_max_bytes == registration.aggregatable_filtering_id_max_bytes
    assert nulls(registration, MATCH) == ()


def test_include_makes_one_for_each_day_that_chance_names() -> None:
    found = nulls(a_histogram_trigger(**INCLUDE), days=frozenset({0, 1, 30}))
    assert [one.source_registration_time for one in found] == [MIDNIGHT, MIDNIGHT - DAY, MIDNIGHT - 30 * DAY]


def test_include_asks_for_31_days() -> None:
    assert len(nulls(a_histogram_trigger(**INCLUDE))) == 31


def test_include_skips_the_utc_day_of_the_real_report() -> None:
    late = NOON + 2 * DAY
    found = nulls(a_histogram_trigger(**INCLUDE), MATCH, at=late)
    assert [one.source_registration_time for one in found] == [
        MIDNIGHT + 2 * DAY - day * DAY for day in range(31) if day != 2
    ]


def test_include_skips_no_day_where_no_real_report_was_stored() -> None:
    assert len(nulls(a_histogram_trigger(**INCLUDE), replace(MATCH, remaining_aggregatable_budget=0))) == 31


def test_debug_mode_makes_unconditional_ones_alone() -> None:
    assert nulls(a_histogram_trigger(), debug_mode=True) == ()
    assert nulls(a_histogram_trigger(**INCLUDE), debug_mode=True) == ()
    assert len(nulls(a_histogram_trigger(trigger_context_id="c"), debug_mode=True)) == 1


@pytest.mark.parametrize(("changes", "expected"), [({}, 0.05), (INCLUDE, 31 * 0.008)], ids=["exclude", "include"])
def test_null_reports_come_at_the_specified_rate(changes: dict[str, Any], expected: float) -> None:
    chance, registration, triggers = RngChance(SeededRng(1)), a_histogram_trigger(**changes), 4000
    made = sum(
        len(register_trigger(on_shop(), registration, TriggerFacts(), limits=LIMITS, chance=chance).null_reports)
        for _ in range(triggers)
    )
    # A sum of independent yes-or-no choices of small probability: its variance is at most its mean.
    assert abs(made - triggers * expected) < 4 * sqrt(triggers * expected)
