"""Reads a journey's file: everything that is wrong with it at once, each with file, line and column."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from agent.journeys.scripted.nodes import Document, Place, read_document
from agent.journeys.scripted.nodes import Path as Keys
from agent.journeys.scripted.variables import UnknownVariableError, filled_everywhere, names_in
from agent.journeys.scripted.vocabulary import STEPS, AgentOptions, JourneyWords
from agent.journeys.scripted.words import Words
from agent.model.errors import UsageError
from agent.runtime import Agent

MAX_BYTES = 1_000_000
_LONE = "next_report"
"""The one step that takes nothing, and may stand as a word alone."""


@dataclass(frozen=True, slots=True)
class PlacedStep:
    """One step, and the line of its word."""

    line: int
    words: Words


@dataclass(frozen=True, slots=True)
class PythonFunction:
    """A journey that is written in Python."""

    run: Callable[[Agent], Awaitable[object]]
    line: int


@dataclass(frozen=True, slots=True)
class Journey:
    """A journey that can be run."""

    name: str
    file: str
    """As it was named by whoever runs it."""
    agent: AgentOptions
    sites: Mapping[str, str]
    site_lines: Mapping[str, int]
    steps: tuple[PlacedStep, ...]
    function: PythonFunction | None = None
    """Instead of steps, where it is written in Python."""
    variables: frozenset[str] = frozenset()
    """The names of the variables that it asks for."""

    @property
    def folder(self) -> Path:
        """What folders of ``sites`` are relative to."""
        return Path(self.file).parent


class UnreadableJourneyError(UsageError):
    """A file that is no journey; ``errors`` has everything that is wrong with it, in the order of the file."""

    def __init__(self, errors: tuple[UsageError, ...]) -> None:
        first = errors[0]
        super().__init__(first.what, where=first.where, rule=first.rule, fix=first.fix)
        self.errors = errors

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))


def read_journey(file: str, variables: Mapping[str, str] | None = None) -> Journey:
    """The journey in ``file``, with ``variables`` instead of those of the same name in it.

    Raises UsageError: UnreadableJourneyError for what is no journey.
    """
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UsageError("this is too long for a journey", where=file, rule=f"at most {MAX_BYTES:,} bytes")
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror or error}", where=file, fix="name a journey's file"
        ) from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError("this is no UTF-8", where=f"{file}:{line}:1", rule="a journey is UTF-8 text") from None
    return read_text(text, file, variables)


def read_text(text: str, file: str, variables: Mapping[str, str] | None = None) -> Journey:
    """The journey that ``text`` of ``file`` is; see :func:`read_journey`."""
    return _Reader(read_document(text, file), file).read(variables or {})


class _Reader:
    def __init__(self, document: Document, file: str) -> None:
        self._document, self._file = document, file
        self._errors: list[tuple[Place, UsageError]] = []

    def read(self, given: Mapping[str, str]) -> Journey:
        value = self._document.value
        if not isinstance(value, dict):
            self._add((), f"a journey is a mapping, not {_named(value)}", "", "write name: and steps:")
            raise self._unreadable()
        variables = {**self._variables(value.get("vars")), **given}
        named = names_in(value)
        value = {**filled_everywhere({**value, "vars": None}, variables, self._refuse_variable), "vars": variables}
        if self._errors:
            # What names an unknown variable would be refused once more for what it says.
            raise self._unreadable()
        steps = value.pop("steps", None)
        head = self._checked(JourneyWords, {**value, "steps": [{"note": ""}]}, ())
        placed = self._steps(steps)
        if self._errors or head is None:
            raise self._unreadable()
        assert isinstance(head, JourneyWords)
        lines = {host: self._document.place(("sites", host), of_key=True).line for host in head.sites}
        return Journey(head.name, self._file, head.agent, head.sites, lines, placed, variables=named)

    def _variables(self, value: Any) -> dict[str, str]:
        """The variables; one that is no plain text is refused, and empty for the rest."""
        if value is not None and not isinstance(value, dict):
            self._add(("vars",), "vars cannot be used", "vars is a mapping of names to texts", of_key=False)
            raise self._unreadable()
        texts = dict(value or {})
        for name, text in texts.items():
            if not isinstance(text, str):
                texts[name] = self._no_variable(name, "is no text", "a variable is a text", "")
            elif references := names_in(text):
                what, rule = f"names a variable: ${{{min(references)}}}", "what a variable holds is taken as it is"
                texts[name] = self._no_variable(name, what, rule, "write its text out")
        return texts

    def _no_variable(self, name: str, what: str, rule: str, fix: str) -> str:
        self._add(("vars", name), f"vars.{name} {what}", rule, fix, of_key=False)
        return ""

    def _steps(self, steps: Any) -> tuple[PlacedStep, ...]:
        if not isinstance(steps, list) or not steps:
            self._add(("steps",), "a journey has a list of steps", "", "write steps: and below it - open: https://...")
            return ()
        placed = [self._step(step, ("steps", position)) for position, step in enumerate(steps)]
        return tuple(step for step in placed if step is not None)

    def _step(self, step: Any, path: Keys) -> PlacedStep | None:
        if step == _LONE:
            step = {_LONE: None}
        if isinstance(step, str):
            self._unknown("a step", step, STEPS, path, fix=f"write {step}: and what it takes" if step in STEPS else "")
            return None
        if not isinstance(step, dict) or len(step) != 1:
            what = f"{' and '.join(step)} stand in one step" if isinstance(step, dict) else f"{_named(step)} is no step"
            what = what if step != {} else "nothing stands in this step"
            self._add(path, what, "a step is one word and what it takes", "begin each step with a dash")
            return None
        (word,) = step
        if word not in STEPS:
            self._unknown("a step", word, STEPS, (*path, word))
            return None
        words = self._checked(STEPS[word], step, path)
        return None if words is None else PlacedStep(self._document.place((*path, word), of_key=True).line, words)

    def _checked(self, model: type[BaseModel], value: Any, path: Keys) -> Words | None:
        try:
            checked = model.model_validate(value)
        except ValidationError as error:
            for one in error.errors():
                self._explain(model, one, path)
            return None
        assert isinstance(checked, Words)
        return checked

    def _explain(self, model: type[BaseModel], error: ErrorDetails, path: Keys) -> None:
        """Tell one of pydantic's errors in the journey's words."""
        keys = tuple(key for key in error["loc"] if key != "[key]")
        where = (*path, *keys)
        match error["type"]:
            case "extra_forbidden":
                known = _keys_of(model, keys[:-1])
                self._unknown(f"a key of {_owner(path, keys)}", str(keys[-1]), known, where)
            case "missing":
                what = f"{keys[-1]} is missing"
                self._add((*path, *keys[:-1]), what, f"{_owner(path, keys)} needs it", f"add {keys[-1]}: and a value")
            case "literal_error":
                known = [one.strip("'") for one in error.get("ctx", {})["expected"].replace(" or ", ", ").split(", ")]
                self._unknown(f"a value of {keys[-1]}", str(error["input"]), known, where, of_key=False)
            case _:
                given = error["input"]
                shown = f"{_path(keys)}: {given!r}" if isinstance(given, str | int | float) else _path(keys)
                rule = _rule(error, _keys_of(model, keys) if keys else [])
                self._add(where, f"{shown} cannot be used", rule, of_key=False)

    def _refuse_variable(self, path: Keys, error: UnknownVariableError) -> None:
        self._add(path, str(error), "${name} stands for a variable of vars", error.fix, of_key=False)

    def _unknown(
        self, what: str, word: str, known: Iterable[str], path: Keys, *, fix: str = "", of_key: bool = True
    ) -> None:
        known = list(known)
        close = get_close_matches(word, known, 1, 0.5)
        nearest = f"; nearest is {close[0]!r}" if close and close[0] != word else ""
        fix = fix or (f"write {close[0]}" if close else "")
        self._add(path, f"{word!r} is not {what}{nearest}", f"one of {', '.join(known)}", fix, of_key=of_key)

    def _add(self, path: Keys, what: str, rule: str, fix: str = "", *, of_key: bool = True) -> None:
        place = self._document.place(path, of_key=of_key)
        self._errors.append((place, UsageError(what, where=f"{self._file}:{place}", rule=rule, fix=fix)))

    def _unreadable(self) -> UnreadableJourneyError:
        ordered = sorted(self._errors, key=lambda placed: (placed[0].line, placed[0].column))
        return UnreadableJourneyError(tuple(error for _, error in ordered))


def _named(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case str():
            return "a text"
        case list():
            return "a list"
    return "a mapping"


def _rule(error: ErrorDetails, known: Sequence[str]) -> str:
    """What pydantic expected, in a journey's words; ``known``: the keys of what stands there."""
    if error["type"] in {"model_type", "model_attributes_type", "dict_type"}:
        return "it should be a mapping" + (f" of {', '.join(known)}" if known else "")
    rule = error["msg"].removeprefix("Value error, ")
    return (rule[:1].lower() + rule[1:]).replace("input should", "it should")


def _owner(path: Keys, keys: Keys) -> str:
    """What has the last of ``keys``: ``click``, ``expect.report``, ``the journey``."""
    return _path(keys[:-1]) or ("a step" if path else "a journey")


def _path(keys: Keys) -> str:
    return ".".join(map(str, keys))


def _keys_of(model: type[BaseModel], keys: Keys) -> list[str]:
    """The keys that the model at ``keys`` below ``model`` has."""
    for key in keys:
        field = next((f for name, f in model.model_fields.items() if key in {name, f.alias}), None)
        found = None if field is None else _model_in(field.annotation)
        if found is None:
            return []
        model = found
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) is None and not isinstance(annotation, UnionType):
        return None
    arguments = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else get_args(annotation)[:1]
    return next((found for one in arguments if (found := _model_in(one)) is not None), None)
