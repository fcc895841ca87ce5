"""What ``expect`` takes: one subject with the members it has, or something of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator

from agent.expectations import SUBJECTS, Subject
from agent.journeys.scripted.words import Duration, Said, Target, Words

_COUNT = "count"


def as_number(value: object) -> object:
    """A text that is exactly a number as that number; what is inside lists and mappings likewise."""
    if isinstance(value, dict):
        return {key: as_number(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_number(one) for one in value]
    if not isinstance(value, str):
        return value
    for number in (int, float):
        try:
            if str(number(value)) == value:
                return number(value)
        except ValueError:
            continue
    return value


def _model(subject: Subject) -> type[BaseModel]:
    fields: dict[str, Any] = {
        name: (_type_of(subject, name), Field(default=None, description=told)) for name, told in subject.members.items()
    }
    fields[_COUNT] = (int | None, Field(default=None, ge=0, description="exactly so many; 0: none"))
    config = ConfigDict(extra="allow" if subject.open else "forbid", frozen=True)
    return create_model(f"Expected{subject.name.title()}", __config__=config, **fields)


def _type_of(subject: Subject, name: str) -> Any:
    """What a member can be: anything, or one of its words."""
    return Literal[*map(str, subject.closed[name])] if name in subject.closed else Any


MODELS: Mapping[str, type[BaseModel]] = {name: _model(subject) for name, subject in SUBJECTS.items()}
"""What can be expected of the agent, as models made of the expectations' own lists."""


class ExpectationWords(Words):
    """What must be so, or become so: exactly one thing, and how long it may take."""

    text: Said | None = Field(default=None, description="a text that is seen on the page")
    url: Said | None = Field(default=None, description="the page's address; * stands for anything but /, ** for all")
    inside: Target | None = Field(default=None, alias="in", description="the element that has the text")
    within: Duration | None = Field(default=None, description="how far the agent's clock may be moved for it")
    timeout: Duration | None = Field(default=None, description="how long to wait in real time; 5s by default")

    @model_validator(mode="after")
    def _one_thing(self) -> ExpectationWords:
        things = [name for name in (*MODELS, "text", "url") if getattr(self, name) is not None]
        if len(things) != 1:
            found = f"not {' and '.join(things)}" if things else "there is none"
            raise ValueError(f"expected exactly one of {', '.join((*MODELS, 'text', 'url'))}; {found}")
        if self.inside is not None and self.text is None:
            raise ValueError("in belongs to text")
        if self.within is not None and things[0] in {"text", "url"}:
            raise ValueError(f"within moves the agent's clock, which {things[0]} does not go by; write timeout")
        return self

    def subject(self) -> tuple[str, dict[str, Any], int | None] | None:
        """Name, members and count of what is expected of the agent; None where it is of the page."""
        for name in MODELS:
            given: BaseModel | None = getattr(self, name)
            if given is not None:
                names = (*type(given).model_fields, *(given.model_extra or {}))
                members: dict[str, Any] = {
                    key: as_number(getattr(given, key)) for key in names if key in given.model_fields_set
                }
                members.pop(_COUNT, None)
                count: int | None = getattr(given, _COUNT)
                return name, members, count
        return None


if TYPE_CHECKING:
    Expectation = ExpectationWords
else:
    Expectation = create_model(
        "Expectation",
        __base__=ExpectationWords,
        __doc__=ExpectationWords.__doc__,
        **{
            name: (
                Annotated[model, BeforeValidator(lambda value: {} if value is None else value)] | None,
                Field(default=None, description=f"a {name} with these members"),
            )
            for name, model in MODELS.items()
        },
    )
