from __future__ import annotations

from dataclasses import replace

import pytest

from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.errors import UsageError
from agent.model.limits import AttributionLimits
from agent.model.presets import PARAMS, settings_for
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.model.settings import Settings


def test_chromium_is_the_default_and_changes_nothing() -> None:
    assert settings_for() == settings_for("chromium") == Settings()


def test_spec_is_what_the_draft_asks_of_every_browser_whatever_was_set_before() -> None:
    before = AttributionLimits(max_lookback_days=365, max_credit_size=100, max_histogram_size=7)
    settings = settings_for("spec", base=Settings(limits=before, minimum_batch=1))
    asked = {
        "max_lookback_days": 30,
        "max_conversion_sites_per_impression": 5,
        "max_conversion_callers_per_impression": 10,
        "max_impression_callers_for_conversion": 10,
        "max_impression_sites_for_conversion": 30,
        "max_credit_size": 10,
        "max_match_values": 30,
        "per_site_privacy_budget": 1_000_000,
        "privacy_budget_epoch_days": 7,
    }
    assert {name: getattr(settings.limits, name) for name in asked} == asked
    assert settings.minimum_batch == 20
    assert settings.limits.max_histogram_size == 7, "the draft names none"


def test_spec_keeps_chromiums_numbers_where_the_specification_leaves_them_to_the_browser() -> None:
    settings = settings_for("spec")
    assert settings.attribution_reporting_limits == AttributionReportingLimits()
    assert settings.private_aggregation_limits == PrivateAggregationLimits()
    assert settings.shared_storage_limits == Settings().shared_storage_limits
    assert settings.protected_audience_limits == Settings().protected_audience_limits


def test_testing_has_chromiums_own_switches_for_local_testing() -> None:
    settings = settings_for("testing")
    assert settings.attribution_reporting_limits == AttributionReportingLimits(debug_mode=True)
    assert settings.private_aggregation_limits == PrivateAggregationLimits(developer_mode=True)
    assert settings.minimum_batch == 1


def test_no_number_of_tiny_is_above_chromiums() -> None:
    tiny, usual = settings_for("tiny"), Settings()
    for name, kind in (
        ("limits", AttributionLimits),
        ("attribution_reporting_limits", AttributionReportingLimits),
        ("private_aggregation_limits", PrivateAggregationLimits),
    ):
        small, large = getattr(tiny, name), getattr(usual, name)
        assert small != large
        for field in kind.__dataclass_fields__:
            value = getattr(small, field)
            assert value == getattr(large, field) or value < getattr(large, field), field


def test_noise_off_leaves_nothing_to_chance_in_what_is_reported() -> None:
    settings = settings_for(noise=False)
    limits = settings.attribution_reporting_limits
    assert not settings.noise
    assert not limits.noise
    assert (limits.null_report_rate_exclude, limits.null_report_rate_include) == (0, 0)
    assert limits.aggregatable_report_delay_span == AttributionReportingLimits().aggregatable_report_delay_span


def test_delays_off_lets_sealed_reports_leave_at_once() -> None:
    settings = settings_for(delays=False)
    reporting, private = settings.attribution_reporting_limits, settings.private_aggregation_limits
    assert (reporting.aggregatable_report_min_delay, reporting.aggregatable_report_delay_span) == (0, 0)
    assert (private.report_min_delay, private.report_delay_span) == (0, 0)
    assert reporting.noise


@pytest.mark.parametrize("params", PARAMS)
def test_what_is_not_named_stays_as_it_was(params: str) -> None:
    base = replace(Settings(), page_clock=True, shared_storage=False)
    settings = settings_for(params, noise=False, delays=False, base=base)
    assert settings.page_clock
    assert not settings.shared_storage


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="write tiny"):
        settings_for("tinny")
