from dataclasses import dataclass, field, replace
from itertools import combinations
from math import log2
from typing import Any

import pytest

from agent.engines.attribution_reporting.randomized_response import channel_capacity
from agent.model.attribution_reporting.facts import (
    AttributionLogic,
    DestinationGroup,
    FakeReport,
    ScopesChange,
    SourceFacts,
    SourceOutcome,
)
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import AttributionScopes, SourceType
from agent.model.attribution_reporting.verdicts import SourceVerdict
from tests.engines.attribution_reporting.registration_world import (
    ADTECH,
    LIMITS,
    NOON,
    SHOP,
    FedChance,
    a_source,
    an_event_source,
    on_news,
    source_outcome,
)


def sites(count: int) -> frozenset[str]:
    return frozenset(f"https://site{one}.test" for one in range(count))


def groups(count: int, time: int) -> tuple[DestinationGroup, ...]:
    return tuple(DestinationGroup(site, 0, time) for site in sorted(sites(count)))


@dataclass(frozen=True)
class Obstacle:
    """What makes an event source with scopes, of 3 states, fail one check: fields of its facts and so on."""

    facts: dict[str, Any] = field(default_factory=dict)
    registration: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    limit: str | float | None = None
    """What the verbose debug report tells."""


SCOPES = AttributionScopes(1, ("a",), 3)
OTHERS = "https://other.adtech.test"
ORIGINS = frozenset(f"https://r{one}.test" for one in range(100))
OBSTACLES = {
    SourceVerdict.TRIGGER_STATE_CARDINALITY_LIMIT: Obstacle(limits={"max_trigger_state_cardinality": 2}, limit="2"),
    SourceVerdict.CHANNEL_CAPACITY_LIMIT: Obstacle(limits={"max_event_level_channel_capacity_event": 1.5}, limit=1.5),
    SourceVerdict.MAX_EVENT_STATES_LIMIT: Obstacle(
        registration={"attribution_scopes": replace(SCOPES, max_event_states=2)}, limit="2"
    ),
    SourceVerdict.SCOPES_CHANNEL_CAPACITY_LIMIT: Obstacle(
        limits={"max_event_level_channel_capacity_scopes_event": 1.5}, limit=1.5
    ),
    SourceVerdict.STORAGE_LIMIT: Obstacle({"active_sources_of_origin": 4096}, limit="4096"),
    SourceVerdict.REPORTING_ORIGIN_PER_SITE_LIMIT: Obstacle(
        {"reporting_origins_of_sites": frozenset({OTHERS})}, limit="1"
    ),
    SourceVerdict.DESTINATION_RATE_LIMIT: Obstacle({"destinations_in_window_of_reporting_site": sites(50)}, limit="50"),
    SourceVerdict.DESTINATION_PER_DAY_RATE_LIMIT: Obstacle({"destinations_of_day": sites(100)}, limit="100"),
    SourceVerdict.DESTINATION_LIMIT: Obstacle({"destination_groups": groups(100, NOON + 1)}, limit="100"),
    SourceVerdict.DESTINATION_GLOBAL_RATE_LIMIT: Obstacle({"destinations_in_window": sites(200)}),
    SourceVerdict.REPORTING_ORIGIN_LIMIT: Obstacle({"reporting_origins_of_destinations": {SHOP: ORIGINS}}),
}
"""In Chromium's order."""


def outcome_of(*obstacles: Obstacle) -> SourceOutcome:
    facts: dict[str, Any] = {}
    registration: dict[str, Any] = {"attribution_scopes": SCOPES, "debug_reporting": True}
    limits: dict[str, Any] = {}
    for one in obstacles:
        facts |= one.facts
        registration |= one.registration
        limits |= one.limits
    return source_outcome(
        an_event_source(**registration),
        SourceFacts(**facts),
        source_type=SourceType.EVENT,
        limits=replace(LIMITS, **limits),
    )


def test_a_source_that_nothing_stands_against_is_stored() -> None:
    outcome = outcome_of()
    assert outcome.verdict is SourceVerdict.SUCCESS
    assert outcome.new_source is not None
    assert all(check.passed for check in outcome.trace.checks)


@pytest.mark.parametrize("verdict", OBSTACLES, ids=str)
def test_each_limit_refuses_by_its_name(verdict: SourceVerdict) -> None:
    outcome = outcome_of(OBSTACLES[verdict])
    assert outcome.verdict is verdict
    assert outcome.new_source is None
    assert outcome.trace.stopped_at is not None
    assert outcome.trace.stopped_at.fix


@pytest.mark.parametrize(("first", "second"), list(combinations(OBSTACLES, 2)), ids=str)
def test_of_two_limits_the_first_in_order_decides(first: SourceVerdict, second: SourceVerdict) -> None:
    assert outcome_of(OBSTACLES[second], OBSTACLES[first]).verdict is first


@pytest.mark.parametrize("verdict", OBSTACLES, ids=str)
def test_the_verbose_report_names_the_verdict_and_its_limit(verdict: SourceVerdict) -> None:
    (report,) = outcome_of(OBSTACLES[verdict]).debug_reports
    (item,) = report.items  # type: ignore[union-attr]
    hidden = verdict in (SourceVerdict.DESTINATION_GLOBAL_RATE_LIMIT, SourceVerdict.REPORTING_ORIGIN_LIMIT)
    assert item.type == ("source-success" if hidden else verdict.value)
    assert item.body.get("limit") == OBSTACLES[verdict].limit


@pytest.mark.parametrize(
    ("facts", "limits"),
    [
        ({}, {"max_trigger_state_cardinality": 3}),
        ({}, {"max_event_level_channel_capacity_event": 1.585}),  # log2(3) is 1.58496
        ({}, {"max_event_level_channel_capacity_scopes_event": 1.585}),
        ({"active_sources_of_origin": 4095}, {}),
        ({"reporting_origins_of_sites": frozenset()}, {}),
        ({"destinations_in_window_of_reporting_site": sites(49)}, {}),
        ({"destinations_in_window_of_reporting_site": sites(49) | {SHOP}}, {}),
        ({"destinations_of_day": sites(99)}, {}),
        ({"destinations_in_window": sites(199)}, {}),
        ({"destination_groups": groups(99, NOON + 1)}, {}),
        ({"reporting_origins_of_destinations": {SHOP: frozenset(sorted(ORIGINS)[:99])}}, {}),
    ],
)
def test_up_to_the_limit_nothing_refuses(facts: dict[str, Any], limits: dict[str, Any]) -> None:
    assert outcome_of(Obstacle(facts, limits=limits)).verdict is SourceVerdict.SUCCESS


def test_a_capacity_of_exactly_the_limit_is_within_it() -> None:
    limits = replace(
        LIMITS,
        max_event_level_channel_capacity_event=channel_capacity(3, 14),
        max_event_level_channel_capacity_scopes_event=log2(3),
    )
    registration = an_event_source(attribution_scopes=SCOPES)
    outcome = source_outcome(registration, source_type=SourceType.EVENT, limits=limits)
    assert outcome.verdict is SourceVerdict.SUCCESS


def test_a_reporting_origin_that_is_known_is_refused_by_neither_limit_on_origins() -> None:
    facts = {
        "reporting_origins_of_sites": frozenset({ADTECH, OTHERS}),
        "reporting_origins_of_destinations": {SHOP: ORIGINS | {ADTECH}},
    }
    assert outcome_of(Obstacle(facts)).verdict is SourceVerdict.SUCCESS


def test_the_limit_on_reporting_origins_counts_each_destination() -> None:
    two = an_event_source(destinations=(SHOP, "https://store.test"))
    facts = SourceFacts(reporting_origins_of_destinations={"https://store.test": ORIGINS})
    assert source_outcome(two, facts).verdict is SourceVerdict.REPORTING_ORIGIN_LIMIT


def test_navigation_and_event_sources_have_limits_of_their_own() -> None:
    limits = AttributionReportingLimits(
        max_event_level_channel_capacity_navigation=2,
        max_event_level_channel_capacity_event=1,
        max_event_level_channel_capacity_scopes_navigation=1.5,
        max_event_level_channel_capacity_scopes_event=9,
    )
    three_states = an_event_source()

    def verdict(source_type: SourceType, scopes: AttributionScopes | None = None) -> SourceVerdict:
        registration = replace(three_states, attribution_scopes=scopes)
        return source_outcome(registration, source_type=source_type, limits=limits).verdict

    assert verdict(SourceType.NAVIGATION) is SourceVerdict.SUCCESS
    assert verdict(SourceType.EVENT) is SourceVerdict.CHANNEL_CAPACITY_LIMIT
    assert verdict(SourceType.NAVIGATION, SCOPES) is SourceVerdict.SCOPES_CHANNEL_CAPACITY_LIMIT


def test_max_event_states_bind_event_sources_alone() -> None:
    registration = a_source(attribution_scopes=replace(SCOPES, max_event_states=2))
    assert source_outcome(registration).verdict is SourceVerdict.SUCCESS


def test_without_scopes_no_limit_on_scopes_applies() -> None:
    limits = replace(LIMITS, max_event_level_channel_capacity_scopes_navigation=0)
    assert source_outcome(limits=limits).verdict is SourceVerdict.SUCCESS


# Eviction.


def test_the_newest_source_evicts_the_oldest_destinations() -> None:
    outcome = source_outcome(facts=SourceFacts(destination_groups=groups(100, NOON - 1)))
    assert outcome.verdict is SourceVerdict.SUCCESS
    assert outcome.evict_destinations == ("https://site0.test",)


def test_a_source_that_loses_its_place_evicts_nothing() -> None:
    registration = a_source(destinations=("https://a.test", SHOP), destination_limit_priority=-1)
    outcome = source_outcome(registration, SourceFacts(destination_groups=groups(99, NOON - 1)))
    assert outcome.verdict is SourceVerdict.DESTINATION_LIMIT
    assert outcome.evict_destinations == ()


@pytest.mark.parametrize(
    "refusal", [SourceVerdict.DESTINATION_GLOBAL_RATE_LIMIT, SourceVerdict.REPORTING_ORIGIN_LIMIT], ids=str
)
def test_evictions_and_scopes_stay_done_where_a_hidden_limit_refuses_at_last(refusal: SourceVerdict) -> None:
    outcome = outcome_of(OBSTACLES[refusal], Obstacle({"destination_groups": groups(100, NOON - 1)}))
    assert outcome.verdict is refusal
    assert outcome.evict_destinations == ("https://site0.test",)
    assert outcome.scopes_change == ScopesChange(remove_unlike=SCOPES)


@pytest.mark.parametrize("refusal", list(OBSTACLES)[:9], ids=str)
def test_a_refusal_before_the_evictions_changes_nothing(refusal: SourceVerdict) -> None:
    outcome = outcome_of(OBSTACLES[refusal])
    assert outcome.evict_destinations == ()
    assert outcome.scopes_change is None


# Noise.


def test_the_exact_rate_is_drawn_with_and_the_rounded_one_is_reported() -> None:
    chance = FedChance()
    outcome = source_outcome(chance=chance)
    assert chance.rates == [pytest.approx(2925 / (2924 + 2.718281828459045**14), rel=1e-12)]
    assert outcome.new_source is not None
    assert outcome.new_source.source.randomized_trigger_rate == 0.0024263


@pytest.mark.parametrize(
    ("response", "verdict", "logic"),
    [
        (None, SourceVerdict.SUCCESS, AttributionLogic.TRUTHFULLY),
        ((), SourceVerdict.NOISED, AttributionLogic.NEVER),
        ((FakeReport(1, 0),), SourceVerdict.NOISED, AttributionLogic.FALSELY),
    ],
)
def test_the_response_decides_how_the_source_attributes(
    response: tuple[FakeReport, ...] | None, verdict: SourceVerdict, logic: AttributionLogic
) -> None:
    outcome = source_outcome(chance=FedChance(response))
    assert outcome.verdict is verdict
    assert outcome.new_source is not None
    assert outcome.new_source.source.attribution_logic is logic


@pytest.mark.parametrize("limits", [{"debug_mode": True}, {"noise": False}])
def test_debug_mode_and_noise_off_make_none_and_draw_none(limits: dict[str, Any]) -> None:
    chance = FedChance((FakeReport(1, 0),))
    outcome = source_outcome(chance=chance, limits=replace(LIMITS, **limits))
    assert outcome.verdict is SourceVerdict.SUCCESS
    assert chance.rates == []


def test_a_refused_source_draws_nothing() -> None:
    chance = FedChance()
    source_outcome(facts=SourceFacts(active_sources_of_origin=4096), chance=chance)
    assert chance.rates == []


def test_a_hidden_refusal_of_a_noised_source_looks_noised() -> None:
    facts = SourceFacts(destinations_in_window=sites(200))
    outcome = source_outcome(a_source(debug_reporting=True), facts, chance=FedChance(()))
    (report,) = outcome.debug_reports
    assert [item.type for item in report.items] == ["source-noised"]  # type: ignore[union-attr]


# Debug permission.


def test_the_debug_key_is_dropped_without_permission() -> None:
    kept = source_outcome(a_source(debug_key=5)).new_source
    dropped = source_outcome(a_source(debug_key=5), who=on_news(debug_permission=False)).new_source
    assert kept is not None
    assert kept.source.registration.debug_key == 5
    assert dropped is not None
    assert dropped.source.registration.debug_key is None


# The trace.


def test_the_trace_says_what_was_compared() -> None:
    outcome = source_outcome(facts=SourceFacts(active_sources_of_origin=4096))
    stopped = outcome.trace.stopped_at
    assert stopped is not None
    assert stopped is outcome.trace.checks[-1]
    assert stopped.rule == "sources of the source origin"
    assert "4096" in stopped.detail


def test_the_trace_tells_the_truth_about_a_hidden_refusal() -> None:
    stopped = outcome_of(OBSTACLES[SourceVerdict.DESTINATION_GLOBAL_RATE_LIMIT]).trace.stopped_at
    assert stopped is not None
    assert "201" in stopped.detail
    assert "at most 200" in stopped.detail


def detail(outcome: SourceOutcome, rule: str) -> str:
    (check,) = [check for check in outcome.trace.checks if check.rule == rule]
    return check.detail


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (frozenset(), "where none registered within 1d, at most 1"),
        (frozenset({ADTECH}), f"where {ADTECH} registered within 1d"),
        (frozenset({"https://a.test", "https://b.test", "https://c.test"}), "https://c.test registered"),
        (frozenset("https://" + name + ".test" for name in "abcde"), "https://c.test and 2 more registered"),
    ],
)
def test_the_trace_names_three_reporting_origins_and_counts_the_rest(known: frozenset[str], words: str) -> None:
    outcome = source_outcome(facts=SourceFacts(reporting_origins_of_sites=known))
    assert words in detail(outcome, "reporting origins of source site and reporting site")


@pytest.mark.parametrize(("known", "words"), [(ORIGINS, "is new beside 100"), (ORIGINS | {ADTECH}, "is one of 101")])
def test_the_trace_says_whether_the_reporting_origin_is_new(known: frozenset[str], words: str) -> None:
    outcome = source_outcome(facts=SourceFacts(reporting_origins_of_destinations={SHOP: known}))
    assert f"{ADTECH} {words}" in detail(outcome, "reporting origins of source site and destination")


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (None, "the truth, at a rate of 0.0024263"),
        ((), "no event-level reports whatever happens"),
        ((FakeReport(1, 0), FakeReport(1, 1)), "2 made-up reports, and no real ones"),
    ],
)
def test_the_trace_tells_what_the_response_drew(response: tuple[FakeReport, ...] | None, words: str) -> None:
    assert words in detail(source_outcome(chance=FedChance(response)), "randomized response")


def test_the_trace_tells_what_scopes_remove() -> None:
    facts = SourceFacts(scopes={SHOP: (("b", 1), ("c", 2))})
    removing = source_outcome(a_source(attribution_scopes=AttributionScopes(2, ("a",))), facts)
    assert detail(removing, "attribution scopes") == f"room for 2; sources are removed with b for {SHOP}"
    keeping = source_outcome(a_source(attribution_scopes=AttributionScopes(3, ("a",))), facts)
    assert detail(keeping, "attribution scopes") == "room for 3"
    assert "attribution scopes" not in {check.rule for check in source_outcome().trace.checks}


def test_the_trace_tells_the_bits_of_scopes() -> None:
    outcome = source_outcome(a_source(attribution_scopes=AttributionScopes(5, ("a",), 12)))
    assert "2925 states and 12 for each of 4 more scopes" in detail(outcome, "channel capacity with scopes")
