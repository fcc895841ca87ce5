"""Renders a template as one static HTML text that needs nothing else: no script, no font, no network."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from agent.model.clock import format_instant
from agent.reporting.numbers import significant


def render_static(template: str, *, inline_images: bool = False, **values: Any) -> str:
    """The page of ``template``, which gets ``values``, its style, and the policy that allows this style alone.

    ``inline_images``: images that are in the page itself are allowed too.
    """
    style = _read("sites", "common/site.css") + _read("agent.reporting", "templates/report.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    templates = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: _read("agent.reporting", f"templates/{name}")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"instant": _instant, "significant": significant}
    return templates.get_template(template).render(
        **values,
        style=Markup(style),  # noqa: S704  our own package data, and the policy's hash is over exactly these bytes
        policy=f"default-src 'none'; style-src 'sha256-{digest}'{'; img-src data:' if inline_images else ''}",
    )


def _instant(time: int) -> str:
    return format_instant(time).replace("T", " ")


def _read(package: str, path: str) -> str:
    return resources.files(package).joinpath(*path.split("/")).read_text("utf-8")
