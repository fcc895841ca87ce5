"""Settings by name: Chromium's numbers, the specifications', those for quick tests, and limits soon reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches

from agent.model.clock import HOUR, MINUTE
from agent.model.errors import UsageError
from agent.model.limits import MICRO
from agent.model.settings import Settings


def settings_for(
    params: str = "chromium", *, noise: bool = True, delays: bool = True, base: Settings | None = None
) -> Settings:
    """``base``, the defaults unless given, under the name ``params``; :data:`PARAMS` says what each changes.

    ``noise=False``: no randomised response, no null report by chance, and exact sums. ``delays=False``: aggregatable
    reports and those of Private Aggregation are due at once; event-level reports keep the windows that their sources
    chose.
    Raises UsageError for an unknown name.
    """
    settings = base or Settings()
    if params not in PARAMS:
        close = get_close_matches(params, PARAMS, 1)
        raise UsageError(
            f"there are no params {params!r}",
            where="params",
            rule=f"one of {', '.join(PARAMS)}",
            fix=f"write {close[0]}" if close else "",
        )
    settings = PARAMS[params](settings)
    if not noise:
        settings = _without_noise(settings)
    return settings if delays else _without_delays(settings)


def _chromium(settings: Settings) -> Settings:
    """Numbers as they are: Chromium 143's, and the draft's of W3C Attribution."""
    return settings


def _spec(settings: Settings) -> Settings:
    """The numbers that specifications name: the least that W3C Attribution lets a browser have (section 12).

    It asks for two of the budgets to be a multiple of the first, without a number, and sets no bound on histograms.
    Attribution Reporting, Shared Storage, Private Aggregation and Protected Audience leave their numbers to the
    browser, so that Chromium's stay.
    """
    return replace(
        settings,
        minimum_batch=20,
        limits=replace(
            settings.limits,
            max_lookback_days=30,
            max_conversion_sites_per_impression=5,
            max_conversion_callers_per_impression=10,
            max_impression_sites_for_conversion=30,
            max_impression_callers_for_conversion=10,
            max_credit_size=10,
            max_match_values=30,
            per_site_privacy_budget=MICRO,
            privacy_budget_epoch_days=7,
        ),
    )


def _testing(settings: Settings) -> Settings:
    """Chromium's own switches for local testing: no noise, and every report is sent at once."""
    return replace(
        settings,
        attribution_reporting_limits=replace(settings.attribution_reporting_limits, debug_mode=True),
        private_aggregation_limits=replace(settings.private_aggregation_limits, developer_mode=True),
        minimum_batch=1,
    )


def _tiny(settings: Settings) -> Settings:
    """Limits and budgets that a few steps of a test use up."""
    return replace(
        settings,
        minimum_batch=2,
        limits=replace(
            settings.limits,
            per_site_privacy_budget=MICRO,
            global_privacy_budget_per_epoch=2 * MICRO,
            impression_site_quota_per_epoch=MICRO,
            max_histogram_size=16,
        ),
        attribution_reporting_limits=replace(
            settings.attribution_reporting_limits,
            max_sources_per_origin=3,
            max_event_level_reports_per_destination=3,
            max_aggregatable_reports_per_destination=3,
            max_aggregatable_reports_per_source=2,
            max_destinations_per_source_site_reporting_site=2,
            rate_limit_max_attributions=3,
        ),
        private_aggregation_limits=replace(
            settings.private_aggregation_limits,
            small_budget=1024,
            small_budget_window=10 * MINUTE,
            large_budget=2048,
            large_budget_window=24 * HOUR,
            max_reports_per_origin=3,
        ),
    )


PARAMS: Mapping[str, Callable[[Settings], Settings]] = {
    "chromium": _chromium,
    "spec": _spec,
    "testing": _testing,
    "tiny": _tiny,
}
"""What each name changes."""


def _without_noise(settings: Settings) -> Settings:
    limits = replace(
        settings.attribution_reporting_limits, noise=False, null_report_rate_exclude=0, null_report_rate_include=0
    )
    return replace(settings, noise=False, attribution_reporting_limits=limits)


def _without_delays(settings: Settings) -> Settings:
    reporting = replace(
        settings.attribution_reporting_limits, aggregatable_report_min_delay=0, aggregatable_report_delay_span=0
    )
    private = replace(settings.private_aggregation_limits, report_min_delay=0, report_delay_span=0)
    return replace(settings, attribution_reporting_limits=reporting, private_aggregation_limits=private)
