from dataclasses import replace
from typing import Any

import pytest

from agent.engines.attribution_reporting.aggregatable_debug_reports import Payer, report
from agent.model.attribution_reporting.facts import (
    DebugBudgetUse,
    DebugCharge,
    DestinationGroup,
    SourceFacts,
    SourceOutcome,
    TriggerOutcome,
)
from agent.model.attribution_reporting.registrations import (
    AggregatableDebugReporting,
    DebugContribution,
    TriggerRegistration,
)
from agent.model.attribution_reporting.reports import AggregatableContent, Contribution
from tests.engines.attribution_reporting.registration_world import (
    ADTECH,
    LIMITS,
    NOON,
    SHOP,
    FedChance,
    a_histogram_trigger,
    a_source,
    an_event_trigger,
    on_news,
    on_shop,
    source_outcome,
    stored,
    trigger_outcome,
)


def config(data: dict[str, tuple[int, int]], budget: int = 1000) -> AggregatableDebugReporting:
    """``data`` are key piece and value by debug type; the config's own key piece is 0x100."""
    return AggregatableDebugReporting(0x100, {name: DebugContribution(*one) for name, one in data.items()}, budget)


def about(outcome: SourceOutcome | TriggerOutcome) -> tuple[list[tuple[int, int]], DebugCharge | None]:
    """The histogram of the one aggregatable debug report, and what it costs."""
    (found,) = [one for one in outcome.debug_reports if isinstance(one, AggregatableContent)]
    assert found.aggregatable_debug
    return [(one.bucket, one.value) for one in found.contributions], outcome.debug_charge


def of_source(reporting: AggregatableDebugReporting, facts: SourceFacts | None = None) -> Any:
    return about(source_outcome(a_source(aggregatable_debug_reporting=reporting), facts))


def of_trigger(
    source: Any, data: dict[str, tuple[int, int]], *, trigger: TriggerRegistration | None = None, facts: Any = None
) -> Any:
    registration = replace(trigger or an_event_trigger(), aggregatable_debug_reporting=config(data, 0))
    return about(trigger_outcome(registration, source, **(facts or {})))


def refusing(**changes: Any) -> Any:
    """A source without trigger data, so that nothing matches, with a debug budget of 1000 and the key piece 0x1."""
    source = a_source(trigger_data=(), aggregatable_debug_reporting=replace(config({}), key_piece=0x1))
    return stored(source, **({"remaining_aggregatable_debug_budget": 1000} | changes))


def test_the_report_of_a_source_goes_out_at_once_for_its_first_destination() -> None:
    registration = a_source(
        destinations=("https://a.test", SHOP), aggregatable_debug_reporting=config({"source-success": (0x2, 9)})
    )
    (found,) = source_outcome(registration, who=on_news(debug_permission=False)).debug_reports
    assert found == AggregatableContent(
        reporting_origin=ADTECH,
        report_id="report-1",
        attribution_destination="https://a.test",
        report_time=NOON,
        coordinator=LIMITS.aggregation_coordinator_origins[0],
        contributions=(Contribution(0x102, 9),),
        aggregatable_debug=True,
    )


def test_the_config_names_the_coordinator() -> None:
    reporting = replace(config({"source-success": (1, 1)}), aggregation_coordinator_origin="https://c.test")
    (found,) = source_outcome(a_source(aggregatable_debug_reporting=reporting)).debug_reports
    assert found.coordinator == "https://c.test"  # type: ignore[union-attr]


def test_the_stored_source_itself_pays() -> None:
    assert of_source(config({"source-success": (0x2, 9)})) == ([(0x102, 9)], DebugCharge(9, 0))


def test_a_source_that_is_refused_pays_with_nothing_of_its_own() -> None:
    facts = SourceFacts(active_sources_of_origin=4096)
    reporting = config({"source-storage-limit": (0x2, 9)})
    assert of_source(reporting, facts) == ([(0x102, 9)], DebugCharge(9, None))


@pytest.mark.parametrize(("value", "charged"), [(1000, True), (1001, False)])
def test_a_refused_source_may_spend_the_budget_of_its_config(value: int, charged: bool) -> None:
    facts = SourceFacts(active_sources_of_origin=4096)
    histogram, charge = of_source(config({"source-storage-limit": (0x2, value)}), facts)
    assert (charge is not None) is charged
    assert bool(histogram) is charged


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        (
            SourceFacts(destinations_in_window=frozenset(f"https://s{one}.test" for one in range(200))),
            "source-destination-global-rate-limit",
        ),
        (
            SourceFacts(
                reporting_origins_of_destinations={SHOP: frozenset(f"https://r{one}.test" for one in range(100))}
            ),
            "source-reporting-origin-limit",
        ),
    ],
)
def test_the_real_reason_of_a_hidden_refusal_is_counted(facts: SourceFacts, name: str) -> None:
    reporting = config({name: (0x2, 9), "source-success": (0x4, 8)})
    assert of_source(reporting, facts)[0] == [(0x102, 9)]


def test_an_eviction_is_counted_beside_the_outcome() -> None:
    older = tuple(DestinationGroup(f"https://site{one}.test", 0, NOON - 1) for one in range(100))
    reporting = config({"source-success": (0x2, 9), "source-destination-limit-replaced": (0x4, 8)})
    assert of_source(reporting, SourceFacts(destination_groups=older)) == (
        [(0x102, 9), (0x104, 8)],
        DebugCharge(17, 0),
    )


def test_a_type_that_is_not_listed_makes_a_null_report_that_costs_nothing() -> None:
    assert of_source(config({"source-noised": (0x2, 9)})) == ([], None)


def test_without_debug_data_there_is_no_report() -> None:
    assert source_outcome(a_source(aggregatable_debug_reporting=config({}))).debug_reports == ()


def test_in_a_fenced_frame_there_is_no_report() -> None:
    registration = a_source(aggregatable_debug_reporting=config({"source-success": (1, 1)}))
    assert source_outcome(registration, who=on_news(fenced=True)).debug_reports == ()


# Triggers.


def test_the_key_pieces_of_config_type_and_matched_source_are_ored() -> None:
    found = of_trigger(refusing(), {"trigger-event-no-matching-trigger-data": (0x20, 9)})
    assert found == ([(0x121, 9)], DebugCharge(9, 1))


def test_without_a_source_a_trigger_may_spend_65536() -> None:
    assert of_trigger(None, {"trigger-no-matching-source": (0x20, 65_536)}) == (
        [(0x120, 65_536)],
        DebugCharge(65_536, None),
    )


def test_two_reasons_are_two_contributions_event_level_first_and_one_reason_is_one() -> None:
    both = replace(an_event_trigger(), **fields_of(a_histogram_trigger()))
    source = refusing(remaining_aggregatable_debug_budget=13)
    found = of_trigger(
        source,
        {"trigger-event-no-matching-trigger-data": (0x20, 9), "trigger-aggregate-no-contributions": (0x40, 4)},
        trigger=both,
    )
    assert found == ([(0x121, 9), (0x141, 4)], DebugCharge(13, 1))
    assert of_trigger(None, {"trigger-no-matching-source": (0x20, 9)}, trigger=both)[0] == [(0x120, 9)]


def fields_of(registration: TriggerRegistration) -> dict[str, Any]:
    return {name: getattr(registration, name) for name in ("aggregatable_trigger_data", "aggregatable_values")}


def test_success_makes_a_null_report() -> None:
    every = dict.fromkeys(("trigger-event-noise", "trigger-no-matching-source"), (1, 1))
    assert of_trigger(stored(), every) == ([], None)


def test_a_trigger_that_registers_nothing_makes_no_report() -> None:
    registration = TriggerRegistration(aggregatable_debug_reporting=config({"trigger-no-matching-source": (1, 1)}))
    assert trigger_outcome(registration).debug_reports == ()


def test_the_destination_of_a_triggers_report_is_its_site() -> None:
    registration = replace(
        an_event_trigger(), aggregatable_debug_reporting=config({"trigger-no-matching-source": (1, 1)})
    )
    (found,) = trigger_outcome(registration).debug_reports
    assert found.attribution_destination == SHOP  # type: ignore[union-attr]


# Budgets and limits, in their order.


def detail(need: int, payer: Payer, use: DebugBudgetUse | None = None) -> str:
    reporting = config({"x": (1, need)})
    made = report(on_shop(), reporting, ["x"], SHOP, payer, use or DebugBudgetUse(), limits=LIMITS, chance=FedChance())
    assert made is not None
    assert made.check.passed
    assert bool(made.content.contributions) is (made.charge is not None)
    return made.check.detail


@pytest.mark.parametrize(
    ("payer", "use", "reason"),
    [
        (Payer(10, 1, 4), DebugBudgetUse(2**20 - 10, 65_526), "10 for x"),
        (Payer(9, 1, 5), DebugBudgetUse(2**20, 65_536), "9 left of the debug budget"),
        (Payer(10, 1, 5), DebugBudgetUse(2**20, 65_536), "the source has made 5 debug reports"),
        (Payer(10, 1, 4), DebugBudgetUse(2**20 - 9, 65_536), f"{2**20 - 9} of {2**20} spent within a day on {SHOP}"),
        (Payer(10, 1, 4), DebugBudgetUse(2**20 - 10, 65_527), "65527 of 65536 spent within a day"),
    ],
    ids=["all at their limit", "source's budget", "source's reports", "context site", "context and reporting site"],
)
def test_the_first_limit_in_order_makes_the_report_null(payer: Payer, use: DebugBudgetUse, reason: str) -> None:
    assert reason in detail(10, payer, use)


def test_without_a_stored_source_no_count_of_reports_applies() -> None:
    assert detail(10, Payer(10, None, 5)) == "10 for x"


@pytest.mark.parametrize(("reports", "null"), [(4, False), (5, True)])
def test_a_source_makes_five_debug_reports(reports: int, null: bool) -> None:
    found = of_trigger(
        refusing(num_aggregatable_debug_reports=reports), {"trigger-event-no-matching-trigger-data": (0x20, 9)}
    )
    assert (found == ([], None)) is null


def test_the_budget_that_others_spent_on_the_site_counts() -> None:
    use = {"debug_budget_use": DebugBudgetUse(of_context_and_reporting_site=65_530)}
    assert of_trigger(None, {"trigger-no-matching-source": (0x20, 7)}, facts=use) == ([], None)
    assert of_trigger(None, {"trigger-no-matching-source": (0x20, 6)}, facts=use)[0] == [(0x120, 6)]
