from __future__ import annotations

import re
from typing import Any

import pytest

from agent.expectations.matching import ABSENT, AnyOf, Candidate, Difference, differences, matches, nearest
from agent.model.reports import ReportKind


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (2, 2),
        ("2", 2),
        (2, "2"),
        ("0x4d2", 1234),
        (1234, "0x4d2"),
        ("event-level", ReportKind.EVENT_LEVEL),
        (ReportKind.EVENT_LEVEL, "event-level"),
        ("shop.test", "https://shop.test"),
        ("https://shop.test/", "shop.test"),
        ("https://b.test", ("https://a.test", "https://b.test")),
        (["https://a.test", "https://b.test"], ("https://a.test", "https://b.test")),
        ({"https://b.test", "https://a.test"}, ("https://a.test", "https://b.test")),
        ({"a": "0x1"}, {"a": 1, "b": 2}),
        ({3: 1}, {"3": 1}),
        ({"campaign": ["12"]}, {"campaign": frozenset({"12"})}),
        (re.compile("^source"), "source-success"),
        (AnyOf(("sent", "returned")), "returned"),
        (pytest.approx(0.0024, abs=1e-4), 0.00243),
        (True, True),
        ("true", True),
        ("off", False),
        (True, "true"),
        (None, None),
    ],
)
def test_values_match_as_people_write_them(wanted: Any, found: Any) -> None:
    assert matches(wanted, found)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (2, 3),
        ("two", 2),
        ("shop.test", "https://www.shop.test"),
        ("https://c.test", ("https://a.test", "https://b.test")),
        (["https://b.test", "https://a.test"], ("https://a.test", "https://b.test")),
        (["https://a.test"], ("https://a.test", "https://b.test")),
        ({"https://a.test"}, ("https://a.test", "https://b.test")),
        ({"a": 1, "c": 3}, {"a": 1, "b": 2}),
        ("a", {"a": 1}),
        (re.compile("^success"), "source-success"),
        (AnyOf(("sent", "returned")), "pending"),
        (True, False),
        ("true", False),
        (True, 1),
        (1, True),
        (0, False),
        ("1", True),
        (True, "1"),
        (False, 0),
        (True, (1, 2)),
        (0, None),
        ("", None),
    ],
)
def test_other_values_do_not(wanted: Any, found: Any) -> None:
    assert not matches(wanted, found)


def test_differences_name_what_is_otherwise_and_what_is_not_there() -> None:
    found = differences({"site": "shop.test", "priority": 1, "verdict": "stored"}, {"site": "shop.test", "priority": 0})
    assert found == (Difference("priority", 1, 0), Difference("verdict", "stored", ABSENT))
    assert [str(one) for one in found] == ["priority: is 0, wanted 1", "verdict: it has none, wanted stored"]


def test_the_nearest_has_the_fewest_differences_and_is_the_newest_of_several() -> None:
    far = Candidate(1, {"a": 0, "b": 0}, "far")
    near = Candidate(2, {"a": 1, "b": 0}, "near")
    newer = Candidate(3, {"a": 0, "b": 2}, "newer")
    assert nearest({"a": 1, "b": 2}, [near, newer, far]) is newer
    assert nearest({"a": 1, "b": 3}, [newer, near, far]) is near
    assert nearest({"a": 1}, []) is None
