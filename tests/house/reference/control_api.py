"""docs/reference/control-api.md: the control API's table."""

from __future__ import annotations

import json
from collections.abc import Iterator

from agent.dashboard.guard import READING
from agent.dashboard.routes import API, ROUTES
from tests.house.reference.markdown import code, page, table

_INTRODUCTION = f"""What can be asked of a running `tallyhost up`, under `{API}`.

JSON in and out, on loopback alone; the agent itself describes it as OpenAPI at `/openapi.json`. Values are members of
the body, parts of the path or of the query. What changes something needs `Authorization: Bearer TOKEN`; `tallyhost up`
prints the token. An answer has `"schema": 1`; an error says what, where, the rule and what to do."""


def control_api_page() -> str:
    """The text of the page."""
    return page("Control API", _INTRODUCTION, _lines())


def _lines() -> Iterator[str]:
    for route in ROUTES:
        yield f"## `{route.method} {API}{route.path}`"
        yield ""
        yield f"{route.summary}." + ("" if route.method in READING else " Needs the token.")
        yield ""
        rows = [
            (
                code(field.name),
                f"{field.place}, {field.kind}",
                field.description,
                code(_shown(field.example)),
            )
            for field in route.fields
        ]
        if rows:
            yield from table(("Value", "", "", "Such as"), rows)


def _shown(example: str | float) -> str:
    return example if isinstance(example, str) else json.dumps(example)
