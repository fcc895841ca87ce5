from __future__ import annotations

from dataclasses import replace

import pytest

from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.errors import UsageError
from agent.model.limits import AttributionLimits
from agent.model.presets import PARAMS, settings_for
from agent.model.private_aggregation import PrivateAggregationLimits
from agent.model.settings import Settings


def test_chromium_is_the_default_and_changes_nothing() -> None:
    assert settings_for() == settings_for("chromium") == Settings()


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
    limits = settings_for(noise=False).attribution_reporting_limits
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
