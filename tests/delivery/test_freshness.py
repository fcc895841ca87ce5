"""How long a response stays fresh."""

from __future__ import annotations

import pytest

from agent.delivery.freshness import age, freshness_lifetime

DATE = "Mon, 05 Jan 2026 09:00:00 GMT"
HOUR_LATER = "Mon, 05 Jan 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ([], 0),
        ([("Cache-Control", "max-age=60")], 60),
        ([("cache-control", "public, Max-Age=60")], 60),
        ([("Cache-Control", "public"), ("Cache-Control", "max-age=60")], 60),
        ([("Cache-Control", "max-age=60, max-age=90")], 60),
        ([("Cache-Control", "max-age=0")], 0),
        ([("Cache-Control", "max-age=-1")], 0),
        ([("Cache-Control", 'max-age="60"')], 0),
        ([("Cache-Control", "max-age=60, no-store")], 0),
        ([("Cache-Control", "no-cache, max-age=60")], 0),
        ([("Cache-Control", "max-age=60"), ("Pragma", "no-cache")], 0),
        ([("Cache-Control", "s-maxage=60")], 0),
        ([("Expires", HOUR_LATER), ("Date", DATE)], 3_600),
        ([("Expires", HOUR_LATER), ("Date", DATE), ("Cache-Control", "max-age=60")], 60),
        ([("Expires", DATE), ("Date", HOUR_LATER)], 0),
        ([("Expires", HOUR_LATER)], 0),
        ([("Expires", "0"), ("Date", DATE)], 0),
        ([("Expires", "99999999999"), ("Date", DATE)], 0),
    ],
)
def test_the_lifetime_is_max_age_or_else_expires_unless_it_must_not_be_kept(
    fields: list[tuple[str, str]], seconds: int
) -> None:
    assert freshness_lifetime(fields) == seconds * 1_000


@pytest.mark.parametrize(
    ("fields", "seconds"), [([], 0), ([("age", " 30 ")], 30), ([("Age", "-1")], 0), ([("Age", "x")], 0)]
)
def test_the_age_is_what_caches_on_the_way_counted(fields: list[tuple[str, str]], seconds: int) -> None:
    assert age(fields) == seconds * 1_000
