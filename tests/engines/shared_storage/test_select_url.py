"""Sections 5 and 6 of the digest: the index that is shown, and the three budgets in their order."""

from __future__ import annotations

import math

import pytest

from agent.engines.shared_storage.select_url import Budgets, Selection, choose, cost_of

WHOLE = Budgets(navigation=12, page=12, site_page=6)
INSUFFICIENT, DEFAULT, SELECTED = "insufficient-budget", "default", "selected"


def rules(selection: Selection) -> list[tuple[str, bool]]:
    return [(check.rule, check.passed) for check in selection.trace.checks]


@pytest.mark.parametrize(("urls", "bits"), [(1, 0), (2, 1), (3, math.log2(3)), (8, 3)])
def test_a_choice_costs_log2_of_the_number_of_urls(urls: int, bits: float) -> None:
    assert cost_of(urls) == bits
    selection = choose(0, urls, WHOLE)
    assert (selection.cost, selection.page_cost) == (bits, bits)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_operations_index_is_shown(index: int) -> None:
    selection = choose(index, 3, WHOLE)
    assert (selection.index, selection.verdict) == (index, SELECTED)


@pytest.mark.parametrize("index", [3, 4_294_967_295, None])
def test_an_index_out_of_range_and_a_failure_show_the_first_url_and_cost_as_much(index: int | None) -> None:
    selection = choose(index, 3, WHOLE)
    assert (selection.index, selection.verdict, selection.page_cost) == (0, DEFAULT, cost_of(3))


def test_budgets_are_looked_at_in_order_of_navigation_page_and_site_on_the_page() -> None:
    assert rules(choose(1, 2, WHOLE)) == [
        ("operation", True),
        ("navigation budget of the site", True),
        ("budget of the page", True),
        ("budget of the site on the page", True),
    ]


@pytest.mark.parametrize(
    ("budgets", "stopped"),
    [
        (Budgets(2.9, 2.9, 2.9), "navigation budget of the site"),
        (Budgets(3, 2.9, 2.9), "budget of the page"),
        (Budgets(3, 3, 2.9), "budget of the site on the page"),
    ],
)
def test_where_one_does_not_suffice_the_first_url_is_shown_and_nothing_is_paid(budgets: Budgets, stopped: str) -> None:
    selection = choose(7, 8, budgets)
    assert (selection.verdict, selection.index, selection.cost, selection.page_cost) == (INSUFFICIENT, 0, 0, 0)
    assert selection.trace.stopped_at == selection.trace.checks[-1]
    assert rules(selection)[-1] == (stopped, False)
    assert selection.trace.checks[-1].detail == "3 bits needed, 2.9 left"
    assert selection.trace.checks[-1].fix


def test_a_budget_can_be_spent_to_its_last_bit() -> None:
    assert choose(7, 8, Budgets(3, 3, 3)).index == 7


def test_one_url_needs_no_budget() -> None:
    selection = choose(0, 1, Budgets(0, 0, 0))
    assert (selection.verdict, selection.index, selection.cost) == (SELECTED, 0, 0)


def test_eight_urls_are_chosen_among_twice_on_a_page() -> None:
    page, site_page, shown = 12.0, 6.0, []
    for _ in range(4):
        selection = choose(5, 8, Budgets(12, page, site_page))
        page, site_page = page - selection.page_cost, site_page - selection.page_cost
        shown.append(selection.index)
    assert shown == [5, 5, 0, 0]


def test_a_saved_index_needs_the_navigation_budget_alone_and_charges_no_page() -> None:
    selection = choose(5, 8, Budgets(3, 0, 0), saved=True)
    assert (selection.index, selection.cost, selection.page_cost) == (5, 3, 0)
    assert choose(5, 8, Budgets(2.9, 12, 6), saved=True).verdict == INSUFFICIENT


def test_a_saved_index_that_is_out_of_range_now_shows_the_first_url() -> None:
    selection = choose(5, 4, WHOLE, saved=True)
    assert (selection.index, selection.verdict) == (0, DEFAULT)
