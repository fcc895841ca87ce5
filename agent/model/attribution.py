"""Nouns of privateAttribution (seed dialect, 2024-09-26) and W3C Attribution (current dialect, 2026-05-14).

Sites are host strings (the registrable domain); times are milliseconds; budgets are micro-epsilon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from agent.model.clock import DAY


class Dialect(StrEnum):
    """Which of the two APIs was called; impressions never match across."""

    LEVEL1_2024 = "level1_2024"
    """``navigator.privateAttribution``, Privacy-Preserving Attribution Level 1 of 2024-09-26."""
    CURRENT = "current"
    """``navigator.attribution``, W3C Attribution Level 1 of 2026-05-14."""


class AttributionVerdict(StrEnum):
    """How a call ended where the page saw no exception; the page itself cannot tell them apart."""

    STORED = "stored"
    """The impression is kept."""
    API_DISABLED = "api-disabled"
    """Opted out or private: nothing was stored, or the report is all zeros."""
    ATTRIBUTED = "attributed"
    """Impressions were credited, and the budget was paid."""
    INDEX_TOO_LARGE = "index-too-large"
    """Impressions were credited and the budget was paid, but all of the value fell outside the histogram."""
    NO_MATCHING_IMPRESSION = "no-matching-impression"
    """No impression fits: the report is all zeros, and nothing was paid."""
    BUDGET_EXHAUSTED = "budget-exhausted"
    """No epoch with a matching impression has budget left: the report is all zeros."""


@dataclass(frozen=True, slots=True)
class AggregationService:
    """An aggregation service that pages may choose."""

    name: str
    """What the seed dialect passes as ``aggregator``."""
    url: str
    """What the current dialect passes as ``aggregationService``; compared exactly."""
    api_version: str = "dap-18-histogram"
    """``apiVersion`` of the seed dialect."""
    protocol: str = "dap-18-histogram"
    """``protocol`` of the current dialect, whose enumeration has this one value."""
    max_histogram_size: int | None = None
    """The service's own maximum, or None where the agent's alone applies."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """Who calls, as the browser vouches for it."""

    top_level_site: str
    """Host of the top-level site; ``localhost`` and IP addresses stand as they are."""
    intermediary_site: str | None = None
    """Site of the calling frame (or of the response) where it is not same-site with the top level, else None."""
    allowed: bool = True
    """Whether the permissions policy allows the feature in this document."""
    activated: bool = True
    """Whether the top-level traversable has the activation the call needs (current dialect, section 9)."""
    http: Mapping[str, Any] | None = field(default=None, compare=False)
    """Of a response that asks: how it came, as :func:`agent.model.http_record.http_record` keeps it."""


@dataclass(frozen=True, slots=True)
class Impression:
    """One entry of the impression store."""

    dialect: Dialect
    key: str | int
    """``ad`` of the seed dialect (text), ``matchValue`` of the current one (number)."""
    impression_site: str
    intermediary_site: str | None
    conversion_sites: tuple[str, ...]
    """Sorted, without repetition; empty means any site (current dialect)."""
    conversion_callers: tuple[str, ...]
    timestamp: int
    lifetime_days: int
    histogram_index: int
    priority: int = 0
    id: int = 0
    """Position in the store: what was saved first is smaller; 0 until stored."""

    @property
    def expires(self) -> int:
        """The last millisecond at which it can match."""
        return self.timestamp + self.lifetime_days * DAY


class Candidate(NamedTuple):
    """What a conversion needs to know of one stored impression; light, because a conversion may look at many."""

    id: int
    key: str | int
    impression_site: str
    intermediary_site: str | None
    conversion_sites: tuple[str, ...]
    """Empty means any site; empty, too, where a conversion asked: the store has looked by its site and caller."""
    conversion_callers: tuple[str, ...]
    timestamp: int
    expires: int
    histogram_index: int
    priority: int
    quota: int | None = None
    """What is left of its site's quota in its epoch, in micro-epsilon; None where never charged, or not asked."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Where the dialects differ in meaning, and two known defects of the published reference."""

    newest_epoch_only: bool = False
    """Search the newest epoch first and stop at the first with a match (seed), or use every epoch (current)."""
    charge_epsilon: bool = False
    """Charge the whole epsilon (seed), or by value and by what was attributed (current)."""
    safety_limits: bool = True
    """Whether the global budget and the impression-site quota are paid too."""
    single_draw: bool = True
    """Attribute once and charge for what is reported; False draws twice, as the published reference does."""
    global_budget: bool = True
    """Enforce the global budget; False compares an epoch's first charge alone, as the published reference does."""


@dataclass(frozen=True, slots=True)
class ImpressionRequest:
    """The normal form of a valid ``saveImpression`` call, equal for both dialects."""

    dialect: Dialect
    key: str | int
    impression_site: str
    intermediary_site: str | None
    conversion_sites: tuple[str, ...]
    conversion_callers: tuple[str, ...]
    lifetime_days: int
    histogram_index: int
    priority: int

    def impression(self, now: int) -> Impression:
        """The entry to store when the call happens at ``now`` (milliseconds)."""
        return Impression(
            dialect=self.dialect,
            key=self.key,
            impression_site=self.impression_site,
            intermediary_site=self.intermediary_site,
            conversion_sites=self.conversion_sites,
            conversion_callers=self.conversion_callers,
            timestamp=now,
            lifetime_days=self.lifetime_days,
            histogram_index=self.histogram_index,
            priority=self.priority,
        )


@dataclass(frozen=True, slots=True)
class ConversionRequest:
    """The normal form of a valid ``measureConversion`` call, equal for both dialects; an empty list means any."""

    dialect: Dialect
    policy: Policy
    conversion_site: str
    intermediary_site: str | None
    service: AggregationService
    epsilon: float
    histogram_size: int
    lookback_days: int
    keys: tuple[str, ...] | tuple[int, ...]
    """``ads`` of the seed dialect, ``matchValues`` of the current one."""
    impression_sites: tuple[str, ...]
    impression_callers: tuple[str, ...]
    credit: tuple[float, ...]
    value: int
    max_value: int

    @property
    def caller(self) -> str:
        """Who measures: the intermediary, else the conversion site."""
        return self.intermediary_site or self.conversion_site

    @property
    def lookback(self) -> int:
        """The lookback window in milliseconds."""
        return self.lookback_days * DAY


@dataclass(frozen=True, slots=True)
class AttributionState:
    """What a profile remembers beside impressions and budgets; None where it never happened."""

    epoch_start: int | None = None
    """The instant from which epochs are counted."""
    last_clear: int | None = None
    """When the history was last cleared."""


class BudgetKind(StrEnum):
    """The three privacy budget stores."""

    PER_SITE = "per_site"
    GLOBAL = "global"
    IMPRESSION_SITE_QUOTA = "impression_site_quota"


class BudgetKey(NamedTuple):
    """Key of one privacy budget: its store, the epoch's number and the site (empty for the global budget)."""

    kind: BudgetKind
    epoch: int
    site: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of one privacy budget, in micro-epsilon."""

    key: BudgetKey
    remaining: int
