"""The numbers of Protected Audience."""

from __future__ import annotations

from dataclasses import dataclass

from agent.model.clock import DAY


@dataclass(frozen=True, slots=True)
class ProtectedAudienceLimits:
    """The numbers of Protected Audience, each settable; defaults are Chromium 143's. Durations are milliseconds."""

    max_lifetime: int = 30 * DAY
    """What a longer ``lifetimeMs`` of an interest group is cut to."""
    max_group_bytes: int = 1_048_576
    """Bytes that one interest group stays below."""
    max_groups_per_owner: int = 2000
    """Interest groups of one owner; those that expire first give way."""
    max_bytes_per_owner: int = 10_485_760
    """Bytes of all interest groups of one owner; those that expire first give way."""
    max_owners: int = 1000
    """Owners of interest groups; those whose groups expire first give way."""
    bidding_timeout: int = 50
    """Of one call of ``generateBid``, where the auction names none."""
    max_bidding_timeout: int = 500
    """What a longer ``perBuyerTimeouts`` is cut to."""
    scoring_timeout: int = 50
    """The same for ``scoreAd``."""
    max_scoring_timeout: int = 500
    """What a longer ``sellerTimeout`` is cut to."""
    reporting_timeout: int = 50
    """The same for ``reportResult`` and ``reportWin``."""
    max_reporting_timeout: int = 5000
    """What a longer ``reportingTimeout`` is cut to."""
    k_anon_status: str = "belowThreshold"
    """What ``reportWin`` is told; every ad is treated as above the threshold (protected-audience section 5)."""
