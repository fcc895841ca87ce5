"""One row of the coverage page, and the names of the APIs in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

ATTRIBUTION = "W3C Attribution"
ATTRIBUTION_REPORTING = "Attribution Reporting"
SHARED_STORAGE = "Shared Storage"
PRIVATE_AGGREGATION = "Private Aggregation"
PROTECTED_AUDIENCE = "Protected Audience"
AGGREGATION_SERVICE = "Aggregation service"
APIS = (
    ATTRIBUTION,
    ATTRIBUTION_REPORTING,
    SHARED_STORAGE,
    PRIVATE_AGGREGATION,
    PROTECTED_AUDIENCE,
    AGGREGATION_SERVICE,
)


W3C_STORIES = "W3C stories"
W3C_REFERENCE = "W3C reference"
INTEROP_STORIES = "interop stories"
VALIDATOR = "header validator"
CHROMIUM_HEADERS = "Chromium's verdicts"
CHROMIUM_CAPTURES = "Chromium's captures"
CHROMIUM_PAYLOADS = "Chromium's payloads"
REAL_SERVICE = "real service"
VECTORS = "vectors"
JUDGES: Mapping[str, str] = {
    W3C_STORIES: "the e2e tests of w3c/attribution (May 2026)",
    W3C_REFERENCE: "the implementation in w3c/attribution, as recorded; the draft's text where the two differ",
    INTEROP_STORIES: "Chromium's own interop tests of Attribution Reporting, from headers to delivered reports",
    VALIDATOR: "the WICG header validator, on its own cases and on mutations of them",
    CHROMIUM_HEADERS: "what real Chromium 143 accepted and refused",
    CHROMIUM_CAPTURES: "requests, reports and results of real Chromium 143 under the same scripts, in a browser",
    CHROMIUM_PAYLOADS: "payloads that Chromium sealed, of the versions that the service takes if not said otherwise",
    REAL_SERVICE: "test data of the aggregation service",
    VECTORS: "CBOR and HPKE made with other libraries",
}
"""What each judge is."""


@dataclass(frozen=True, slots=True)
class Row:
    """How many of a judge's cases about a feature of an API give what they expect."""

    api: str
    feature: str
    judge: str
    passed: int
    total: int
    deliberate: int = 0
    """Cases among those that did not pass in which another judge is followed."""
    why: str = ""
    """What is followed there."""


def row(api: str, feature: str, judge: str, verdicts: Iterable[bool]) -> Row:
    """A row of cases whose verdicts are given: whether each passed."""
    counted = list(verdicts)
    return Row(api, feature, judge, sum(counted), len(counted))


def grouped(names: Iterable[str], features: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """The names of each feature, in the order of ``features``: beginning of a name to feature, the longest one counts.

    Raises LookupError for a name that none begins: it wants a place in the table.
    """
    found: dict[str, list[str]] = {feature: [] for feature in features.values()}
    for name in names:
        start = max((start for start in features if name.startswith(start)), key=len, default=None)
        if start is None:
            raise LookupError(f"{name} is a case of no feature yet: name one for it")
        found[features[start]].append(name)
    yield from ((feature, each) for feature, each in found.items() if each)
