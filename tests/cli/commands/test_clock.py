from __future__ import annotations

import pytest

from agent.model.clock import DAY, format_instant, parse_instant
from tests.cli.conftest import Tallyhost


def test_now_is_iso_8601_with_its_offset(tallyhost: Tallyhost, profile: str) -> None:
    told = tallyhost("time", "now", "--profile", profile, "--json").document
    assert parse_instant(told["now"]) == told["milliseconds"]
    assert told["now"].endswith("+00:00")


def test_advance_moves_the_clock_by_a_duration(tallyhost: Tallyhost, profile: str) -> None:
    before = tallyhost("time", "now", "--profile", profile, "--json").document["milliseconds"]
    after = tallyhost("time", "advance", "2d", "--profile", profile, "--json").document["milliseconds"]
    assert after - before >= 2 * DAY


def test_a_duration_that_is_none_is_refused_with_an_example(tallyhost: Tallyhost, profile: str) -> None:
    for bad in ("soon", "-2d"):
        run = tallyhost("time", "advance", "--profile", profile, "--", bad)
        assert run.code == 2
        assert "2d, 12h or 1h30m" in run.err


def test_next_with_nothing_due_leaves_the_clock_where_it_stands(tallyhost: Tallyhost, profile: str) -> None:
    run = tallyhost("time", "next", "--profile", profile, "--json")
    assert run.code == 0
    assert run.document["moved"] is False


@pytest.mark.parametrize("back", ["-2d", "-12h", "-1h30m"])
def test_the_clock_never_goes_back_and_the_minus_is_no_flag(tallyhost: Tallyhost, profile: str, back: str) -> None:
    run = tallyhost("time", "advance", back, "--profile", profile)
    assert run.code == 2
    assert f"cannot advance by {back}: the clock never goes back" in run.err


def test_to_moves_a_profile_at_rest_which_keeps_it(tallyhost: Tallyhost, profile: str) -> None:
    later = tallyhost("time", "now", "--profile", profile, "--json").document["milliseconds"] + 30 * DAY
    told = tallyhost("time", "to", format_instant(later), "--profile", profile, "--json").document
    assert told["milliseconds"] >= later
    assert tallyhost("time", "now", "--profile", profile, "--json").document["milliseconds"] >= later


@pytest.mark.parametrize(("instant", "what"), [("2020-01-01", "that has passed"), ("soon", "is no time")])
def test_an_instant_that_has_passed_or_cannot_be_read_is_refused(
    tallyhost: Tallyhost, profile: str, instant: str, what: str
) -> None:
    run = tallyhost("time", "to", instant, "--profile", profile)
    assert run.code == 2
    assert what in run.err
    assert "  fix   " in run.err


def test_a_step_beyond_the_last_instant_moves_nothing(tallyhost: Tallyhost, profile: str) -> None:
    run = tallyhost("time", "advance", "999999w", "--profile", profile)
    assert run.code == 2
    assert "the clock ends at 9999" in run.err
    assert tallyhost("time", "now", "--profile", profile).code == 0
