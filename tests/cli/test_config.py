from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from agent.cli.config import Config, load_config, printable
from agent.cli.launch import settings_of
from agent.model.attribution import Dialect
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.errors import UsageError
from agent.model.limits import AttributionLimits
from agent.model.presets import PARAMS, settings_for
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.model.shared_storage_limits import SharedStorageLimits

FILE = Path("tallyhost.toml")


def refused(flags: dict[str, object] | None = None, file: Path | None = None) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_config(flags or {}, file)
    return caught.value


def test_without_flag_variable_and_file_every_setting_is_its_default() -> None:
    effective = load_config({})
    assert effective.config == Config()
    assert effective.config.profile == ":memory:"
    assert effective.config.limits == AttributionLimits()
    assert effective.origins == {}
    assert effective.file is None


def test_a_flag_wins_over_the_environment_and_the_environment_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    FILE.write_text('seed = 1\nprofile = "from-file"\nminimum_batch = 5\n', encoding="utf-8")
    monkeypatch.setenv("TALLYHOST_SEED", "2")
    monkeypatch.setenv("TALLYHOST_PROFILE", "from-environment")
    effective = load_config({"seed": "3", "headed": None, "map": ()})
    assert (effective.config.seed, effective.config.profile, effective.config.minimum_batch) == (
        3,
        "from-environment",
        5,
    )
    assert effective.origins == {
        "seed": "--seed",
        "profile": "TALLYHOST_PROFILE",
        "minimum_batch": "tallyhost.toml",
    }


def test_a_flag_can_switch_off_what_the_file_switches_on() -> None:
    FILE.write_text("headed = true\n", encoding="utf-8")
    assert load_config({}).config.headed is True
    assert load_config({"headed": False}).config.headed is False


def test_the_variable_tallyhost_config_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.toml"
    other.write_text("seed = 9\n", encoding="utf-8")
    monkeypatch.setenv("TALLYHOST_CONFIG", str(other))
    assert load_config({}).config.seed == 9
    assert load_config({}).file == other


def test_maps_are_a_table_in_the_file_and_host_equals_target_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    FILE.write_text('[map]\n"shop.test" = "http://localhost:3000"\n', encoding="utf-8")
    assert load_config({}).config.map == {"shop.test": "http://localhost:3000"}
    monkeypatch.setenv("TALLYHOST_MAP", "a.test=http://localhost:1 b.test=./site")
    assert load_config({}).config.map == {"a.test": "http://localhost:1", "b.test": "./site"}
    flags = {"map": ("c.test=http://localhost:2/?q=1",)}
    assert load_config(flags).config.map == {"c.test": "http://localhost:2/?q=1"}


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("2026-06-01T09:00:00Z", 1_780_304_400_000), ("2026-06-01T11:00:00+02:00", 1_780_304_400_000)],
)
def test_now_is_an_iso_8601_time_in_flag_and_file(text: str, milliseconds: int) -> None:
    assert load_config({"now": text}).config.now == milliseconds
    FILE.write_text(f"now = {text}\n", encoding="utf-8")
    assert load_config({}).config.now == milliseconds


def test_limits_and_dialects_are_set_in_the_file() -> None:
    FILE.write_text('dialects = ["current"]\n[limits]\nmax_credit_size = 3\n', encoding="utf-8")
    config = load_config({}).config
    assert config.dialects == frozenset({Dialect.CURRENT})
    assert config.limits == AttributionLimits(max_credit_size=3)
    assert load_config({}).origins["limits.max_credit_size"] == "tallyhost.toml"


def test_attribution_reporting_has_a_switch_a_list_of_sites_and_numbers_of_its_own() -> None:
    FILE.write_text(
        'attribution_reporting = false\nenrolled_sites = ["https://adtech.test"]\n'
        "[attribution_reporting_limits]\nmax_sources_per_origin = 3\n",
        encoding="utf-8",
    )
    settings = settings_of(load_config({}).config)
    assert not settings.attribution_reporting
    assert settings.enrolled_sites == frozenset({"https://adtech.test"})
    assert settings.attribution_reporting_limits == AttributionReportingLimits(max_sources_per_origin=3)


def test_shared_storage_and_private_aggregation_have_switches_and_tables_of_their_own() -> None:
    FILE.write_text(
        "shared_storage = false\nprivate_aggregation = false\n"
        "[shared_storage_limits]\ncustom_data_origin = true\npage_bits = 2.5\n"
        '[private_aggregation_limits]\nsmall_budget = 10\naggregation_coordinator_origins = ["https://c.test"]\n',
        encoding="utf-8",
    )
    settings = settings_of(load_config({}).config)
    assert (settings.shared_storage, settings.private_aggregation) == (False, False)
    assert settings.shared_storage_limits == SharedStorageLimits(custom_data_origin=True, page_bits=2.5)
    assert settings.private_aggregation_limits == PrivateAggregationLimits(
        small_budget=10, aggregation_coordinator_origins=("https://c.test",)
    )


def test_the_switches_are_flags_and_variables_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYHOST_PRIVATE_AGGREGATION", "no")
    config = load_config({"shared_storage": False}).config
    assert (config.shared_storage, config.private_aggregation) == (False, False)


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("seed = 3\n\nsed = 1\n", 3, "seed"),
        ('seed = "x"\n', 1, "integer"),
        ("# comment\nseed = -1\n", 2, "greater than or equal to 0"),
        ("seed = \n", 1, "TOML"),
        ('[limits]\nmax_credit_size = 1\nmax_match_values = "many"\n', 3, "integer"),
        ("[limits]\nmax_credit_size = -1\n", 2, "greater than or equal to 0"),
        ("[limits]\n\nprivacy_budget_epoch_days = 0\n", 3, "greater than or equal to 1"),
        ('[[aggregation_services]]\nname = "a"\nurl = "b"\ncolour = "red"\n', 4, "protocol"),
        ('[[aggregation_services]]\nname = "a"\nurl = "b"\n[[aggregation_services]]\nname = "c"\n', 4, "required"),
        ("[limits]\nmax_credit = 1\n", 2, "max_credit_size"),
        ("[attribution_reporting_limits]\nmax_sources_per_origin = -1\n", 2, "greater than or equal to 0"),
        ("[attribution_reporting_limits]\nmax_sources = 1\n", 2, "max_sources_per_origin"),
        ('[attribution_reporting_limits]\nretry_after_new_navigation = "fourth"\n', 2, "first_retry"),
        ("[shared_storage_limits]\nmax_urls = 0\n", 2, "greater than or equal to 1"),
        ("[shared_storage_limits]\npage_bits = -0.5\n", 2, "greater than or equal to 0"),
        ("[shared_storage_limits]\nmax_bytes = 1\n", 2, "max_bytes_per_origin"),
        ("[private_aggregation_limits]\n\nsmall_budget = -1\n", 3, "greater than or equal to 0"),
        ("[private_aggregation_limits]\nerror_reporting = 5\n", 2, "boolean"),
        ("[private_aggregation_limits]\naggregation_coordinator_origins = []\n", 2, "at least one"),
        ('[private_aggregation_limits]\naggregation_coordinator_origins = ["c.test"]\n', 2, "https://coordinator.test"),
        ('enrolled_sites = ["adtech.test"]\n', 1, "sites such as https://adtech.test"),
        ('dialects = ["future"]\n', 1, "level1_2024"),
        ('now = "yesterday"\n', 1, "2026-06-01T09:00:00Z"),
        ('headed = "perhaps"\n', 1, "boolean"),
        ('seed = 1\n[map]\n"shop.test" = 3\n', 3, "string"),
    ],
)
def test_a_bad_config_file_gets_file_line_and_what_was_expected(text: str, line: int, expected: str) -> None:
    FILE.write_text(text, encoding="utf-8")
    error = refused()
    assert error.where == f"tallyhost.toml:{line}"
    assert expected in error.rule
    assert error.exit_code == 2


def test_a_config_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    error = refused(file=tmp_path / "none.toml")
    assert error.where == str(tmp_path / "none.toml")
    assert error.what == "no such file"


def test_a_config_file_that_is_no_text_is_refused() -> None:
    FILE.write_bytes(b"seed = 1 # \xff\n")
    assert refused().where == "tallyhost.toml"


def test_a_bad_environment_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYHOST_SEED", "many")
    assert refused().where == "environment variable TALLYHOST_SEED"


def test_an_unknown_environment_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYHOST_SED", "1")
    error = refused()
    assert error.where == "environment variable TALLYHOST_SED"
    assert "tallyhost config" in error.fix


@pytest.mark.parametrize("value", ["shop.test", "=http://localhost", "shop.test="])
def test_a_bad_map_flag_is_named_with_an_example(value: str) -> None:
    error = refused({"map": (value,)})
    assert error.where == "flag --map"
    assert error.what == f"map = {value!r} cannot be used"
    assert "shop.test=http://localhost:3000" in error.rule


def test_settings_print_as_the_file_writes_them() -> None:
    FILE.write_text('now = 2026-06-01T09:00:00Z\njson = true\n[map]\n"a.test" = "x"\n', encoding="utf-8")
    shown = printable(load_config({}).config)
    assert shown["now"] == "2026-06-01T09:00:00+00:00"
    assert shown["json"] is True
    assert shown["map"] == {"a.test": "x"}
    assert set(shown["limits"]) == set(AttributionLimits.__dataclass_fields__)
    assert set(shown["attribution_reporting_limits"]) == set(AttributionReportingLimits.__dataclass_fields__)
    assert set(shown["shared_storage_limits"]) == set(SharedStorageLimits.__dataclass_fields__)
    assert set(shown["private_aggregation_limits"]) == set(PrivateAggregationLimits.__dataclass_fields__)


@pytest.mark.parametrize("flag", [("current", "level1_2024"), ("current,level1_2024",), ("level1_2024, current",)])
def test_dialects_are_a_repeated_flag_or_a_list_with_commas(flag: tuple[str, ...]) -> None:
    assert load_config({"dialects": flag}).config.dialects == frozenset(Dialect)


def test_a_dialects_flag_wins_over_the_environment_and_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    FILE.write_text('dialects = ["current", "level1_2024"]\n', encoding="utf-8")
    monkeypatch.setenv("TALLYHOST_DIALECTS", "level1_2024")
    assert load_config({}).config.dialects == frozenset({Dialect.LEVEL1_2024})
    effective = load_config({"dialects": ("current",)})
    assert effective.config.dialects == frozenset({Dialect.CURRENT})
    assert effective.origins["dialects"] == "--dialects"


def test_an_unknown_dialect_is_told_with_the_known_ones() -> None:
    error = refused({"dialects": ("future",)})
    assert error.where == "flag --dialects"
    assert "level1_2024" in error.rule


def test_params_name_numbers_and_every_number_that_is_given_wins_over_them(monkeypatch: pytest.MonkeyPatch) -> None:
    FILE.write_text("[attribution_reporting_limits]\nmax_sources_per_origin = 9\n", encoding="utf-8")
    monkeypatch.setenv("TALLYHOST_PARAMS", "testing")
    effective = load_config({"params": "tiny"})
    tiny, limits = settings_for("tiny"), effective.config.attribution_reporting_limits
    assert limits == replace(tiny.attribution_reporting_limits, max_sources_per_origin=9)
    assert settings_of(effective.config).private_aggregation_limits == tiny.private_aggregation_limits
    assert effective.config.minimum_batch == tiny.minimum_batch
    assert effective.origins["minimum_batch"] == "params tiny"
    assert effective.origins["attribution_reporting_limits.max_sources_per_origin"] == "tallyhost.toml"


def test_noise_off_is_the_randomised_responses_the_null_reports_and_the_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    off = settings_for(noise=False)
    for given in ({"noise": "off"}, {"noise": False}):
        assert settings_of(load_config(given).config) == off
    monkeypatch.setenv("TALLYHOST_NOISE", "off")
    effective = load_config({})
    assert settings_of(effective.config) == off
    assert effective.origins["noise"] == "TALLYHOST_NOISE"
    assert effective.origins["attribution_reporting_limits.noise"] == "noise off"


def test_delays_off_is_what_it_is_for_tests_and_journeys() -> None:
    FILE.write_text("delays = false\n", encoding="utf-8")
    effective = load_config({})
    assert settings_of(effective.config) == settings_for(delays=False)
    assert effective.origins["private_aggregation_limits.report_delay_span"] == "delays off"


def test_a_finer_key_wins_over_noise_and_delays_and_both_go_with_params() -> None:
    FILE.write_text(
        "[attribution_reporting_limits]\nnoise = true\n[private_aggregation_limits]\nreport_min_delay = 7\n",
        encoding="utf-8",
    )
    effective = load_config({"params": "tiny", "noise": "off", "delays": "off"})
    tiny = settings_for("tiny", noise=False, delays=False)
    assert effective.config.attribution_reporting_limits == replace(tiny.attribution_reporting_limits, noise=True)
    assert effective.config.private_aggregation_limits == replace(tiny.private_aggregation_limits, report_min_delay=7)
    assert not effective.config.noise
    assert effective.origins["attribution_reporting_limits.noise"] == "tallyhost.toml"


@pytest.mark.parametrize("name", ["noise", "delays"])
def test_noise_and_delays_are_refused_where_the_params_have_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error = refused({"params": "testing", name: "on"})
    assert name in error.where
    assert f"leave out {name}" in error.fix
    monkeypatch.setenv("TALLYHOST_PARAMS", "testing")
    assert refused({"params": None, name: "on"}).where == error.where
    load_config({name: "on"})  # of a command without an agent: `aggregate` adds noise whatever the browser did
    load_config({"params": "chromium", name: "on"})


def test_params_of_a_flag_win_over_the_noise_of_a_file() -> None:
    FILE.write_text("noise = true\n", encoding="utf-8")
    config = load_config({"params": "testing"}).config
    assert config.attribution_reporting_limits == settings_for("testing").attribution_reporting_limits


def test_the_params_of_the_configuration_are_those_of_the_settings() -> None:
    assert get_args(Config.model_fields["params"].annotation) == tuple(PARAMS)
    assert "'tiny'" in str(refused({"params": "tny"}))
