from __future__ import annotations

import pytest

from agent.engines.shared_storage.validation import key_problem, lock_problem, method_problem, value_problem
from agent.model.shared_storage import AppendMethod, ClearMethod, DeleteMethod, ModifierMethod, SetMethod
from agent.model.shared_storage_limits import SharedStorageLimits

LIMITS = SharedStorageLimits()
LONGEST = 2_621_440
KEY = 'Length of the "key" parameter is not valid'
VALUE = 'Length of the "value" parameter is not valid'


@pytest.mark.parametrize("key", ["a", "\0", "x" * LONGEST, "\U0001f600" * (LONGEST // 2)])
def test_a_key_has_from_one_to_2621440_utf_16_code_units(key: str) -> None:
    assert key_problem(key, LIMITS) is None


@pytest.mark.parametrize("key", ["", "x" * (LONGEST + 1), "\U0001f600" * (LONGEST // 2) + "x"])
def test_a_key_that_is_empty_or_longer_is_not_valid(key: str) -> None:
    assert key_problem(key, LIMITS) == KEY


@pytest.mark.parametrize("value", ["", "x" * LONGEST])
def test_a_value_may_be_empty_and_has_at_most_2621440_code_units(value: str) -> None:
    assert value_problem(value, LIMITS) is None


@pytest.mark.parametrize("value", ["x" * (LONGEST + 1), "\U0001f600" * (LONGEST // 2 + 1)])
def test_a_longer_value_is_not_valid(value: str) -> None:
    assert value_problem(value, LIMITS) == VALUE


@pytest.mark.parametrize(("name", "problem"), [("", None), ("lock", None), ("a-", None), ("-", "-"), ("-l", "-")])
def test_the_name_of_a_lock_may_be_empty_but_not_begin_with_a_hyphen(name: str, problem: str | None) -> None:
    assert lock_problem(name) == (problem and "Lock name cannot start with '-'")


@pytest.mark.parametrize(
    ("method", "problem"),
    [
        (SetMethod("", "x" * (LONGEST + 1)), KEY),
        (SetMethod("a", "x" * (LONGEST + 1)), VALUE),
        (AppendMethod("", ""), KEY),
        (AppendMethod("a", "x" * (LONGEST + 1)), VALUE),
        (DeleteMethod(""), KEY),
        (DeleteMethod("a"), None),
        (ClearMethod(), None),
    ],
)
def test_of_a_method_the_key_is_looked_at_first(method: ModifierMethod, problem: str | None) -> None:
    assert method_problem(method, LIMITS) == problem
