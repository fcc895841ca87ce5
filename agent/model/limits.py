"""The numbers of the attribution engine, each settable; defaults are the drafts' minimums or the project's choice."""

from __future__ import annotations

from dataclasses import dataclass

MICRO = 1_000_000
"""Micro-epsilon per epsilon: budgets are integers in micro-epsilon."""
MAX_EPSILON = 4294
"""Largest epsilon that a u32 of micro-epsilon carries (both dialects)."""


@dataclass(frozen=True, slots=True)
class AttributionLimits:
    """Limits of W3C Attribution section 12 in this agent; the seed dialect uses the same numbers.

    Budgets are in micro-epsilon; days have 86,400 seconds.
    """

    max_lookback_days: int = 30
    max_conversion_sites_per_impression: int = 5
    max_conversion_callers_per_impression: int = 10
    max_impression_sites_for_conversion: int = 30
    max_impression_callers_for_conversion: int = 10
    max_ads_for_conversion: int = 30
    """Seed dialect: length of ``ads``."""
    max_credit_size: int = 10
    max_match_values: int = 30
    max_histogram_size: int = 65_536
    per_site_privacy_budget: int = 1 * MICRO
    global_privacy_budget_per_epoch: int = 8 * MICRO
    impression_site_quota_per_epoch: int = 4 * MICRO
    privacy_budget_epoch_days: int = 7
    activation_duration: int = 5_000
    """Milliseconds after a user activation in which a first call may follow (draft section 9)."""
    level1_safety_limits: bool = False
    """Whether the seed dialect also pays the global budget and the impression-site quota (off: it has none)."""
    value_cap: int = 65_536
    """Stands for ``maxValue``, which the seed dialect lacks, where a report and its noise need one."""
    allow_localhost: bool = False
    """Whether localhost counts as a site; the draft allows this switch for developers."""
