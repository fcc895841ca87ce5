"""Which impressions a conversion may credit ("common matching logic", current draft, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from agent.model.attribution import Candidate, ConversionRequest, Dialect


class Mismatch(StrEnum):
    """Why an impression is left out, in words that complete "left out: 2 ..."."""

    DIALECT = "of the other dialect"
    EXPIRED = "expired"
    LOOKBACK = "older than the lookback window"
    CONVERSION_SITE = "for other conversion sites"
    CONVERSION_CALLER = "for other callers"
    KEY = "with another ad or match value"
    IMPRESSION_SITE = "on another impression site"
    IMPRESSION_CALLER = "saved by another caller"
    CLOSED_EPOCH = "in an epoch closed by a clearing of the history"
    COMING_EPOCH = "in an epoch that has not begun"


def matching(candidates: Sequence[Candidate], request: ConversionRequest, now: int) -> list[Candidate]:
    """Those of ``candidates`` that match at ``now`` (milliseconds)."""
    open_to_all = not (request.keys or request.impression_sites or request.impression_callers)
    oldest = now - request.lookback
    # Where neither side names anything, the times decide: told without a call, in half the time.
    return [
        one
        for one in candidates
        if (
            open_to_all
            and one.expires >= now
            and one.timestamp >= oldest
            and not (one.conversion_sites or one.conversion_callers)
        )
        or first_mismatch(one, request, now) is None
    ]


def first_mismatch(candidate: Candidate, request: ConversionRequest, now: int) -> Mismatch | None:
    """The first rule that leaves ``candidate`` out at ``now`` (milliseconds), or None when it matches.

    Both time bounds are inclusive. Epochs are the caller's business.
    """
    if now > candidate.expires:
        return Mismatch.EXPIRED
    if now > candidate.timestamp + request.lookback:
        return Mismatch.LOOKBACK
    if candidate.conversion_sites and request.conversion_site not in candidate.conversion_sites:
        return Mismatch.CONVERSION_SITE
    if candidate.conversion_callers and request.caller not in candidate.conversion_callers:
        return Mismatch.CONVERSION_CALLER
    if request.keys and candidate.key not in request.keys:
        return Mismatch.KEY
    if request.impression_sites and candidate.impression_site not in request.impression_sites:
        return Mismatch.IMPRESSION_SITE
    if (
        request.impression_callers
        and (candidate.intermediary_site or candidate.impression_site) not in request.impression_callers
    ):
        return Mismatch.IMPRESSION_CALLER
    return None


def dialect_of(candidate: Candidate) -> Dialect:
    """The dialect it was saved through: ads are text, match values are numbers."""
    return Dialect.LEVEL1_2024 if isinstance(candidate.key, str) else Dialect.CURRENT
