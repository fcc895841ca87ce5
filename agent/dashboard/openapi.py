"""The control API's table as an OpenAPI document."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from agent.dashboard.guard import READING
from agent.dashboard.routes import API, FILE_TYPES, ROUTES, Field, Route
from agent.version import version

Document = dict[str, Any]
_ERROR = {"$ref": "#/components/schemas/Error"}


def openapi_document() -> Document:
    """The whole document, of OpenAPI 3.1."""
    paths: dict[str, Document] = {}
    for route in ROUTES:
        paths.setdefault(f"{API}{route.path}", {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tallyhost control API",
            "version": version(),
            "description": "What can be asked of a running agent, on loopback alone. What changes something names the"
            " token of the run, which `tallyhost up` prints.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Answer": _answer_schema(), "Error": _error_schema()},
        },
    }


def _operation(route: Route) -> Document:
    answers = {
        "200": _answered(route),
        "400": _content("What was asked is wrong, and how to mend it", _ERROR),
        "503": _content("The machine lacks something", _ERROR),
    }
    operation: Document = {
        "operationId": route.operation,
        "summary": route.summary,
        "parameters": [_parameter(field) for field in route.fields if field.place != "body"],
        "responses": answers,
    }
    if route.method not in READING:
        answers["401"] = _content("The token is missing, or not this run's", _ERROR)
        answers["413"] = _content("The body is too large", _ERROR)
        operation["security"] = [{"token": []}]
    body = [field for field in route.fields if field.place == "body"]
    if body:
        operation["requestBody"] = {
            "required": any(field.required for field in body),
            "content": {"application/json": {"schema": _object(body)}},
        }
    return operation


def _answered(route: Route) -> Document:
    if route.file:
        return {"description": route.summary, "content": {FILE_TYPES[PurePosixPath(route.file).suffix]: {}}}
    return _content("What was asked for", {"$ref": "#/components/schemas/Answer"})


def _parameter(field: Field) -> Document:
    return {
        "name": field.name,
        "in": field.place,
        "required": field.required,
        "description": field.description,
        "schema": _schema(field),
        "example": field.example,
    }


def _schema(field: Field) -> Document:
    bounds = {"default": field.default, "maximum": field.most, "minimum": 0 if field.kind == "integer" else None}
    return {"type": field.kind, **{name: value for name, value in bounds.items() if value is not None}}


def _object(fields: list[Field]) -> Document:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [field.name for field in fields if field.required],
        "properties": {
            field.name: {**_schema(field), "description": field.description, "examples": [field.example]}
            for field in fields
        },
    }


def _content(description: str, schema: Document) -> Document:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _answer_schema() -> Document:
    return {"type": "object", "required": ["schema"], "properties": {"schema": {"type": "integer", "const": 1}}}


def _error_schema() -> Document:
    words = ("what", "where", "rule", "fix")
    told = {**{word: {"type": "string"} for word in words}, "exit_code": {"type": "integer"}}
    error = {"type": "object", "required": list(told), "properties": told}
    schema = _answer_schema()
    return {**schema, "required": ["schema", "error"], "properties": {**schema["properties"], "error": error}}
