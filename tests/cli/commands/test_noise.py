from __future__ import annotations

import pytest

from tests.cli.conftest import Tallyhost


def test_each_amount_is_a_row_and_each_epsilon_a_column(tallyhost: Tallyhost) -> None:
    run = tallyhost("noise", "lamp=120", "45", "--epsilon", "1", "--epsilon", "10", "--seed", "7")
    assert run.code == 0
    head, lamp, bare, note = run.out.splitlines()
    assert head.split() == ["Bucket", "True", "epsilon", "1", "epsilon", "10"]
    # The 90 % interval is ln(10) / epsilon of a report's whole budget.
    assert lamp.split()[:2] == ["lamp", "120"]
    assert [lamp.count(text) for text in ("± 2.3  1.9 %", "± 0.23  0.19 %")] == [1, 1]
    assert bare.split()[:2] == ["45", "45"]
    assert "65,536 / epsilon" in note


def test_a_seed_repeats_it_and_a_machine_reads_it(tallyhost: Tallyhost) -> None:
    once = tallyhost("noise", "lamp=52.5", "--scale", "128", "--seed", "7", "--json").document
    again = tallyhost("noise", "lamp=52.5", "--scale", "128", "--seed", "7", "--json").document
    assert once == again
    assert (once["scale"], once["seed"], once["contribution_budget"]) == (128, 7, 65_536)
    (amount,) = once["amounts"]
    assert (amount["name"], amount["amount"]) == ("lamp", 52.5)
    assert [cell["epsilon"] for cell in amount["noised"]] == [1, 10, 64]


@pytest.mark.parametrize("amount", ["many", "lamp=", "-3", "1e9", "lamp=1.", "9" * 16])
def test_what_is_no_amount_is_refused(tallyhost: Tallyhost, amount: str) -> None:
    run = tallyhost("noise", "--", amount)
    assert (run.code, run.out) == (2, "")
    assert "is no amount" in run.err
    assert "fix   write 120" in run.err


@pytest.mark.parametrize(
    "flags",
    [("--epsilon", "0"), ("--epsilon", "65"), ("--epsilon", "nan"), ("--scale", "0"), ("--scale", "65537")],
)
def test_what_the_service_does_not_take_is_refused(tallyhost: Tallyhost, flags: tuple[str, str]) -> None:
    run = tallyhost("noise", "5", *flags)
    assert (run.code, run.out) == (2, "")
    assert "is not in the range" in run.err
