from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from agent.model.attribution import AttributionState, BudgetKey, BudgetKind
from agent.model.events import Event
from agent.model.rng import Draw
from agent.verbs import attribution as verbs
from agent.verbs.attribution import Outcome
from storage import impressions, privacy_budgets
from tests.attribution_world import CURRENT, SEED, START, World, week


def clear(world: World, verb: Callable[..., Outcome], *arguments: Any, **named: Any) -> Outcome:
    return world.database.transact("clear", lambda connection: verb(connection, *arguments, now=world.now, **named))


def state(world: World) -> AttributionState:
    return privacy_budgets.read_state(world.connection)


def statements_and_draws(world: World, act: Callable[[], object]) -> tuple[list[str], list[Draw]]:
    """The statements that ``act`` runs, without their values, and what it draws."""
    run: list[str] = []
    world.rng.draws.clear()
    world.database.on_statement(lambda text: run.append(re.sub(r"'[^']*'|\b-?\d+\b|NULL", "?", text)))
    act()
    world.database.on_statement(None)
    return run, list(world.rng.draws)


@pytest.mark.parametrize("dialect", [CURRENT, SEED])
@pytest.mark.parametrize("matching", [True, False])
def test_opting_out_changes_neither_statements_nor_draws(dialect: str, matching: bool) -> None:
    seen = {}
    for enabled in (True, False):
        world = World(fractions=[0.3, 0.8])
        kind = SEED if dialect is SEED else CURRENT
        target = "shop.test" if matching else "other.test"
        options: dict[str, Any] = (
            {"ad": "a", "conversionSite": target} if kind is SEED else {"conversionSites": [target]}
        )
        wanted: dict[str, Any] = {} if kind is SEED else {"credit": [1, 1, 1], "value": 2, "maxValue": 2}
        for _ in range(3):
            world.save(dialect=kind, **options)
        world.enabled = enabled
        saving = statements_and_draws(world, partial(world.save, dialect=kind, **options))
        measuring = statements_and_draws(world, partial(world.measure, dialect=kind, **wanted))
        seen[enabled] = saving, measuring
    assert seen[True][1][1].count(Draw.EPOCH_PHASE) == 1
    assert seen[True] == seen[False]


def test_the_number_of_statements_does_not_grow_with_what_is_found() -> None:
    counts = []
    for stored in (0, 1, 50):
        world = World()
        for number in range(stored):
            world.save(f"news{number}.test", histogramIndex=number % 4)
        counts.append(len(statements_and_draws(world, partial(world.measure, credit=[1, 1, 1]))[0]))
    assert len(set(counts)) == 1


def test_a_conversion_draws_the_epoch_phase_whether_it_is_needed_or_not() -> None:
    world = World(epoch_start=None)
    for _ in range(2):
        assert statements_and_draws(world, world.measure)[1] == [Draw.EPOCH_PHASE]


def test_the_first_conversion_fixes_the_epoch_start() -> None:
    world = World(epoch_start=None, now=week(0, days=3.5))
    world.save()
    assert state(world).epoch_start is None
    world.measure()
    assert state(world).epoch_start == START  # half a week before, by the phase of one half
    world.now = week(5)
    world.measure()
    assert state(world).epoch_start == START


def test_a_disabled_api_never_fixes_the_epoch_start() -> None:
    world = World(epoch_start=None)
    world.enabled = False
    world.measure()
    assert state(world).epoch_start is None


@pytest.mark.parametrize("enabled", [True, False])
def test_a_refused_call_changes_nothing_and_leaves_an_event(enabled: bool) -> None:
    world = World(epoch_start=None)
    world.enabled = enabled
    saved, measured = world.save(lifetimeDays=0), world.measure(value=0)
    for outcome, kind in ((saved, "impression"), (measured, "conversion")):
        assert outcome.exception is not None
        assert (outcome.verdict, outcome.histogram) == ("RangeError", None)
        (event,) = outcome.events
        assert (event.kind, event.verdict) == (kind, "RangeError")
        assert event.trace.stopped_at is not None
    assert world.stored == 0
    assert world.rng.draws == []
    assert state(world) == AttributionState()


def test_an_impression_outcome_tells_what_was_stored() -> None:
    world = World()
    outcome = world.save(by="ads.test", conversionSites=["shop.test"], matchValue=3)
    assert (outcome.verdict, outcome.impression_id) == ("stored", 1)
    (event,) = outcome.events
    assert event.summary == "impression on news.test for shop.test, bucket 0"
    assert event.data["impression"] == 1
    assert event.data["intermediarySite"] == "ads.test"


def test_a_conversion_outcome_tells_what_was_charged_and_credited() -> None:
    world = World()
    world.save(histogramIndex=2)
    outcome = world.measure(value=3, maxValue=3)
    (event,) = outcome.events
    assert event.data["buckets"] == {"2": 3}
    assert event.data["epochs"] == [{"epoch": 0, "start": START, "charged": 1_000_000, "accepted": True}]
    assert event.data["credited"] == [{"impression": 1, "bucket": 2, "amount": 3}]


def test_an_opted_out_conversion_tells_nothing_of_what_it_would_have_been() -> None:
    world = World()
    world.save(histogramIndex=2)
    world.enabled = False
    outcome = world.measure()
    assert outcome.verdict == "api-disabled"
    assert (outcome.deductions, outcome.shares, outcome.events[0].data["buckets"]) == ((), (), {})


def test_events_are_plain_json_whatever_the_page_sent() -> None:
    world = World()
    ad = 'a\ud800"é'
    events: list[Event] = [*world.save(dialect=SEED, ad=ad, conversionSite="other.test").events]
    events += world.measure(dialect=SEED, ads=[ad]).events
    events += world.measure(dialect=SEED, ads=["x"]).events
    events += world.save(conversionSites=["\ud800"]).events
    for event in events:
        assert json.loads(json.dumps(dict(event.data))) == event.data
        for text in (event.summary, *(check.detail for check in event.trace.checks)):
            text.encode()


def test_clearing_a_site_removes_what_it_saved_and_keeps_budgets() -> None:
    world = World()
    world.save(histogramIndex=0)
    world.save("blog.test", histogramIndex=1, conversionSites=["news.test", "shop.test"])
    world.measure(epsilon=0.1)
    before = privacy_budgets.read(world.connection)
    outcome = clear(world, verbs.clear_impressions_for_site, "news.test")
    assert outcome.events[0].summary == "cleared impressions of news.test: 1 removed, 1 narrowed"
    assert [one.conversion_sites for one in impressions.read(world.connection)] == [("shop.test",)]
    assert privacy_budgets.read(world.connection) == before
    assert state(world).last_clear is None
    assert world.histogram(epsilon=0.1) == [0, 1, 0, 0]
    assert world.histogram("news.test", epsilon=0.1) == [0, 0, 0, 0]


def test_clearing_site_data_keeps_impressions_and_spends_the_sites_budgets() -> None:
    world = World()
    world.save()
    clear(world, verbs.clear_site_data, ["shop.test"], limits=world.limits, rng=world.rng)
    assert world.measure().verdict == "budget-exhausted"
    assert world.histogram("other.test") == [1, 0, 0, 0]
    assert state(world).last_clear is None
    world.now = week(1)
    world.save(histogramIndex=1)
    assert world.histogram() == [0, 1, 0, 0]


def test_clearing_the_history_of_sites_keeps_the_global_budget() -> None:
    world = World()
    world.save("news.test")
    world.save("blog.test")
    world.measure()
    clear(world, verbs.clear_history, ["news.test", "shop.test"])
    assert [one.impression_site for one in impressions.read(world.connection)] == ["blog.test"]
    assert {one.key for one in privacy_budgets.read(world.connection)} == {
        BudgetKey(BudgetKind.GLOBAL, 0),
        BudgetKey(BudgetKind.IMPRESSION_SITE_QUOTA, 0, "blog.test"),
    }
    assert state(world) == AttributionState(START, world.now)


@pytest.mark.parametrize("sites", [None, []])
def test_clearing_the_whole_history_empties_all_stores_and_keeps_the_epoch_start(sites: list[str] | None) -> None:
    world = World()
    world.save()
    world.measure()
    clear(world, verbs.clear_history, sites)
    assert world.stored == 0
    assert privacy_budgets.read(world.connection) == []
    assert state(world) == AttributionState(START, world.now)


def test_expiring_removes_what_can_match_no_more_and_names_it() -> None:
    world = World()
    world.save(lifetimeDays=2)
    world.save("blog.test", lifetimeDays=1)
    world.save()
    world.now = week(0, days=2) + 1
    outcome = clear(world, verbs.expire)
    assert [one.id for one in impressions.read(world.connection)] == [3]
    (event,) = outcome.events
    assert (event.kind, event.time, event.verdict) == ("expiry", world.now, "expired")
    assert event.summary == "2 impressions expired"
    assert event.data == {
        "impressions": [{"impression": 2, "site": "blog.test"}, {"impression": 1, "site": "news.test"}],
        "count": 2,
    }
    assert [(one.rule, one.detail) for one in outcome.trace.checks] == [
        ("impression 2", "blog.test, lived until 2026-01-06T00:00:00+00:00"),
        ("impression 1", "news.test, lived until 2026-01-07T00:00:00+00:00"),
    ]


def test_many_that_expire_are_named_up_to_twenty_and_counted() -> None:
    world = World()
    for _ in range(25):
        world.save(lifetimeDays=1)
    world.now = week(1)
    (event,) = clear(world, verbs.expire).events
    assert [one["impression"] for one in event.data["impressions"]] == list(range(1, 21))
    assert (event.data["count"], event.summary) == (25, "25 impressions expired")


def test_where_nothing_expires_there_is_no_event() -> None:
    world = World()
    world.save(lifetimeDays=1)
    world.now = week(0, days=1)
    outcome = clear(world, verbs.expire)
    assert (outcome.events, outcome.trace.checks) == ((), ())
    assert world.stored == 1
    world.now += 1
    (event,) = clear(world, verbs.expire).events
    assert event.summary == "1 impression expired"


def test_a_call_in_a_frame_is_known_by_its_caller() -> None:
    world = World()
    world.save(conversionCallers=["ads.test"])
    assert world.histogram(epsilon=0.1) == [0, 0, 0, 0]
    assert world.histogram(by="ads.test", epsilon=0.1) == [1, 0, 0, 0]
