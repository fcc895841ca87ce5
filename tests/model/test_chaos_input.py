"""Chaos rules out of what people write."""

from __future__ import annotations

from typing import Any

import pytest

from agent.model.chaos import ChaosRule, rule_document
from agent.model.chaos_input import chaos_rule, chaos_rule_of
from agent.model.clock import MINUTE, SECOND
from agent.model.errors import UsageError


def test_shares_and_durations_are_read_as_people_and_json_write_them() -> None:
    written = chaos_rule("AdTech.test.", fail="50%", status="500", reset="12.5 %", slow="1m", times="3", pages=False)
    in_json = chaos_rule("adtech.test", fail=0.5, status=500, reset=0.125, slow=60_000, times=3, pages=False)
    assert written == in_json
    assert written == ChaosRule("adtech.test", 0.5, 500, 0.125, 0, MINUTE, 3, pages=False)
    assert chaos_rule("*", fail="0.25").fail == 0.25
    assert chaos_rule("*", stall="30s").stall == 30 * SECOND


def test_a_failure_is_503_everywhere_and_for_ever_unless_the_rule_says_otherwise() -> None:
    rule = chaos_rule("*.adtech.test", fail=1)
    assert (rule.status, rule.times, rule.pages) == (503, None, True)


def test_a_rule_s_document_is_read_as_that_rule() -> None:
    rule = chaos_rule("*.adtech.test", fail="30%", reset="70%", slow="2s", times=4)
    assert chaos_rule_of(rule_document(rule)) == rule


@pytest.mark.parametrize("host", ["https://adtech.test", "adtech.test:443", "adtech.test/x", "a..test", "", "*.", "b*"])
def test_a_host_is_a_name_or_a_pattern_of_names(host: str) -> None:
    with pytest.raises(UsageError, match="is no host") as caught:
        chaos_rule(host, fail=1)
    assert caught.value.fix == "adtech.test"


@pytest.mark.parametrize(
    ("trouble", "rule"),
    [
        ({"fail": "101%"}, "0% to 100%"),
        ({"fail": "-1%"}, "0% to 100%"),
        ({"fail": 50}, "0% to 100%"),
        ({"fail": "50"}, "0% to 100%"),
        ({"fail": float("nan")}, "0% to 100%"),
        ({"fail": True}, "0% to 100%"),
        ({"reset": -0.1}, "0% to 100%"),
        ({"reset": None}, "0% to 100%"),
        ({"fail": "60%", "reset": "41%"}, "at most 100 %"),
        ({"stall": "-3s"}, "at most 1d"),
        ({"stall": -1}, "at most 1d"),
        ({"stall": "25h"}, "at most 1d"),
        ({"stall": "30"}, "its unit"),
        ({"slow": 1.5}, "at most 1d"),
        ({"stall": "3s", "slow": "3s"}, "no answer"),
        ({"fail": 1, "status": 200}, "400 to 599"),
        ({"fail": 1, "status": "soon"}, "400 to 599"),
        ({"reset": 1, "status": 500}, "goes with fail"),
        ({"fail": 1, "times": 0}, "1 to 1,000,000"),
        ({"fail": 1, "times": "9" * 5000}, "1 to 1,000,000"),
        ({"fail": 1, "pages": "no"}, "true or false"),
        ({}, "what goes wrong"),
        ({"fail": 0, "times": 3}, "what goes wrong"),
    ],
)
def test_what_no_rule_can_be_is_refused_with_where_rule_and_fix(trouble: dict[str, Any], rule: str) -> None:
    with pytest.raises(UsageError) as caught:
        chaos_rule("adtech.test", **trouble)
    assert caught.value.where == "chaos adtech.test"
    assert rule in caught.value.rule
    assert caught.value.fix


@pytest.mark.parametrize("document", [{"fail": 1}, {"host": "adtech.test", "fails": 1}])
def test_a_document_has_a_host_and_known_members_alone(document: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"host|'fails'"):
        chaos_rule_of(document)


def test_a_rule_says_in_words_what_goes_wrong() -> None:
    assert str(chaos_rule("*", fail="50%", reset="7%", stall="30s", times=2)) == (
        "50 % fail with 503, 7 % are reset, the others stall for 30 s, for 2 more requests"
    )
    assert str(chaos_rule("*", slow="1500ms", pages=False)) == "answers come 1.5 s later, pages are spared"
