"""The words of Protected Audience: interest groups, auctions, what their scripts are given and give, and its numbers.

Texts named ``json`` are JSON as the page's or the script's own ``JSON.stringify`` made it. Origins are serialised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from agent.model.attribution_reporting.reports import Contribution
from agent.model.private_aggregation import DebugDetails
from agent.model.shared_storage import ModifierMethod
from agent.model.worklets import WorkletScript


class AudienceEvent(StrEnum):
    """The kinds of Protected Audience's events."""

    JOIN = "protected-audience.join"
    LEAVE = "protected-audience.leave"
    CLEAR = "protected-audience.clear"
    AUCTION = "protected-audience.auction"
    REPORT = "protected-audience.report"
    """An auction's reporting functions have run."""
    CUSTOM_EVENT = "protected-audience.custom-event"
    """``window.fence.reportEvent``."""


@dataclass(frozen=True, slots=True)
class Ad:
    """One entry of ``ads``."""

    render_url: str
    """Absolute."""
    metadata: str | None = None
    """JSON."""
    ad_render_id: str | None = None


@dataclass(frozen=True, slots=True)
class InterestGroup:
    """An interest group, checked; URLs are absolute."""

    owner: str
    name: str
    lifetime: int
    """Milliseconds from its joining."""
    priority: float = 0.0
    bidding_logic_url: str | None = None
    trusted_bidding_signals_url: str | None = None
    trusted_bidding_signals_keys: tuple[str, ...] = ()
    user_bidding_signals: str | None = None
    """JSON."""
    ads: tuple[Ad, ...] = ()
    ad_components: tuple[Ad, ...] = ()
    enable_bidding_signals_prioritization: bool = False
    execution_mode: str = "compatibility"
    trusted_bidding_signals_slot_size_mode: str = "none"
    coordinator: str | None = None
    """Origin of ``privateAggregationConfig``; None for the default one."""


@dataclass(frozen=True, slots=True)
class JoinedGroup:
    """An interest group as it is stored."""

    group: InterestGroup
    joining_origin: str
    joined: int
    """Milliseconds since 1970 of the last joining."""
    join_count: int = 1
    bid_count: int = 0
    wins: tuple[tuple[int, str], ...] = ()
    """When it won, and with which ad: JSON."""

    @property
    def expires(self) -> int:
        """From when on it is not there any more."""
        return self.joined + self.group.lifetime


@dataclass(frozen=True, slots=True)
class AuctionConfig:
    """What ``runAdAuction`` was given, checked; URLs are absolute."""

    seller: str
    decision_logic_url: str
    trusted_scoring_signals_url: str | None = None
    buyers: tuple[str, ...] = ()
    auction_signals: str | None = None
    """JSON, as those that follow."""
    seller_signals: str | None = None
    per_buyer_signals: Mapping[str, str] = field(default_factory=dict)
    """By buyer."""
    seller_timeout: int | None = None
    """Milliseconds, as those that follow."""
    reporting_timeout: int | None = None
    per_buyer_timeouts: Mapping[str, int] = field(default_factory=dict)
    """By buyer; ``*`` for all others."""
    per_buyer_group_limits: Mapping[str, int] = field(default_factory=dict)
    """By buyer; ``*`` for all others."""
    coordinator: str | None = None
    """Origin of ``privateAggregationConfig``; None for the default one."""


class AuctionFunction(StrEnum):
    """The functions that an auction calls."""

    GENERATE_BID = "generateBid"
    SCORE_AD = "scoreAd"
    REPORT_RESULT = "reportResult"
    REPORT_WIN = "reportWin"


@dataclass(frozen=True, slots=True)
class Signal:
    """A bucket or a value that is known after the auction: ``{baseValue, scale, offset}``."""

    base_value: str
    scale: float = 1.0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class EventContribution:
    """A call of ``contributeToHistogramOnEvent``."""

    event: str
    bucket: int | Signal
    value: int | Signal
    filtering_id: int = 0


@dataclass(frozen=True, slots=True)
class StorageWrite:
    """A call of ``sharedStorage`` in an auction's script."""

    methods: tuple[ModifierMethod, ...]
    lock: str | None
    batch: bool


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """One call of a script's function, in a realm of its own."""

    script: WorkletScript
    function: AuctionFunction
    arguments: str
    """A JSON array."""
    timeout: int
    """Milliseconds that the script, its top level included, may run."""
    private_aggregation_allowed: bool = True
    """What the permissions policy says to the script's origin, as that which follows."""
    shared_storage_allowed: bool = True


@dataclass(frozen=True, slots=True)
class FunctionResult:
    """What came of a call; what its code did before it threw or ran out of time is in it."""

    value: Any = None
    """What it returned, or gave to ``setBid``, of JSON's kinds; None where it gave nothing that is."""
    failure: str | None = None
    """``<URL>:<line> Uncaught <exception>.``, or why there is no such function, or that its time was up."""
    timed_out: bool = False
    duration: int = 0
    """Milliseconds that it took."""
    contributions: tuple[Contribution, ...] = ()
    """In call order, as those that follow."""
    on_event: tuple[EventContribution, ...] = ()
    debug: DebugDetails = field(default_factory=DebugDetails)
    writes: tuple[StorageWrite, ...] = ()
    report_url: str | None = None
    """What ``sendReportTo`` was given."""


class AuctionScriptHost(Protocol):
    """Runs the functions of auctions' scripts."""

    async def call(self, call: FunctionCall) -> FunctionResult:
        """Call a function in a fresh realm; many may run at once."""
        ...
