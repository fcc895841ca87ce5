"""Which rule a request meets, and whether it strikes."""

from __future__ import annotations

import pytest

from agent.model import chaos_rules
from agent.model.chaos import Strike, Trouble
from agent.model.chaos_input import chaos_rule
from agent.model.chaos_rules import ChaosRules
from agent.model.rng import SeededRng


def struck(rules: ChaosRules, host: str, asked: str = "GET /", *, page: bool = False) -> Strike | None:
    trouble = rules.strike(host, asked, page=page)
    return None if trouble is None else trouble.strike


@pytest.fixture
def rules() -> ChaosRules:
    return ChaosRules(SeededRng(7))


def test_without_a_rule_nothing_goes_wrong(rules: ChaosRules) -> None:
    assert [struck(rules, "adtech.test", f"{n}") for n in range(100)] == [None] * 100


def test_the_most_specific_pattern_decides_alone(rules: ChaosRules) -> None:
    rules.set(chaos_rule("*", fail=1))
    rules.set(chaos_rule("*.adtech.test", reset=1))
    rules.set(chaos_rule("eu.adtech.test", stall="1s"))
    assert struck(rules, "eu.adtech.test") is Strike.STALLED
    assert struck(rules, "EU.adtech.test.") is Strike.STALLED
    assert struck(rules, "us.adtech.test") is Strike.RESET
    assert struck(rules, "a.us.adtech.test") is Strike.RESET
    assert struck(rules, "adtech.test") is Strike.FAILED
    assert struck(rules, "xadtech.test") is Strike.FAILED


def test_a_second_rule_for_a_pattern_takes_the_place_of_the_first(rules: ChaosRules) -> None:
    rules.set(chaos_rule("adtech.test", fail=1))
    rules.set(chaos_rule("adtech.test", slow="1s"))
    assert [rule.fail for rule in rules.all] == [0]
    assert struck(rules, "adtech.test") is Strike.SLOWED


def test_a_rule_that_spares_pages_strikes_the_agent_alone(rules: ChaosRules) -> None:
    rules.set(chaos_rule("adtech.test", fail=1, pages=False))
    assert struck(rules, "adtech.test", page=True) is None
    assert struck(rules, "adtech.test", page=False) is Strike.FAILED


def test_shares_strike_about_so_many_requests_and_the_rest_stalls(rules: ChaosRules) -> None:
    rules.set(chaos_rule("adtech.test", fail="50%", reset="10%", stall="1s"))
    strikes = [struck(rules, "adtech.test", f"{n}") for n in range(4_000)]
    # Five standard deviations of 4,000 draws are 158 for a half, 95 for a tenth.
    assert strikes.count(Strike.FAILED) == pytest.approx(2_000, abs=158)
    assert strikes.count(Strike.RESET) == pytest.approx(400, abs=95)
    assert strikes.count(Strike.STALLED) == 4_000 - strikes.count(Strike.FAILED) - strikes.count(Strike.RESET)


def test_all_and_none_are_exact(rules: ChaosRules) -> None:
    rules.set(chaos_rule("adtech.test", fail="70%", reset="30%"))
    strikes = {struck(rules, "adtech.test", f"{n}") for n in range(1_000)}
    assert strikes == {Strike.FAILED, Strike.RESET}


def test_of_one_seed_the_same_requests_are_struck_in_whatever_order_they_come() -> None:
    def run(names: list[str]) -> dict[str, list[Strike | None]]:
        rules = ChaosRules(SeededRng(7))
        rules.set(chaos_rule("adtech.test", fail="50%"))
        outcome: dict[str, list[Strike | None]] = {}
        for name in names:
            outcome.setdefault(name, []).append(struck(rules, "adtech.test", name))
        return outcome

    names = [f"report {n}" for n in range(20)]
    in_turn, interleaved = run(names * 3), run([name for name in reversed(names) for _ in range(3)])
    assert in_turn == interleaved
    assert len({tuple(strikes) for strikes in in_turn.values()}) > 1


def test_another_seed_strikes_others() -> None:
    def run(seed: int) -> list[Strike | None]:
        rules = ChaosRules(SeededRng(seed))
        rules.set(chaos_rule("adtech.test", fail="50%"))
        return [struck(rules, "adtech.test", f"{n}") for n in range(64)]

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_a_rule_with_times_ends_after_so_many_strikes(rules: ChaosRules) -> None:
    rules.set(chaos_rule("adtech.test", fail=1, times=2))
    assert [struck(rules, "adtech.test") for _ in range(4)] == [Strike.FAILED, Strike.FAILED, None, None]
    assert rules.all == ()


def test_what_a_rule_lets_through_does_not_count_against_its_times(rules: ChaosRules) -> None:
    rules.set(chaos_rule("adtech.test", fail="50%", times=3))
    strikes = [struck(rules, "adtech.test", f"{n}") for n in range(200)]
    assert strikes.count(Strike.FAILED) == 3


def test_a_failure_of_a_slow_host_is_as_slow_and_a_stall_lasts_its_time(rules: ChaosRules) -> None:
    slow, stall = chaos_rule("slow.test", fail=1, slow="2s"), chaos_rule("stall.test", stall="3s")
    rules.set(slow)
    rules.set(stall)
    assert rules.strike("slow.test", "", page=False) == Trouble(Strike.FAILED, slow, 2_000)
    assert rules.strike("stall.test", "", page=False) == Trouble(Strike.STALLED, stall, 3_000)


def test_what_a_page_asks_for_does_not_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos_rules, "_MOST_ASKED", 10)
    rules = ChaosRules(SeededRng(7))
    rules.set(chaos_rule("*", fail="50%"))
    strikes = [struck(rules, "adtech.test", f"GET /{n}") for n in range(1000)]
    assert len(rules._asked) <= 10
    assert 400 < strikes.count(Strike.FAILED) < 600


def test_the_last_strike_of_a_rule_leaves_nothing_to_clear(rules: ChaosRules) -> None:
    rules.set(chaos_rule("adtech.test", fail=1, times=2))
    fixes = [trouble.check().fix for _ in range(2) if (trouble := rules.strike("adtech.test", "", page=False))]
    assert fixes == ["tallyhost chaos clear adtech.test", "none is needed: the rule has ended with this request"]
    assert rules.all == ()
