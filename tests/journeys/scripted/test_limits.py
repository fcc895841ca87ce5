"""The limits that a journey sets for its agent: the tables of tallyhost.toml."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.journeys.scripted.exporting import pytest_module
from agent.journeys.scripted.limits import limits_given
from agent.journeys.scripted.playing import settings_of
from agent.journeys.scripted.reading import Journey, UnreadableJourneyError, read_text
from agent.model.limit_tables import TABLES
from agent.model.presets import settings_for
from agent.model.settings import Settings

HEAD = (
    "{params: tiny, limits: {max_histogram_size: 5}, attribution_reporting_limits: {noise: off},"
    " private_aggregation_limits: {aggregation_coordinator_origins: [https://c.test]}}"
)


def journey(agent: str) -> Journey:
    return read_text(f"name: x\nagent: {agent}\nsteps: [next_report]\n", "j.yaml")


def test_limits_are_set_over_those_of_the_preset() -> None:
    expected = settings_for("tiny")
    expected = replace(
        expected,
        limits=replace(expected.limits, max_histogram_size=5),
        attribution_reporting_limits=replace(expected.attribution_reporting_limits, noise=False),
        private_aggregation_limits=replace(
            expected.private_aggregation_limits, aggregation_coordinator_origins=("https://c.test",)
        ),
    )
    assert settings_of(journey(HEAD).agent) == expected


def test_a_journey_without_limits_sets_none() -> None:
    assert limits_given(journey("{noise: on}").agent) == {}
    assert settings_of(journey("{noise: on}").agent) == Settings()


def test_every_limit_that_a_configuration_has_can_be_written() -> None:
    for table, limits in TABLES.items():
        for name, value in vars_of(limits()).items():
            given = f"[{', '.join(value)}]" if isinstance(value, tuple) else f"'{value}'"
            assert limits_given(journey(f"{{{table}: {{{name}: {given}}}}}").agent) == {table: {name: value}}


def vars_of(limits: object) -> dict[str, object]:
    return {name: getattr(limits, name) for name in type(limits).__dataclass_fields__}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("agent", "what"),
    [
        (
            "{limits: {max_histogram_sise: 5}}",
            "j.yaml:2:18: 'max_histogram_sise' is not a key of agent.limits; nearest",
        ),
        ("{limits: {max_histogram_size: 0}}", "j.yaml:2:38: agent.limits.max_histogram_size: '0' cannot be used"),
        ("{limits: {max_histogram_size: }}", "j.yaml:2:37: agent.limits.max_histogram_size cannot be used"),
        ("{limits: 5}", "j.yaml:2:17: agent.limits: '5' cannot be used"),
        (
            "{private_aggregation_limits: {aggregation_coordinator_origins: [c]}}",
            "j.yaml:2:71: agent.private_aggregation_limits.aggregation_coordinator_origins cannot be used",
        ),
    ],
)
def test_what_is_no_limit_is_told_with_its_place(agent: str, what: str) -> None:
    with pytest.raises(UnreadableJourneyError) as refused:
        journey(agent)
    assert str(refused.value).startswith(what)


def test_the_exported_test_has_the_same_settings() -> None:
    text = pytest_module(journey(HEAD))
    marker = next(line for line in text.splitlines() if line.startswith("@pytest.mark.agent("))
    imports = "\n".join(line for line in text.splitlines() if line.startswith("from agent.model"))
    found: dict[str, dict[str, Settings]] = {}
    exec(f"{imports}\n{marker.replace('@pytest.mark.agent', 'given = dict')}", found)  # noqa: S102 - what our exporter wrote
    assert found["given"]["settings"] == settings_of(journey(HEAD).agent)
