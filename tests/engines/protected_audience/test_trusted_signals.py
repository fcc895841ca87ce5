"""What trusted servers are asked, and what functions get of their answers (protected-audience section 5)."""

from __future__ import annotations

from typing import Any

import pytest

from agent.engines.protected_audience.trusted_signals import (
    bidding_request,
    bidding_signals_url,
    bidding_value,
    scoring_request,
    scoring_value,
)
from tests.engines.protected_audience.groups import AD, BUYER, group

URL = f"{BUYER}/tbs"


def test_groups_with_one_url_are_asked_for_together() -> None:
    groups = [
        group("b", trusted_bidding_signals_url=URL, trusted_bidding_signals_keys=("k2", "k1")),
        group("a", trusted_bidding_signals_url=URL, trusted_bidding_signals_keys=("k1",)),
        group("c"),
    ]
    assert bidding_request(URL, "publisher.test", groups) == (
        f"{URL}?hostname=publisher.test&keys=k1,k2&interestGroupNames=a,b"
    )


def test_what_is_listed_is_escaped() -> None:
    groups = [group("a,b&c", trusted_bidding_signals_url=URL)]
    assert bidding_request(URL, "x.test", groups) == f"{URL}?hostname=x.test&interestGroupNames=a%2Cb%26c"
    assert scoring_request(URL, "x.test", AD) == f"{URL}?hostname=x.test&renderUrls=https%3A%2F%2Fbuyer.test%2Fad"


def test_signals_of_another_origin_are_not_asked_for() -> None:
    assert bidding_signals_url(group(trusted_bidding_signals_url="https://other.test/tbs").group) is None
    assert bidding_signals_url(group(trusted_bidding_signals_url=URL).group) == URL


@pytest.mark.parametrize(
    ("answer", "version", "value"),
    [
        ({"k1": 1, "other": 2}, 1, {"k1": 1, "k2": None}),
        ({"keys": {"k1": 1}, "k2": 2}, 2, {"k1": 1, "k2": None}),
        ({"keys": 5}, 2, {"k1": None, "k2": None}),
    ],
)
def test_a_group_gets_its_own_keys(answer: dict[str, Any], version: int, value: dict[str, Any]) -> None:
    assert bidding_value(answer, version, ("k1", "k2")) == value
    assert bidding_value(answer, version, ()) is None


def test_the_seller_gets_what_is_said_of_the_ad() -> None:
    assert scoring_value({"renderURLs": {AD: 7}}, AD) == {"renderURL": {AD: 7}, "renderUrl": {AD: 7}}
    assert scoring_value({"renderURLs": 1}, AD)["renderURL"] == {AD: None}
