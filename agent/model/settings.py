"""The settings of an agent, as one typed object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from agent.model.attribution import AggregationService, Dialect
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.limits import AttributionLimits
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.model.protected_audience_limits import ProtectedAudienceLimits
from agent.model.shared_storage_limits import SharedStorageLimits

LOCAL_SERVICE = AggregationService(
    name="aggregator.test", url="https://aggregator.test", api_version="tee-00", protocol="dap-18-histogram"
)
"""The agent's own aggregation service: it answers with test keys, so that a page works on the first try."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user can set; the defaults just work.

    ``dialects`` are exposed to pages; both by default, so that either page runs.
    """

    dialects: frozenset[Dialect] = frozenset(Dialect)
    aggregation_services: tuple[AggregationService, ...] = (LOCAL_SERVICE,)
    limits: AttributionLimits = field(default_factory=AttributionLimits)
    attribution_reporting: bool = True
    """Whether Attribution Reporting is on; off, no header, no request and no registration comes of it."""
    attribution_reporting_limits: AttributionReportingLimits = field(default_factory=AttributionReportingLimits)
    shared_storage: bool = True
    """Whether Shared Storage is on; off, its methods fail as they do where a user turned it off."""
    shared_storage_limits: SharedStorageLimits = field(default_factory=SharedStorageLimits)
    private_aggregation: bool = True
    """Whether Private Aggregation is on; off, contributions come to nothing."""
    private_aggregation_limits: PrivateAggregationLimits = field(default_factory=PrivateAggregationLimits)
    protected_audience: bool = True
    """Whether Protected Audience is on; off, groups are not kept and no auction has a winner."""
    protected_audience_limits: ProtectedAudienceLimits = field(default_factory=ProtectedAudienceLimits)
    debug_mode_allowed: Callable[[str, str], bool] | None = None
    """Whether ``enableDebugMode`` takes effect for a top-level and a reporting origin; None: where third-party cookies
    are allowed."""
    enrolled_sites: frozenset[str] | None = None
    """Sites, such as ``https://adtech.test``, that may register, store and contribute; None for everyone."""
    grease: bool = True
    """Whether Attribution Reporting's request headers vary at random, as Chromium's do."""
    allow_network: bool = False
    """Whether hosts that are not mapped may be reached on the real network."""
    minimum_batch: int = 20
    """Fewest reports that the local aggregation service aggregates."""
    page_clock: bool = False
    """Whether ``Date`` in pages shows the agent's clock; Playwright's stand-in for ``Date`` does not look native."""
    noise: bool = True
    """Whether the sums that the agent's owner has added up have noise, unless the owner says so of one."""
    third_party_cookies: bool = True
    """Whether third-party frames may use cookies, as in Chromium before it blocked them."""
