from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Tallyhost

HALF = 500_000
"""Micro-epsilon that a value of 5 with a maximum of 10 costs at epsilon 1."""


def test_show_lists_impressions_and_what_is_left_of_the_budgets(tallyhost: Tallyhost, profile: str) -> None:
    shown = tallyhost("state", "show", "--profile", profile, "--json").document
    (impression,) = shown["impressions"]
    assert impression["impression_site"] == "news.test"
    assert impression["conversion_sites"] == ["shop.test"]
    assert impression["histogram_index"] == 3
    assert {(budget["kind"], budget["site"], budget["remaining"]) for budget in shown["budgets"]} == {
        ("per_site", "shop.test", 1_000_000 - HALF),
        ("global", "", 8_000_000 - HALF),
        ("impression_site_quota", "news.test", 4_000_000 - HALF),
    }


def test_show_says_the_same_to_a_person(tallyhost: Tallyhost, profile: str) -> None:
    run = tallyhost("state", "show", "--profile", profile)
    assert run.code == 0
    assert "news.test" in run.out
    assert "0.5 epsilon" in run.out


def test_reset_forgets_everything(tallyhost: Tallyhost, profile: str) -> None:
    assert tallyhost("state", "reset", "--profile", profile, "--json").document == {"reset": True}
    shown = tallyhost("state", "show", "--profile", profile, "--json").document
    assert shown["impressions"] == []
    assert shown["budgets"] == []
    assert tallyhost("reports", "list", "--profile", profile, "--json").document == {"reports": []}


def test_clearing_a_site_but_keeping_the_history_empties_its_budget_and_keeps_impressions(
    tallyhost: Tallyhost, profile: str
) -> None:
    run = tallyhost("state", "clear", "--site", "shop.test", "--keep-history", "--profile", profile, "--json")
    assert run.document == {"cleared": "shop.test"}
    shown = tallyhost("state", "show", "--profile", profile, "--json").document
    assert [impression["impression_site"] for impression in shown["impressions"]] == ["news.test"]
    per_site = [budget for budget in shown["budgets"] if budget["kind"] == "per_site"]
    assert {(budget["site"], budget["remaining"]) for budget in per_site} == {("shop.test", 0)}


def test_clearing_a_site_with_its_history_removes_the_impressions_it_saved(tallyhost: Tallyhost, profile: str) -> None:
    assert tallyhost("state", "clear", "--site", "news.test", "--profile", profile).code == 0
    assert tallyhost("state", "show", "--profile", profile, "--json").document["impressions"] == []


def test_clearing_the_history_removes_every_impression(tallyhost: Tallyhost, profile: str) -> None:
    run = tallyhost("state", "clear", "--history", "--profile", profile, "--json")
    assert run.document == {"cleared": "history"}
    assert tallyhost("state", "show", "--profile", profile, "--json").document["impressions"] == []


@pytest.mark.parametrize(
    "flags", [(), ("--keep-history",), ("--site", "a.test", "--history"), ("--history", "--keep-history")], ids=str
)
def test_what_to_clear_must_be_said(tallyhost: Tallyhost, profile: str, flags: tuple[str, ...]) -> None:
    run = tallyhost("state", "clear", *flags, "--profile", profile)
    assert run.code == 2
    assert "--site SITE [--keep-history] or --history" in run.err


def test_clearing_what_is_no_site_is_refused(tallyhost: Tallyhost, profile: str) -> None:
    assert tallyhost("state", "clear", "--site", "com", "--profile", profile).code == 2


def test_what_was_saved_can_be_loaded(tallyhost: Tallyhost, profile: str, tmp_path: Path) -> None:
    file = tmp_path / "saved"
    assert tallyhost("state", "save", str(file), "--profile", profile, "--json").document == {"saved": str(file)}
    before = tallyhost("state", "show", "--profile", profile, "--json").document
    assert tallyhost("state", "reset", "--profile", profile).code == 0
    assert tallyhost("state", "load", str(file), "--profile", profile).code == 0
    after = tallyhost("state", "show", "--profile", profile, "--json").document
    assert (after["impressions"], after["budgets"]) == (before["impressions"], before["budgets"])


def test_a_profile_that_is_not_there_is_named_and_not_made(tallyhost: Tallyhost, tmp_path: Path) -> None:
    folder = tmp_path / "nowhere"
    run = tallyhost("state", "show", "--profile", str(folder))
    assert run.code == 2
    assert str(folder) in run.err
    assert not folder.exists()


def test_without_a_profile_there_must_be_an_agent_in_memory(tallyhost: Tallyhost) -> None:
    run = tallyhost("state", "show")
    assert run.code == 3
    assert "--profile" in run.err
