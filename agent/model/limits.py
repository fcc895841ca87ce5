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
    """Days that longer ``lookbackDays`` and ``lifetimeDays`` are cut to; at least 30 by the draft."""
    max_conversion_sites_per_impression: int = 5
    """Length of ``conversionSites``; at least 5 by the draft."""
    max_conversion_callers_per_impression: int = 10
    """Length of ``conversionCallers``; at least 10 by the draft."""
    max_impression_sites_for_conversion: int = 30
    """Length of ``impressionSites``; at least 30 by the draft."""
    max_impression_callers_for_conversion: int = 10
    """Length of ``impressionCallers``; at least 10 by the draft."""
    max_ads_for_conversion: int = 30
    """Length of ``ads`` in the seed dialect, which names no number."""
    max_credit_size: int = 10
    """Length of ``credit``; at least 10 by the draft."""
    max_match_values: int = 30
    """Length of ``matchValues``; at least 30 by the draft."""
    max_histogram_size: int = 65_536
    """Largest ``histogramSize``, and one above the largest ``histogramIndex``; the draft names none."""
    per_site_privacy_budget: int = 1 * MICRO
    """Micro-epsilon of one conversion site in one epoch; the draft suggests 1 to 10 epsilon."""
    global_privacy_budget_per_epoch: int = 8 * MICRO
    """Micro-epsilon of all conversion sites together in one epoch: by the draft a multiple of a site's."""
    impression_site_quota_per_epoch: int = 4 * MICRO
    """Micro-epsilon that the impressions of one site may cost in one epoch: by the draft a multiple of a site's
    budget."""
    privacy_budget_epoch_days: int = 7
    """Days of an epoch, for which budgets are; 7 by the draft."""
    activation_duration: int = 5_000
    """Milliseconds after a user activation in which a first call may follow (draft section 9)."""
    level1_safety_limits: bool = False
    """Whether the seed dialect also pays the global budget and the impression-site quota (off: it has none)."""
    value_cap: int = 65_536
    """Stands for ``maxValue``, which the seed dialect lacks, where a report and its noise need one."""
    allow_localhost: bool = False
    """Whether localhost counts as a site; the draft allows this switch for developers."""
