from __future__ import annotations

import pytest

from agent.engines.attribution.headers import clears_impressions, parse_measure_conversion, parse_save_impression

REQUIRED = 'aggregation-service="https://a.test", histogram-size=4, report-url="/r"'


def test_save_impression_has_these_members() -> None:
    value = (
        'histogram-index=7, conversion-sites=("a.test" "b.test"), conversion-callers=(), match-value=4294967295,'
        " lifetime-days=999999999999999, priority=-2147483648"
    )
    assert parse_save_impression(value) == {
        "histogramIndex": 7,
        "conversionSites": ["a.test", "b.test"],
        "conversionCallers": [],
        "matchValue": 4294967295,
        "lifetimeDays": 999999999999999,
        "priority": -2147483648,
    }


def test_measure_conversion_has_these_members() -> None:
    value = (
        f'{REQUIRED}, epsilon=0.125, lookback-days=3, match-values=(1 2), impression-sites=("n.test"),'
        ' impression-callers=("c.test"), credit=(1 0.5 0), value=2, max-value=4'
    )
    field = parse_measure_conversion(value, "https://www.shop.test/a/b")
    assert field is not None
    assert field.report_url == "https://www.shop.test/r"
    assert field.options == {
        "aggregationService": "https://a.test",
        "histogramSize": 4,
        "epsilon": 0.125,
        "lookbackDays": 3,
        "matchValues": [1, 2],
        "impressionSites": ["n.test"],
        "impressionCallers": ["c.test"],
        "credit": [1.0, 0.5, 0.0],
        "value": 2,
        "maxValue": 4,
    }


@pytest.mark.parametrize(
    "value",
    [
        "",
        "match-value=1",
        "histogram-index=1.0",
        "histogram-index=?1",
        "histogram-index",
        'histogram-index="1"',
        "histogram-index=-1",
        "histogram-index=4294967296",
        "histogram-index=(1)",
        "histogram-index=@1",
        "histogram-index=1, lifetime-days=0",
        "histogram-index=1, priority=2147483648",
        "histogram-index=1, conversion-sites=(a)",
        'histogram-index=1, conversion-sites="a.test"',
        'histogram-index=1, conversion-sites=(%"a.test")',
        'histogram-index=1, conversion-sites=("é.test")',
        "histogram-index=1,",
        "histogram-index=1, x=@99999999999999999",
    ],
)
def test_a_field_with_one_bad_known_key_is_ignored_as_a_whole(value: str) -> None:
    assert parse_save_impression(value) is None


def test_unknown_keys_and_parameters_are_ignored_and_the_last_duplicate_wins() -> None:
    assert parse_save_impression('histogram-index=1, x=(1 2);y, Z="no"') is None  # keys are lower case
    assert parse_save_impression('histogram-index=1;p=2, x=("a";q 2);y, histogram-index=3') == {"histogramIndex": 3}
    assert parse_save_impression("histogram-index=3, histogram-index=-1") is None


@pytest.mark.parametrize(
    "change",
    ["epsilon=a", "credit=(0.3333)", "credit=1", "value=0", "max-value=4294967296", "lookback-days=0",
     "match-values=(1.0)", "histogram-size=0", 'report-url="http://a.test/"', 'report-url="http://localhost/"',
     'report-url="https://"', "report-url=r", "aggregation-service=a"],
)  # fmt: skip
def test_a_measure_conversion_field_out_of_range_is_ignored_as_a_whole(change: str) -> None:
    assert parse_measure_conversion(f"{REQUIRED}, {change}", "https://shop.test/") is None


@pytest.mark.parametrize("missing", range(3))
def test_three_keys_of_measure_conversion_are_required(missing: int) -> None:
    parts = REQUIRED.split(", ")
    del parts[missing]
    assert parse_measure_conversion(", ".join(parts), "https://shop.test/") is None


@pytest.mark.parametrize(
    ("report_url", "resolved"),
    [("r?x=1", "https://shop.test/a/r?x=1"), ("//b.test", "https://b.test/"), ("https://c.test/x", "https://c.test/x")],
)
def test_the_report_url_is_resolved_against_the_response(report_url: str, resolved: str) -> None:
    value = f'aggregation-service="a", histogram-size=4, report-url="{report_url}"'
    field = parse_measure_conversion(value, "https://shop.test/a/page")
    assert field is not None
    assert field.report_url == resolved


@pytest.mark.parametrize(
    ("value", "clears"),
    [
        ('"impressions"', True),
        ('"cookies" , "impressions"', True),
        ('"*"', True),
        ("impressions", False),
        ('"Impressions"', False),
        ('"cookies"', False),
        ("", False),
    ],
)
def test_clear_site_data_names_impressions_in_quotes(value: str, clears: bool) -> None:
    assert clears_impressions(value) is clears


def test_a_report_url_keeps_no_credentials_and_no_fragment() -> None:
    value = 'aggregation-service="https://a.test", histogram-size=4, report-url="https://user:secret@a.test:8443/r?q=1#part"'
    field = parse_measure_conversion(value, "https://a.test/page")
    assert field is not None
    assert field.report_url == "https://a.test:8443/r?q=1"
