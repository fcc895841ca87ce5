"""Plain YAML with a place for each key and value: mappings, lists and text, and nothing that YAML can do beside.

Scalars stay text (null is None), so that ``1.50`` is typed into a field as it was written; whoever wants a number
makes one. Anchors, aliases and tags are refused, and so is what is nested deeper than any journey.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from agent.model.errors import UsageError

Path = tuple[str | int, ...]
"""Keys and positions that lead to a value."""
MAX_DEPTH = 16
_NULLS = {"", "~", "null", "Null", "NULL"}


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column, both from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


START = Place(1, 1)


@dataclass(frozen=True, slots=True)
class Document:
    """What a YAML text says, and where."""

    value: Any
    keys: Mapping[Path, Place] = field(default_factory=dict)
    """Where the key of an entry stands, or the dash's content of a list's."""
    values: Mapping[Path, Place] = field(default_factory=dict)

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        """Where the value at ``path`` stands, or its key; of what is not there, where its nearest parent is."""
        places = self.keys if of_key else self.values
        for length in range(len(path), -1, -1):
            if (place := places.get(path[:length])) is not None:
                return place
            places = self.keys
        return START


def read_document(text: str, file: str) -> Document:
    """The one document in ``text``. Raises UsageError with ``file:line:column`` for what is no plain YAML."""
    try:
        _refuse_extras(text, file)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = START if mark is None else _place(mark)
        told = " ".join(filter(None, (error.problem, error.context)))
        raise UsageError(
            f"this is no YAML: {told}", where=f"{file}:{place}", rule="a journey is one YAML document"
        ) from None
    except yaml.YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        what = f"this is no YAML: {str(error).splitlines()[0]}"
        raise UsageError(what, where=f"{file}:{line}:1", rule="a journey is UTF-8 text") from None
    if root is None:
        return Document(None)
    keys: dict[Path, Place] = {}
    values: dict[Path, Place] = {}
    return Document(_plain(root, (), file, keys, values), keys, values)


def _refuse_extras(text: str, file: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _refused("anchors and aliases are not for journeys", event, file, "write the value out")
        if isinstance(event, yaml.NodeEvent) and (tag := getattr(event, "tag", None)):
            raise _refused(f"tags are not for journeys: {tag}", event, file, "remove the tag")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _refused("this is nested too deep", event, file, f"at most {MAX_DEPTH} levels")


def _refused(what: str, event: yaml.Event, file: str, fix: str) -> UsageError:
    where = f"{file}:{_place(event.start_mark)}"
    return UsageError(what, where=where, rule="a journey has mappings, lists and text alone", fix=fix)


def _plain(node: yaml.Node, path: Path, file: str, keys: dict[Path, Place], values: dict[Path, Place]) -> Any:
    values[path] = _place(node.start_mark)
    if isinstance(node, yaml.MappingNode):
        table: dict[str, Any] = {}
        for name, key, value in _entries(node, file):
            where = (*path, name)
            if name in table:
                raise UsageError(
                    f"{name!r} stands here for the second time; the first is in line {keys[where].line}",
                    where=f"{file}:{_place(key.start_mark)}",
                    rule="each key stands once",
                )
            keys[where] = _place(key.start_mark)
            table[name] = _plain(value, where, file, keys, values)
        return table
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            keys[*path, position] = _place(item.start_mark)
        return [_plain(item, (*path, position), file, keys, values) for position, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)
    return None if node.style is None and node.value in _NULLS else node.value


def _entries(node: yaml.MappingNode, file: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise UsageError(
                "a key must be text", where=f"{file}:{_place(key.start_mark)}", rule="each key is one word"
            )
        yield key.value, key, value


def _place(mark: Any) -> Place:
    """The place of a mark of PyYAML's."""
    return Place(mark.line + 1, mark.column + 1)
