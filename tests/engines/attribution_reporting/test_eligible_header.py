from __future__ import annotations

import pytest

from agent.engines.attribution_reporting.eligible_header import parse_eligible
from agent.model.attribution_reporting.eligibility import Eligibility


@pytest.mark.parametrize(
    ("field", "eligibility"),
    [
        (b"", Eligibility.EMPTY),
        (b"not-trigger, foo=1", Eligibility.EMPTY),
        (b"trigger", Eligibility.TRIGGER),
        (b"event-source", Eligibility.EVENT_SOURCE),
        (b"navigation-source", Eligibility.NAVIGATION_SOURCE),
        (b"event-source, trigger", Eligibility.EVENT_SOURCE_OR_TRIGGER),
        (b"trigger, event-source", Eligibility.EVENT_SOURCE_OR_TRIGGER),
    ],
)
def test_the_keys_say_what_may_register(field: bytes, eligibility: Eligibility) -> None:
    assert parse_eligible(field).value is eligibility


@pytest.mark.parametrize(
    "member", [b"trigger=?0", b"trigger=5", b"trigger=navigation-source", b"trigger=(a b)", b"trigger;x=1"]
)
def test_presence_of_a_key_is_all_that_counts(member: bytes) -> None:
    parsed = parse_eligible(member)
    assert parsed.value is Eligibility.TRIGGER
    assert [issue.path for issue in parsed.warnings] == [("trigger",)]


@pytest.mark.parametrize(
    ("field", "path"),
    [
        (b"!", None),
        (b"Trigger", None),
        (b"trigger,", None),
        (b"\xff", None),
        (b"navigation-source, trigger", ()),
        (b"event-source, navigation-source", ()),
        (b"navigation-source, event-source, trigger", ()),
    ],
)
def test_a_malformed_field_and_navigation_source_beside_another_are_invalid(
    field: bytes, path: tuple[str, ...] | None
) -> None:
    parsed = parse_eligible(field)
    assert parsed.value is None
    assert [issue.path for issue in parsed.errors] == [path]
