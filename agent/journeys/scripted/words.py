"""What the words of a journey are made of: times, addresses, and how an element is found."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from agent.model.clock import parse_duration, parse_instant

_HOST = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


class Words(BaseModel):
    """Keys and what they take; others are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, populate_by_name=True)


def _milliseconds(text: str) -> str:
    parse_duration(text)
    return text


def _instant(text: str) -> str:
    try:
        parse_instant(text)
    except ValueError:
        raise ValueError("expected an ISO 8601 time such as 2026-06-01T09:00:00Z") from None
    return text


def _url(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise ValueError(f"expected a full URL such as https://{text.strip('/') or 'shop.test'}/")
    return text


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("expected a host such as shop.test")
    return text


def as_text_locator(value: object) -> object:
    """A text alone as the text of an element."""
    return {"text": value} if isinstance(value, str) else value


Duration = Annotated[str, AfterValidator(_milliseconds), Field(examples=["2d", "1h30m"])]
"""Such as ``2d`` or ``1h30m``."""
Instant = Annotated[str, AfterValidator(_instant), Field(examples=["2026-06-01T09:00:00Z"])]
Switch = Annotated[bool, WithJsonSchema({"anyOf": [{"type": "boolean"}, {"enum": ["on", "off"]}]})]
"""``true`` or ``false``, which may be written on and off."""
Text = Annotated[str, WithJsonSchema({"type": ["string", "number", "boolean"]})]
"""Text; what looks like a number is text as well."""
Said = Annotated[str, Field(min_length=1)]
"""Text that says something: an empty one would be found everywhere."""
Url = Annotated[str, AfterValidator(_url), Field(examples=["https://shop.test/cart"])]
Host = Annotated[str, AfterValidator(_host), Field(examples=["shop.test"])]


class Locator(Words):
    """Which element: exactly one of role, text, label, testid and css."""

    role: Said | None = Field(default=None, description="ARIA role, such as link or button; best with a name")
    name: Said | None = Field(default=None, description="accessible name; a part of it is enough unless exact")
    text: Said | None = Field(default=None, description="text of the element; a part of it is enough unless exact")
    label: Said | None = Field(default=None, description="text of the label of a field")
    testid: Said | None = Field(default=None, description="value of data-testid")
    css: Said | None = Field(default=None, description="CSS selector, where nothing else will do")
    exact: Switch = Field(default=False, description="the whole name, text or label, in the same case")
    nth: int | None = Field(default=None, ge=1, description="which one of several, from 1")
    frame: Target | None = Field(default=None, description="the <iframe> that it is in; a text is its title")
    timeout: Duration | None = Field(default=None, description="how long to wait for it in real time; 10s by default")

    @model_validator(mode="after")
    def _one_way(self) -> Locator:
        ways = [way for way in LOCATOR_WAYS if getattr(self, way) is not None]
        if len(ways) != 1:
            found = f"not {' and '.join(ways)}" if ways else "there is none"
            raise ValueError(f"an element is found by exactly one of {', '.join(LOCATOR_WAYS)}; {found}")
        if self.name is not None and self.role is None:
            raise ValueError("a name belongs to a role, such as {role: link, name: Summer sale}")
        return self


LOCATOR_WAYS = ("role", "text", "label", "testid", "css")
Target = Annotated[Locator, BeforeValidator(as_text_locator, json_schema_input_type=str | Locator)]
"""An element; a text alone is the text of it."""
Locator.model_rebuild(force=True)  # frames are in frames: only now is it known what Target is
