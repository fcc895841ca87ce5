"""agent.engines.aggregation.parameters against the table of the specification's section 4."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engines.aggregation.parameters import InvalidParameter, check_request, read_parameters
from agent.model.aggregation import JobParameters

ORIGIN = {"attribution_report_to": "https://www.adtech.test"}
REQUEST: dict[str, Any] = {
    "job_request_id": "batch-1",
    "input_data_bucket_name": "reports",
    "input_data_blob_prefix": "2026/01/05/",
    "output_data_bucket_name": "summaries",
    "output_data_blob_prefix": "2026-01-05",
    "job_parameters": ORIGIN,
}
SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{}~"


def read(**parameters: str) -> JobParameters:
    result = read_parameters(ORIGIN | parameters)
    assert isinstance(result, JobParameters), result
    return result


def refused(**parameters: str) -> InvalidParameter:
    result = read_parameters(ORIGIN | parameters)
    assert isinstance(result, InvalidParameter), result
    return result


def refused_names(**members: Any) -> list[str]:
    request = {name: value for name, value in (REQUEST | members).items() if value is not ...}
    return [error.name for error in check_request(request)]


# The worker: job_parameters.


def test_what_is_not_given_has_the_defaults_of_the_service() -> None:
    assert read_parameters(ORIGIN) == JobParameters(
        attribution_report_to="https://www.adtech.test",
        reporting_site=None,
        debug_privacy_epsilon=10.0,
        report_error_threshold_percentage=10.0,
        input_report_count=None,
        filtering_ids=frozenset({0}),
        debug_run=False,
    )


def test_every_parameter_is_read() -> None:
    assert read_parameters(
        {
            "reporting_site": "https://adtech.test",
            "debug_privacy_epsilon": "0.5",
            "report_error_threshold_percentage": "2.5",
            "input_report_count": "1000",
            "filtering_ids": "0,3",
            "debug_run": "true",
            "output_domain_bucket_name": "domains",
            "unknown": "skipped",
        }
    ) == JobParameters(
        attribution_report_to=None,
        reporting_site="https://adtech.test",
        debug_privacy_epsilon=0.5,
        report_error_threshold_percentage=2.5,
        input_report_count=1_000,
        filtering_ids=frozenset({0, 3}),
        debug_run=True,
    )


@pytest.mark.parametrize(
    "given_names",
    [
        {},
        {"attribution_report_to": "https://a.test", "reporting_site": "https://a.test"},
        ORIGIN | {"reporting_site": ""},
    ],
)
def test_exactly_one_of_origin_and_site_is_given(given_names: dict[str, str]) -> None:
    result = read_parameters(given_names)
    assert isinstance(result, InvalidParameter)
    assert result.name == "attribution_report_to or reporting_site"


@pytest.mark.parametrize("name", ["attribution_report_to", "reporting_site"])
@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_origin_and_site_are_not_blank(name: str, blank: str) -> None:
    result = read_parameters({name: blank})
    assert isinstance(result, InvalidParameter)
    assert (result.name, result.value) == (name, blank)


@pytest.mark.parametrize("text", ["https://www.adtech.test/", " https://www.adtech.test", "HTTPS://ADTECH.TEST", "?"])
def test_origin_and_site_are_kept_as_they_are_written(text: str) -> None:
    parameters = read_parameters({"attribution_report_to": text})
    assert isinstance(parameters, JobParameters)
    assert parameters.attribution_report_to == text


@pytest.mark.parametrize(
    ("text", "epsilon"),
    [
        *(
            ("64", 64.0),
            ("64.0", 64.0),
            ("1", 1.0),
            ("0.1", 0.1),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e-12", 1e-12),
            ("+3", 3.0),
        ),
        *((" 7\t", 7.0), ("1e1", 10.0), ("1E-3", 0.001), ("2d", 2.0), ("2F", 2.0)),  # as Java reads doubles
    ],
)
def test_epsilon_is_a_double_above_0_and_at_most_64(text: str, epsilon: float) -> None:
    assert read(debug_privacy_epsilon=text).debug_privacy_epsilon == epsilon


@pytest.mark.parametrize(
    "text", ["0", "-0", "-1", "64.0001", "65", "1e3", "1e999", "NaN", "Infinity", "-Infinity", "1e-999", "9" * 10_000]
)
def test_an_epsilon_out_of_range_is_invalid(text: str) -> None:
    error = refused(debug_privacy_epsilon=text)
    assert error.name == "debug_privacy_epsilon"
    assert error.rule == "is above 0 and at most 64"


@pytest.mark.parametrize("text", ["9e-13", "1e-300"])
def test_an_epsilon_whose_noise_no_summary_can_hold_is_invalid(text: str) -> None:
    assert "64 bits" in refused(debug_privacy_epsilon=text).rule


@pytest.mark.parametrize(
    "text", ["", " ", "ten", "1,5", "1_0", "10%", "nan", "inf", "infinity", "--1", "1e", ".", "0x10", "\u0661", "1 0"]
)
def test_an_epsilon_that_is_no_number_is_silently_the_default(text: str) -> None:
    assert read(debug_privacy_epsilon=text).debug_privacy_epsilon == 10.0


@pytest.mark.parametrize(
    ("text", "percentage"),
    [
        ("0", 0.0),
        ("100", 100.0),
        ("100%", 100.0),
        ("10%", 10.0),
        ("0.5 %", 0.5),
        (" 5% ", 5.0),
        ("1e1", 10.0),
        ("-0", 0.0),
    ],
)
def test_the_error_threshold_is_0_to_100_with_or_without_a_percent_sign(text: str, percentage: float) -> None:
    assert read(report_error_threshold_percentage=text).report_error_threshold_percentage == percentage


@pytest.mark.parametrize(
    "text", ["", "%", "-0.1", "100.1", "101%", "NaN", "Infinity", "ten", "10%%", "%10", "1_0", "!5", "5!"]
)
def test_another_error_threshold_is_invalid(text: str) -> None:
    assert refused(report_error_threshold_percentage=text).name == "report_error_threshold_percentage"


@pytest.mark.parametrize(
    ("text", "count"), [("0", 0), ("1000", 1_000), ("+5", 5), ("007", 7), ("9223372036854775807", 2**63 - 1)]
)
def test_the_report_count_is_a_long_that_is_not_negative(text: str, count: int) -> None:
    assert read(input_report_count=text).input_report_count == count


@pytest.mark.parametrize(
    "text", ["", "-1", "1.0", "1e3", "9223372036854775808", "ten", " 1", "1_000", "\u0661", "\u00b2", "9" * 10_000]
)
def test_another_report_count_is_invalid(text: str) -> None:
    assert refused(input_report_count=text).name == "input_report_count"


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        *(("0", {0}), ("3", {3}), ("0,3", {0, 3}), (" 1 , 2 ", {1, 2}), ("3,3,3", {3}), ("007", {7})),
        *(("18446744073709551615", {2**64 - 1}), ("", {0}), (" ", {0})),
    ],
)
def test_filtering_ids_are_unsigned_64_bit_numbers_with_commas(text: str, ids: set[int]) -> None:
    assert read(filtering_ids=text).filtering_ids == ids


@pytest.mark.parametrize(
    "text",
    [
        "-1",
        "18446744073709551616",
        "1.0",
        "a",
        ",",
        "1,",
        ",1",
        "1,,2",
        "1;2",
        "1 2",
        "0x1",
        "\u0661",
        "1_0",
        "9" * 10_000,
    ],
)
def test_other_filtering_ids_are_invalid(text: str) -> None:
    error = refused(filtering_ids=text)
    assert error.name == "filtering_ids"
    assert len(error.value) <= 83


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("TRUE", True), ("True", True)])
def test_a_debug_run_is_asked_for_by_true(text: str, expected: bool) -> None:
    assert read(debug_run=text).debug_run is expected


@pytest.mark.parametrize("text", ["false", "", "1", "yes", " true", "enabled", "truE\u0301"])
def test_anything_but_true_is_no_debug_run(text: str) -> None:
    assert read(debug_run=text).debug_run is False


DOMAIN = {"output_domain_bucket_name": "domains", "output_domain_blob_prefix": "keys"}


@pytest.mark.parametrize("missing", DOMAIN)
def test_a_domain_must_be_named_where_domains_are_not_optional(missing: str) -> None:
    named = ORIGIN | {name: value for name, value in DOMAIN.items() if name != missing}
    result = read_parameters(named, domain_required=True)
    assert isinstance(result, InvalidParameter)
    assert result.name == missing
    assert isinstance(read_parameters(named), JobParameters)
    assert isinstance(read_parameters(ORIGIN | DOMAIN, domain_required=True), JobParameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {"debug_privacy_epsilon": "65"},
        {"report_error_threshold_percentage": "x"},
        {"input_report_count": "-1"},
        {"filtering_ids": "x"},
        {"reporting_site": "https://adtech.test"},
    ],
)
def test_every_refusal_says_which_parameter_what_it_says_which_rule_and_what_to_do(parameters: dict[str, str]) -> None:
    (name, value), error = *parameters.items(), refused(**parameters)
    assert name in error.name
    assert value in error.value
    assert error.rule
    assert error.fix
    assert str(error) == f"{error.name}={error.value}: {error.rule}"


names = st.sampled_from([*JobParameters.__dataclass_fields__, "unknown"])


@pytest.mark.parametrize(("length", "shown"), [(80, "x" * 80), (81, "x" * 80 + "...")])
def test_a_long_value_is_cut_in_a_refusal(length: int, shown: str) -> None:
    assert refused(filtering_ids="x" * length).value == shown


@given(st.dictionaries(names, st.text() | st.text(alphabet="0123456789.,-+eE% ")))
def test_whatever_the_parameters_say_reading_them_raises_nothing(parameters: dict[str, str]) -> None:
    result = read_parameters(parameters)
    if isinstance(result, JobParameters):
        assert 0 < result.debug_privacy_epsilon <= 64
        assert 0 <= result.report_error_threshold_percentage <= 100
        assert (result.attribution_report_to is None) != (result.reporting_site is None)


# The front end: the request.


def test_a_whole_request_is_taken() -> None:
    assert check_request(REQUEST) == ()


@pytest.mark.parametrize("name", ["a", "a" * 128, "ABCxyz019", SIGNS])
def test_a_job_request_id_is_up_to_128_letters_digits_and_signs(name: str) -> None:
    assert refused_names(job_request_id=name) == []


@pytest.mark.parametrize(
    "name", [..., None, "", "a" * 129, "a b", "a\n", "a\tb", "a|b", "\u00e4", "\u0661", "a\x7f", 1, True, ["a"]]
)
def test_another_job_request_id_is_refused(name: object) -> None:
    assert refused_names(job_request_id=name) == ["job_request_id"]


@pytest.mark.parametrize("name", ["input_data_bucket_name", "output_data_bucket_name", "output_data_blob_prefix"])
@pytest.mark.parametrize("value", [..., None, "", " ", 1, ["a"]])
def test_buckets_and_the_output_prefix_are_required(name: str, value: object) -> None:
    assert refused_names(**{name: value}) == [name]


def test_exactly_one_of_prefix_and_prefixes_is_given() -> None:
    one_or_the_other = ["input_data_blob_prefix or input_data_blob_prefixes"]
    assert refused_names(input_data_blob_prefix=...) == one_or_the_other
    assert refused_names(input_data_blob_prefixes=["a"]) == one_or_the_other
    both = check_request(REQUEST | {"input_data_blob_prefixes": ["a"]})
    assert [error.value for error in both] == ["2026/01/05/, ['a']"]
    assert refused_names(input_data_blob_prefix=..., input_data_blob_prefixes=["a"]) == []


@pytest.mark.parametrize("count", [1, 50])
def test_at_most_50_prefixes_are_taken(count: int) -> None:
    assert refused_names(input_data_blob_prefix=..., input_data_blob_prefixes=["a"] * count) == []


@pytest.mark.parametrize("prefixes", [[], ["a"] * 51, "a", {"a": 1}, 1, [1], [""], ["a", None]])
def test_other_prefixes_are_refused(prefixes: object) -> None:
    assert refused_names(input_data_blob_prefix=..., input_data_blob_prefixes=prefixes) == ["input_data_blob_prefixes"]


@pytest.mark.parametrize("prefix", [1, ["a"], {}, True])
def test_a_prefix_is_a_text(prefix: object) -> None:
    assert refused_names(input_data_blob_prefix=prefix) == ["input_data_blob_prefix"]


@pytest.mark.parametrize("parameters", [..., None, "a", 1, [["a", "b"]]])
def test_job_parameters_are_an_object(parameters: object) -> None:
    assert refused_names(job_parameters=parameters) == ["job_parameters"]


@pytest.mark.parametrize("value", [1, 10.5, True, None, ["0"], {}])
def test_every_job_parameter_is_a_string(value: object) -> None:
    assert refused_names(job_parameters=ORIGIN | {"debug_run": value}) == ["job_parameters.debug_run"]


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert [error.name for error in check_request({})] == [
        "job_request_id",
        "input_data_bucket_name",
        "output_data_bucket_name",
        "output_data_blob_prefix",
        "input_data_blob_prefix or input_data_blob_prefixes",
        "job_parameters",
    ]
    assert all(error.rule and error.fix for error in check_request({}))
