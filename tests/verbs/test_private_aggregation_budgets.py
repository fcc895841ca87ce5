"""What a site may contribute is kept minute by minute, for each API (private-aggregation section 3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agent.model.clock import DAY, MINUTE
from agent.model.private_aggregation import PrivateAggregationApi
from agent.verbs import private_aggregation as verbs
from storage.database import Database
from tests.engines.private_aggregation.contributing import (
    CONTEXT,
    DEBUG,
    LIMITS,
    NOON,
    ORIGIN,
    PROTECTED_AUDIENCE,
    SHARED_STORAGE,
    batch,
)
from tests.verbs.private_aggregation_world import NULL, REFUSED, SCHEDULED, World


@pytest.fixture
def world() -> Iterator[World]:
    with Database.open(":memory:", now=NOON) as database:
        yield World(database)


def test_scenario_35_a_refused_batch_spends_nothing(world: World) -> None:
    assert world.contribute(60_000) is SCHEDULED
    assert world.contribute(11_000) is REFUSED
    assert world.contribute(5_537) is REFUSED
    assert world.contribute(5_536) is SCHEDULED
    assert world.contribute(1) is REFUSED
    assert world.left() == {(ORIGIN, SHARED_STORAGE): (0, 983_040)}


def test_scenario_35_subdomains_share_their_sites_budget_and_other_sites_and_apis_have_their_own(world: World) -> None:
    assert world.contribute(60_000) is SCHEDULED
    assert world.contribute(6_000, reporting_origin="https://sub.adtech.test:8443") is REFUSED
    assert world.contribute(65_536, reporting_origin="https://other.test") is SCHEDULED
    assert world.contribute(65_536, api=PROTECTED_AUDIENCE) is SCHEDULED
    assert world.contribute(65_536, reporting_origin="http://localhost") is SCHEDULED
    assert world.contribute(1, top_level_origin="https://elsewhere.test", reporting_origin=ORIGIN) is SCHEDULED


def test_scenario_35_over_budget_is_a_null_report_where_one_leaves_in_any_case(world: World) -> None:
    world.contribute(65_536)
    assert world.contribute(1, config=CONTEXT) is NULL
    assert world.left()[ORIGIN, SHARED_STORAGE][0] == 0


def test_the_time_that_counts_is_when_the_batch_is_complete(world: World) -> None:
    world.contribute(65_536)
    world.now += 10 * MINUTE
    assert world.contribute(65_536, started=NOON) is SCHEDULED


def test_null_reports_and_debug_copies_cost_nothing(world: World) -> None:
    world.complete(batch(config=CONTEXT))
    assert world.left() == {}
    world.contribute(10, debug=DEBUG)
    assert world.left()[ORIGIN, SHARED_STORAGE][0] == 65_526


def test_what_counts_no_more_is_forgotten(world: World) -> None:
    world.contribute(5)
    world.now += DAY
    world.contribute(6, reporting_origin="https://other.test")
    rows = world.database.connection.execute("SELECT site, spent FROM private_aggregation_budget_uses").fetchall()
    assert rows == [("https://other.test", 6)]


SMALL = replace(LIMITS, small_budget=100, large_budget=250, large_budget_window=60 * MINUTE)
SITES = {"https://a.test": "a", "https://www.a.test": "a", "https://b.test": "b"}


@pytest.fixture(scope="module")
def used_database() -> Iterator[Database]:
    with Database.open(":memory:", now=NOON) as database:
        yield database


@hypothesis_settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, 59_999, MINUTE, 3 * MINUTE, 9 * MINUTE, 10 * MINUTE, 51 * MINUTE]),
            st.sampled_from(list(SITES)),
            st.sampled_from(PrivateAggregationApi),
            st.integers(1, 110),
        ),
        max_size=40,
    )
)
def test_the_budgets_are_those_of_a_naive_model(
    used_database: Database, asked: list[tuple[int, str, PrivateAggregationApi, int]]
) -> None:
    """The model: a list of all that was ever paid, summed up minute by minute for each question."""
    paid: list[tuple[str, PrivateAggregationApi, int, int]] = []
    used_database.transact("clear", verbs.clear_all)
    rules, now = replace(World(used_database).rules, limits=SMALL), NOON
    for step, origin, api, value in asked:
        now += step
        minute = now // 60_000
        spent = [
            sum(amount for site, of, at, amount in paid if (site, of) == (SITES[origin], api) and at in minutes)
            for minutes in (range(minute - 9, minute + 1), range(minute - 59, minute + 1))
        ]
        fits = spent[0] + value <= 100 and spent[1] + value <= 250
        contributed = batch((1, value), started=now, reporting_origin=origin, api=api)
        work = partial(verbs.complete, batch=contributed, rules=rules, now=now)
        outcome = used_database.transact("complete", work)
        assert outcome.verdict == (SCHEDULED if fits else REFUSED)
        if fits:
            paid.append((SITES[origin], api, minute, value))
