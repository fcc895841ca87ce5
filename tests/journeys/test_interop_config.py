from __future__ import annotations

import math
from typing import Any

import pytest

from agent.journeys.interop_config import read_interop_config, without_comments
from agent.journeys.story import StoryError
from agent.model.clock import DAY, MINUTE


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ('{"a": 1} // b', '{"a": 1} '),
        ('// x\n{"a": "https://b.test"} // "c"\n', '\n{"a": "https://b.test"} \n'),
        ('["\\"// no comment", "\\\\"] // "', '["\\"// no comment", "\\\\"] '),
        ('{"a": "unterminated // x', '{"a": "unterminated // x'),
        ("{}", "{}"),
    ],
)
def test_comments_go_and_strings_and_lines_stay(text: str, plain: str) -> None:
    assert without_comments(text) == plain


def test_without_any_file_the_harness_s_defaults_apply() -> None:
    limits = read_interop_config().limits
    assert limits.max_sources_per_origin == 1024
    assert limits.max_event_level_channel_capacity_navigation == 11.46173
    assert (limits.aggregatable_report_min_delay, limits.aggregatable_report_delay_span) == (10 * MINUTE, 50 * MINUTE)
    assert limits.aggregation_coordinator_origins == ("https://coordinator.test",)


def test_values_are_numbers_or_strings_with_numbers_and_have_units() -> None:
    limits = read_interop_config(
        {
            "max_sources_per_origin": "7",
            "rate_limit_max_attributions": 3,
            "rate_limit_time_window_in_days": "30",
            "rate_limit_origins_per_site_window_in_days": "2",
            "destination_rate_limit_window_in_minutes": "5",
            "aggregatable_report_min_delay": "0",
            "max_event_level_channel_capacity_event": "inf",
            "max_settable_event_level_epsilon": "1.5",
            "aggregation_coordinator_origins": ["https://c1.test/x", "https://c2.test"],
            "retry_after_new_navigation": "second_retry",
            "needs_something": True,
        }
    ).limits
    assert (limits.max_sources_per_origin, limits.rate_limit_max_attributions) == (7, 3)
    assert (limits.rate_limit_time_window, limits.rate_limit_origins_per_site_window) == (30 * DAY, 2 * DAY)
    assert (limits.destination_rate_limit_window, limits.aggregatable_report_min_delay) == (5 * MINUTE, 0)
    assert math.isinf(limits.max_event_level_channel_capacity_event)
    assert limits.max_settable_event_level_epsilon == 1.5
    assert limits.aggregation_coordinator_origins == ("https://c1.test", "https://c2.test")
    assert limits.retry_after_new_navigation == "second_retry"


def test_a_later_configuration_goes_over_an_earlier_one() -> None:
    config = read_interop_config(
        {"max_sources_per_origin": 1, "rate_limit_max_attributions": 2}, None, {"max_sources_per_origin": 3}
    )
    assert (config.limits.max_sources_per_origin, config.limits.rate_limit_max_attributions) == (3, 2)


def test_an_operating_system_is_there_where_the_story_needs_it() -> None:
    assert read_interop_config({"needs_cross_app_web": True}).supports_os
    assert not read_interop_config({}).supports_os


@pytest.mark.parametrize(
    "config",
    [
        {"nonsense": 1},
        {"max_sources_per_origin": "x"},
        {"max_sources_per_origin": True},
        {"max_sources_per_origin": None},
        {"max_sources_per_origin": "inf"},
        {"aggregation_coordinator_origins": []},
        {"aggregation_coordinator_origins": ["http://c.test"]},
        {"aggregation_coordinator_origins": "https://c.test"},
        {"retry_after_new_navigation": "fourth_retry"},
    ],
    ids=str,
)
def test_a_value_that_is_none_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(StoryError, match="api_config: "):
        read_interop_config(config)
