"""A place in a JSON header: its value, its path, and the problems that reading it brings up."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from agent.engines.attribution_reporting.json_text import JsonError, read_json
from agent.model.attribution_reporting.registrations import Issue, Parsed, Severity

T = TypeVar("T")
Path = tuple[str | int, ...]

MOST_PROBLEMS: Final = 1000
"""Errors, and warnings, that are kept of one header, so that a hostile one cannot fill the memory."""
MOST_PATH_TEXT: Final = 100_000
"""Characters that the paths of a header's problems have together, after the first; a path has the header's keys."""
_SHOWN = 40
"""Characters of a value that a message shows."""


class Problems:
    """The problems of one header, in the order found."""

    def __init__(self) -> None:
        self.errors: list[Issue] = []
        self.warnings: list[Issue] = []
        self._room = MOST_PATH_TEXT

    def add(self, issue: Issue) -> None:
        """Keep one problem, while there are not too many."""
        kept = self.errors if issue.severity is Severity.ERROR else self.warnings
        length = sum(len(step) for step in issue.path or () if isinstance(step, str))
        if not kept or (len(kept) < MOST_PROBLEMS and length <= self._room):
            kept.append(issue)
            self._room -= length

    def add_as_warnings(self, others: Problems) -> None:
        """Keep the problems of a part that is dropped without refusing the whole."""
        for issue in (*others.errors, *others.warnings):
            self.add(replace(issue, severity=Severity.WARNING))

    def result(self, value: T) -> Parsed[T]:
        """The parsed header: ``value`` counts only where there are no errors."""
        return Parsed(None if self.errors else value, tuple(self.errors), tuple(self.warnings))


@dataclass(frozen=True, slots=True)
class Node:
    """One place of a header."""

    value: Any
    """Plain JSON."""
    path: Path
    problems: Problems

    def error(self, message: str, rule: str = "", fix: str = "") -> None:
        """Note a problem that refuses the header."""
        self.problems.add(Issue(self.path, message, rule, fix))

    def warning(self, message: str, rule: str = "", fix: str = "") -> None:
        """Note a problem that costs no more than this place."""
        self.problems.add(Issue(self.path, message, rule, fix, Severity.WARNING))

    def unlike(self, rule: str, fix: str = "") -> None:
        """Note that the value is not what the rule wants."""
        self.error(f"is {shown(self.value)}", rule, fix)

    def at(self, key: str | int, value: Any) -> Node:
        """The place below this one."""
        return Node(value, (*self.path, key), self.problems)

    def member(self, key: str) -> Node | None:
        """The member of an object, or None where it is absent."""
        return self.at(key, self.value[key]) if key in self.value else None

    def members(self) -> Iterator[tuple[str, Node]]:
        """The members of an object."""
        for key, value in self.value.items():
            yield key, self.at(key, value)

    def entries(self) -> Iterator[Node]:
        """The entries of a list."""
        for position, value in enumerate(self.value):
            yield self.at(position, value)

    def required(self, key: str) -> Node | None:
        """The member of an object; its absence is an error."""
        node = self.member(key)
        if node is None:
            self.at(key, None).error("is missing", "required", f'add "{key}"')
        return node

    def warn_of_unknown(self, known: Container[str]) -> None:
        """Tell of the members of an object that mean nothing."""
        for key in self.value:
            if key not in known:
                self.at(key, None).warning("is an unknown field and is ignored")

    def is_object(self) -> bool:
        """Whether the value is an object; else that is an error."""
        if isinstance(self.value, dict):
            return True
        self.unlike("an object")
        return False

    def is_list(self) -> bool:
        """Whether the value is a list; else that is an error."""
        if isinstance(self.value, list):
            return True
        self.unlike("a list")
        return False


def read_root(header: bytes, problems: Problems) -> Node | None:
    """The root of a JSON header, or None with an error where it is no JSON object."""
    try:
        root = Node(read_json(header), (), problems)
    except JsonError as error:
        problems.add(Issue(None, str(error), "JSON (RFC 8259) in UTF-8"))
        return None
    return root if root.is_object() else None


def optional(parent: Node, key: str, read: Callable[[Node], T | None], default: T) -> T:
    """What ``read`` makes of a member; the default where it is absent, or wrong and told."""
    node = parent.member(key)
    value = None if node is None else read(node)
    return default if value is None else value


def shown(value: Any) -> str:
    """A JSON value in a few words."""
    if isinstance(value, dict):
        return "an object" if value else "an empty object"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        cut = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
        return f"the string {json.dumps(cut, ensure_ascii=False)}"
    return f"the number {value}"
