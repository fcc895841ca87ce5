"""The JSON Schema of journeys, for editors: made of the vocabulary, never written by hand."""

from __future__ import annotations

import json
import sys
from typing import Any

from agent.journeys.scripted.vocabulary import STEPS, JourneyWords

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_LONE = "next_report"


def journey_schema() -> dict[str, Any]:
    """The schema as plain JSON values."""
    schema = JourneyWords.model_json_schema(by_alias=True, mode="validation")
    for word, model in STEPS.items():
        definition = schema["$defs"][model.__name__]
        definition["required"] = [word]
    steps = schema["properties"]["steps"]["items"]
    steps["anyOf"].append({"const": _LONE, "description": STEPS[_LONE].__doc__})
    return {"$schema": DIALECT, "title": "A journey of tallyhost", **{k: v for k, v in schema.items() if k != "title"}}


def schema_text() -> str:
    """The schema as the text of ``docs/journey.schema.json``."""
    return json.dumps(journey_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
