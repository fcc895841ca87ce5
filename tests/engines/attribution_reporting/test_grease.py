"""Greased request headers (registration, sections 2.5 and 2.6)."""

from __future__ import annotations

from typing import Any

import http_sf
import pytest

from agent.engines.attribution_reporting.grease import COMBINATIONS, PLAIN, eligible_header, support_header
from agent.model.attribution_reporting.eligibility import Eligibility

SENT = [one for one in Eligibility if one is not Eligibility.UNSET]
MEANT = {"event-source", "trigger", "navigation-source"}


def _keys(value: str) -> set[str]:
    parsed: Any = http_sf.parse(value.encode(), tltype="dictionary") if value else {}
    return set(parsed)


def _every(eligibility: Eligibility) -> list[str]:
    values = [eligible_header(eligibility, bits) for bits in range(COMBINATIONS)]
    return [value for value in values if value is not None]


def test_a_request_without_eligibility_has_no_header() -> None:
    assert eligible_header(Eligibility.UNSET, PLAIN) is None


@pytest.mark.parametrize(
    ("eligibility", "plain"),
    [
        (Eligibility.EMPTY, ""),
        (Eligibility.TRIGGER, "trigger"),
        (Eligibility.EVENT_SOURCE, "event-source"),
        (Eligibility.EVENT_SOURCE_OR_TRIGGER, "event-source, trigger"),
        (Eligibility.NAVIGATION_SOURCE, "navigation-source"),
    ],
)
def test_plain_headers_name_what_may_be_registered(eligibility: Eligibility, plain: str) -> None:
    assert eligible_header(eligibility, PLAIN) == plain
    assert support_header(PLAIN) == "web"


@pytest.mark.parametrize("eligibility", SENT)
def test_no_grease_changes_the_keys_that_mean_something(eligibility: Eligibility) -> None:
    values = _every(eligibility)
    assert len(values) == COMBINATIONS
    assert all(_keys(value) & MEANT == set(eligibility.keys) for value in values)
    assert all(name.startswith("not-") for value in values for name in _keys(value) - MEANT)


def test_support_always_has_the_web_and_never_the_operating_system() -> None:
    keys = {frozenset(_keys(support_header(bits))) for bits in range(COMBINATIONS)}
    assert keys == {frozenset({"web"}), frozenset({"web", "not-os"})}


def test_support_varies_in_every_way_that_was_seen_on_the_wire() -> None:
    seen = {support_header(bits) for bits in range(COMBINATIONS)}
    assert seen == {"web", "web;os", "web=os", "web, not-os", "not-os, web"}


@pytest.mark.parametrize(
    ("eligibility", "value"),
    [
        (Eligibility.EVENT_SOURCE_OR_TRIGGER, "not-navigation-source, trigger, event-source"),
        (Eligibility.EVENT_SOURCE_OR_TRIGGER, "event-source, trigger=navigation-source"),
        (Eligibility.EVENT_SOURCE_OR_TRIGGER, "event-source;navigation-source, trigger"),
        (Eligibility.NAVIGATION_SOURCE, "not-event-source=trigger, navigation-source"),
        (Eligibility.NAVIGATION_SOURCE, "navigation-source;event-source;trigger"),
        (Eligibility.NAVIGATION_SOURCE, "navigation-source;event-source, not-trigger"),
        (Eligibility.EVENT_SOURCE, "not-navigation-source, event-source=trigger"),
        (Eligibility.TRIGGER, "trigger;navigation-source;event-source"),
        (Eligibility.EMPTY, "not-event-source=trigger"),
    ],
)
def test_order_extra_keys_values_and_parameters_vary(eligibility: Eligibility, value: str) -> None:
    assert value in _every(eligibility)


def test_headers_are_structured_dictionaries_in_their_serialised_form() -> None:
    for eligibility in SENT:
        for value in _every(eligibility):
            if value:
                parsed = http_sf.parse(value.encode(), tltype="dictionary")
                assert http_sf.ser(parsed) == value
