from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.model.attribution import CallContext, Dialect
from agent.model.clock import Clock, format_instant
from agent.runtime import Agent
from tests.cli.commands.conftest import CONVERSION, IMPRESSION
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
    listed = tallyhost("reports", "list", "--profile", profile, "--json").document
    assert listed == {"reports": [], "left_out": {"reports": 0}}


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


def test_a_file_that_is_no_saved_state_is_told_of_as_a_file(tallyhost: Tallyhost, profile: str, tmp_path: Path) -> None:
    foreign, database = tmp_path / "letter.txt", tmp_path / "other.sqlite3"
    foreign.write_text("Dear Ada, " * 99, encoding="utf-8")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE albums (name TEXT)")
    for file in (foreign, database):
        run = tallyhost("state", "load", str(file), "--profile", profile)
        assert run.code == 2
        assert run.err.startswith(f"error: {file}: the file cannot be loaded")
        assert "profile" not in run.err
    assert tallyhost("state", "show", "--profile", profile, "--json").document["impressions"] != []


def test_budgets_are_shown_as_exact_epsilon_from_the_day_on_which_their_week_began(
    tallyhost: Tallyhost, tmp_path: Path
) -> None:
    folder = tmp_path / "weeks"

    async def spend() -> int | None:
        async with Agent.open_profile(folder, seed=7, clock=Clock.frozen()) as agent:
            options = {**CONVERSION, "epsilon": 0.000002, "value": 10}
            await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), IMPRESSION)
            await agent.measure_conversion(Dialect.CURRENT, CallContext("shop.test"), options)
            return (await agent.state.summary()).epoch_start

    start = asyncio.run(spend())
    assert start is not None
    rows = tallyhost("state", "show", "--profile", str(folder)).out.splitlines()
    (row,) = (row.split() for row in rows if row.startswith("a site that measures"))
    assert row[4:] == ["shop.test", format_instant(start)[:10], "0.999998", "epsilon"]


def test_a_person_reads_no_names_of_stores_and_which_number_explain_takes(tallyhost: Tallyhost, profile: str) -> None:
    out = tallyhost("state", "show", "--profile", profile).out
    assert [name for name in ("per_site", "impression_site_quota", "level1_2024", "current") if name in out] == []
    assert "navigator.attribution" in out
    assert "takes the number of an event" in out


def test_limits_of_the_settings_hold_for_a_profile_at_rest(tallyhost: Tallyhost, profile: str, tmp_path: Path) -> None:
    assert tallyhost("state", "clear", "--site", "localhost", "--profile", profile).code == 2
    config = tmp_path / "other.toml"
    config.write_text("[limits]\nallow_localhost = true\n", encoding="utf-8")
    run = tallyhost("state", "clear", "--site", "localhost", "--profile", profile, "--config", str(config))
    assert run.code == 0


def test_of_impressions_and_budgets_a_limit_leaves_out_the_rest_and_says_so(tallyhost: Tallyhost, profile: str) -> None:
    async def save_two_more() -> None:
        async with Agent.open_profile(profile, seed=8) as agent:
            for index in (1, 2):
                await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), {"histogramIndex": index})

    asyncio.run(save_two_more())
    shown = tallyhost("state", "show", "--limit", "2", "--profile", profile, "--json").document
    assert [impression["histogram_index"] for impression in shown["impressions"]] == [1, 2]
    assert len(shown["budgets"]) == 2
    assert shown["left_out"] == {"impressions": 1, "budgets": 1}
    out = tallyhost("state", "show", "--limit", "2", "--profile", profile).out
    assert out.count("1 more are not shown: --limit N or --all shows them") == 2
    every = tallyhost("state", "show", "--limit", "2", "--all", "--profile", profile, "--json").document
    assert [impression["histogram_index"] for impression in every["impressions"]] == [3, 1, 2]
    assert every["left_out"] == {"impressions": 0, "budgets": 0}
    assert "not shown" not in tallyhost("state", "show", "--profile", profile).out
