from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engines.attribution.matching import Mismatch, first_mismatch, matching
from agent.model.attribution import Candidate, ConversionRequest, Policy
from agent.model.clock import DAY
from tests.attribution_world import CURRENT, SEED, SERVICE, START

NOW = START + 2 * DAY
IMPRESSION = Candidate(1, 7, "news.test", None, (), (), START, START + 30 * DAY, 0, 0)
REQUEST = ConversionRequest(CURRENT, Policy(), "shop.test", None, SERVICE, 1.0, 4, 30, (), (), (), (1.0,), 1, 1)


def mismatch(impression: dict[str, Any] | None = None, request: dict[str, Any] | None = None) -> Mismatch | None:
    return first_mismatch(IMPRESSION._replace(**impression or {}), replace(REQUEST, **request or {}), NOW)


def test_empty_lists_match_everything() -> None:
    assert mismatch() is None


@pytest.mark.parametrize(("late", "result"), [(0, None), (1, Mismatch.EXPIRED)])
def test_the_last_millisecond_of_the_lifetime_still_matches(late: int, result: Mismatch | None) -> None:
    assert mismatch({"expires": NOW - late}) is result


@pytest.mark.parametrize(("late", "result"), [(0, None), (1, Mismatch.LOOKBACK)])
def test_the_last_millisecond_of_the_lookback_still_matches(late: int, result: Mismatch | None) -> None:
    assert mismatch({"timestamp": NOW - DAY - late}, {"lookback_days": 1}) is result


@pytest.mark.parametrize(
    ("impression", "request_", "result"),
    [
        ({"conversion_sites": ("shop.test",)}, {}, None),
        ({"conversion_sites": ("other.test",)}, {}, Mismatch.CONVERSION_SITE),
        ({"conversion_sites": ("ads.test",)}, {"intermediary_site": "ads.test"}, Mismatch.CONVERSION_SITE),
        ({"conversion_callers": ("shop.test",)}, {}, None),
        ({"conversion_callers": ("ads.test",)}, {"intermediary_site": "ads.test"}, None),
        ({"conversion_callers": ("shop.test",)}, {"intermediary_site": "ads.test"}, Mismatch.CONVERSION_CALLER),
        ({}, {"keys": (7, 8)}, None),
        ({}, {"keys": (8,)}, Mismatch.KEY),
        ({}, {"impression_sites": ("news.test",)}, None),
        ({}, {"impression_sites": ("blog.test",)}, Mismatch.IMPRESSION_SITE),
        ({"intermediary_site": "ads.test"}, {"impression_sites": ("ads.test",)}, Mismatch.IMPRESSION_SITE),
        ({}, {"impression_callers": ("news.test",)}, None),
        ({"intermediary_site": "ads.test"}, {"impression_callers": ("ads.test",)}, None),
        ({"intermediary_site": "ads.test"}, {"impression_callers": ("news.test",)}, Mismatch.IMPRESSION_CALLER),
    ],
)
def test_each_list_is_compared_with_its_own_site(
    impression: dict[str, Any], request_: dict[str, Any], result: Mismatch | None
) -> None:
    assert mismatch(impression, request_) is result


def test_ads_are_compared_code_unit_for_code_unit() -> None:
    request = replace(REQUEST, dialect=SEED, keys=("é",))
    assert first_mismatch(IMPRESSION._replace(key="é"), request, NOW) is None
    assert first_mismatch(IMPRESSION._replace(key="e\u0301"), request, NOW) is Mismatch.KEY


@given(
    impression=st.fixed_dictionaries(
        {
            "expires": st.integers(NOW - 1, NOW + 1),
            "timestamp": st.integers(NOW - DAY - 1, NOW - DAY + 1),
            "conversion_sites": st.sampled_from([(), ("shop.test",), ("other.test",)]),
            "conversion_callers": st.sampled_from([(), ("shop.test",), ("other.test",)]),
        }
    ),
    request=st.fixed_dictionaries(
        {
            "keys": st.sampled_from([(), (7,), (8,)]),
            "impression_sites": st.sampled_from([(), ("news.test",), ("blog.test",)]),
            "impression_callers": st.sampled_from([(), ("news.test",), ("blog.test",)]),
        }
    ),
)
def test_what_matches_is_what_no_rule_leaves_out(impression: dict[str, Any], request: dict[str, Any]) -> None:
    one, asked = IMPRESSION._replace(**impression), replace(REQUEST, lookback_days=1, **request)
    left_out = first_mismatch(one, asked, NOW) is not None
    assert matching([one], asked, NOW) == ([] if left_out else [one])
