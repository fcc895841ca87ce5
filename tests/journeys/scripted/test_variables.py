"""``${name}`` is replaced, and nothing is evaluated."""

from __future__ import annotations

import pytest

from agent.journeys.scripted.variables import UnknownVariableError, filled, filled_everywhere


def test_a_variable_is_replaced_where_it_stands() -> None:
    assert filled("${shop}/cart?x=${n}", {"shop": "https://shop.test", "n": "1"}) == "https://shop.test/cart?x=1"


def test_what_a_variable_holds_is_not_looked_at_again() -> None:
    assert filled("${a}", {"a": "${b}", "b": "c"}) == "${b}"


def test_a_doubled_dollar_stands_for_itself() -> None:
    assert filled("$${a} $5 ${a}", {"a": "x"}) == "${a} $5 x"


def test_an_unknown_variable_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownVariableError, match="no variable 'shp'") as caught:
        filled("${shp}", {"shop": "x"})
    assert caught.value.fix == "write ${shop}"


def test_an_expression_is_an_unknown_variable() -> None:
    with pytest.raises(UnknownVariableError, match=r"no variable '1 \+ 1'"):
        filled("${1 + 1}", {})


def test_every_text_is_filled_and_every_unknown_told_with_its_path() -> None:
    refused = []
    value = {"steps": [{"open": "${a}"}, {"open": "${b}"}], "n": None}
    found = filled_everywhere(value, {"a": "x"}, lambda path, error: refused.append((path, str(error))))
    assert found == {"steps": [{"open": "x"}, {"open": "${b}"}], "n": None}
    assert refused == [(("steps", 1, "open"), "there is no variable 'b'")]
