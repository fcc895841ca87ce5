"""Templates and static files of the package, as text; every value is escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import PurePosixPath
from typing import Any

import jinja2

from agent.dashboard import charts
from agent.model.limits import MICRO
from agent.reporting.aggregation_view import count
from agent.reporting.documents.header import place

STATIC = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""Types of the files that are served."""
LONGEST_SHOWN = 1_000
"""Characters of a stored text that a page shows in the cell of a table."""
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", re.ASCII)


@cache
def read_file(path: str) -> str:
    """Text of a file of this package, such as ``static/dashboard.css``; FileNotFoundError when there is none."""
    return resources.files("agent.dashboard").joinpath(*path.split("/")).read_text("utf-8")


@cache
def static_files() -> frozenset[str]:
    """Names of the files that are served."""
    return frozenset(
        file.name
        for file in resources.files("agent.dashboard").joinpath("static").iterdir()
        if PurePosixPath(file.name).suffix in STATIC
    )


def render(template: str, document: Mapping[str, Any], **around: Any) -> str:
    """The page of ``template``, which sees ``document`` as ``page`` and what is ``around`` it by name."""
    return _plain(_environment().get_template(template).render(page=document, **around))


@cache
def _environment() -> jinja2.Environment:
    templates = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: read_file(f"templates/{name}")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["cell"] = _cell
    templates.filters["count"] = count
    templates.filters["epsilon"] = _epsilon
    templates.filters["plain"] = _plain
    templates.filters["pretty"] = _pretty
    templates.filters["cut"] = _cut
    templates.filters["written_out"] = json.dumps
    templates.filters["place"] = lambda path: place(tuple(path or ()))
    templates.filters["short"] = lambda number: f"{number:g}"
    templates.filters["time"] = _time
    templates.tests["instant"] = _is_instant
    templates.globals["charts"] = charts
    return templates


def _plain(text: str) -> str:
    """``text`` as UTF-8 can hold it: a site's strings may have lone surrogates."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _is_instant(value: object) -> bool:
    """Whether it is an ISO 8601 time in UTC."""
    return isinstance(value, str) and _ISO.fullmatch(value) is not None


def _cell(value: object) -> str:
    """A value of a table: times as people read them, lists with commas, nothing where there is nothing."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str() if _is_instant(value):
            return _time(value)
        case list() | tuple():
            return ", ".join(map(_cell, value))
        case dict():
            return ", ".join(f"{name} {_cell(one)}" for name, one in value.items())
        case _:
            return str(value)


def _cut(text: str) -> str:
    """The beginning of a text that a site made as long as it liked; the page's twin has all of it."""
    more = len(text) - LONGEST_SHOWN
    return text if more <= 0 else f"{text[:LONGEST_SHOWN]}… and {more:,} more characters"


def _epsilon(micro: int) -> str:
    """Micro-epsilon as ``0.5 epsilon``."""
    return f"{micro / MICRO:.6f}".rstrip("0").rstrip(".") + " epsilon"


def _pretty(value: object) -> str:
    """JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def _time(iso: str) -> str:
    """``2026-01-05 09:00:00`` of an ISO 8601 time in UTC."""
    return iso[:19].replace("T", " ")
