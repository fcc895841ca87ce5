"""The vocabulary is closed, and the schema for editors says the same."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.expectations import SUBJECTS
from agent.journeys.scripted.expected import MODELS
from agent.journeys.scripted.schema import journey_schema, schema_text
from agent.journeys.scripted.steps import PERFORMERS
from agent.journeys.scripted.vocabulary import STEPS

jsonschema: Any = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
SCHEMA = Path(__file__).parents[3] / "docs" / "journey.schema.json"
EXAMPLE = resources.files("sites").joinpath("journeys", "every-api.yaml")


def valid(document: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(journey_schema()).is_valid(document))


def test_there_are_fifteen_steps_and_each_can_be_done() -> None:
    assert len(STEPS) == 15
    assert set(PERFORMERS) == set(STEPS)


def test_all_that_can_be_expected_of_an_agent_can_be_written() -> None:
    assert {name: set(subject.members) for name, subject in SUBJECTS.items()} == {
        name: set(model.model_fields) - {"count"} for name, model in MODELS.items()
    }


def test_the_schema_in_docs_is_that_of_the_vocabulary() -> None:
    assert SCHEMA.read_text("utf-8") == schema_text(), (
        "python -m agent.journeys.scripted.schema > docs/journey.schema.json"
    )


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text()))


def test_editors_take_the_example() -> None:
    as_an_editor_reads_it = json.loads(json.dumps(yaml.safe_load(EXAMPLE.read_text("utf-8")), default=str))
    assert valid(as_an_editor_reads_it)


@pytest.mark.parametrize(
    "step",
    [
        {"clik": "Buy now"},
        {"click": {"rol": "link"}},
        {"open": "https://a.test", "click": "x"},
        {"expect": {"source": {"kind": "x"}}},
        {"wait_for": {"text": "x", "state": "gone"}},
        {},
    ],
)
def test_editors_refuse_what_is_no_step(step: dict[str, Any]) -> None:
    assert not valid({"name": "x", "steps": [step]})


@pytest.mark.parametrize("noise", [True, "off", "on"])
def test_editors_take_on_and_off(noise: object) -> None:
    assert valid({"name": "x", "agent": {"noise": noise}, "steps": ["next_report"]})
