"""What the comparison with captures of real Chromium came to, as docs/real-chromium.md tells it.

That page is made in a browser (:mod:`tests.conformance.captures`), and tests in a browser hold it to the truth; it is
read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tests.conformance import captures
from tests.conformance.coverage_rows import (
    ATTRIBUTION_REPORTING,
    CHROMIUM_CAPTURES,
    PRIVATE_AGGREGATION,
    PROTECTED_AUDIENCE,
    SHARED_STORAGE,
    Row,
    grouped,
    row,
)

FAMILIES = {
    "ara": ATTRIBUTION_REPORTING,
    "ss": SHARED_STORAGE,
    "pa": PRIVATE_AGGREGATION,
    "auction": PROTECTED_AUDIENCE,
}
FEATURES: Mapping[str, str] = {
    "ara/": "Sources, triggers and their event-level reports",
    "ara/js_surface": "Interfaces, request headers and permissions",
    "ara/request_headers": "Interfaces, request headers and permissions",
    "ara/same_": "Interfaces, request headers and permissions",
    "ara/permissions_policy": "Interfaces, request headers and permissions",
    "ara/both_headers": "Interfaces, request headers and permissions",
    "ara/redirect_chain": "Interfaces, request headers and permissions",
    "ara/aggregat": "Aggregatable reports",
    "ara/aggregatable_debug": "Debug reports",
    "ara/event_no_debug": "Debug reports",
    "ara/event_only_one_debug": "Debug reports",
    "ara/verbose_": "Debug reports",
    "ara/validate_": "Headers that do not parse",
    "ara/attribution_scopes": "Attribution scopes",
    "ss/": "Entries, and worklets that read and write them",
    "ss/surface": "Interfaces and exceptions",
    "ss/window_": "Interfaces and exceptions",
    "ss/worklet_globals": "Interfaces and exceptions",
    "ss/selecturl_": "`selectURL()` and its budgets",
    "pa/": "Contributions and their reports",
    "pa/budget": "Budgets",
    "pa/errors": "Exceptions, and what ends an operation",
    "pa/throwing_": "Exceptions, and what ends an operation",
    "pa/late_": "Exceptions, and what ends an operation",
    "pa/on_event": "Exceptions, and what ends an operation",
    "auction/": "Auctions and their contributions",
}
"""Beginning of a capture's name, and its feature."""


def captured_rows() -> Iterator[Row]:
    """One row for each API and feature."""
    results = dict(re.findall(r"^\| (\S+/\S+) \| (.+) \|$", captures.TABLE.read_text("utf-8"), re.MULTILINE))
    for family, api in FAMILIES.items():
        of_family = [name for name in results if name.startswith(f"{family}/")]
        for feature, names in grouped(of_family, FEATURES):
            yield row(api, feature, CHROMIUM_CAPTURES, [results[name] == "equal" for name in names])
