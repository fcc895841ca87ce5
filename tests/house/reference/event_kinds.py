"""docs/reference/events.md: the kinds of events and what their data have, from docs/events.toml."""

from __future__ import annotations

import ast
import importlib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.conformance_data import REPOSITORY
from tests.house.reference.markdown import code, page, table

FILE = REPOSITORY / "docs" / "events.toml"
_MAKERS = ("Event", "stopped", "_by_owner")
"""What makes an event, of a kind that is named first."""
_INTRODUCTION = """Every decision leaves an event with its checks. `agent.events`, the timeline, `tallyhost explain` and
the control API read the one stream.

An event has a `kind`, a `time` (milliseconds since 1970 on the agent's clock), a `verdict`, a `summary` for people, the
top-level `site`, `data` in plain JSON, the `trace` of its checks, and its number, the `id`. A member of `data` is left
out where there is nothing to tell."""


def documented() -> dict[str, dict[str, str]]:
    """What the data of each kind of event have, by member."""
    return {kind: _members(entry) for entry in _table()["event"] for kind in entry["kinds"]}


def kinds_in_code() -> set[str]:
    """The kinds of the events that modules of the agent make, as far as they are named where an event is made."""
    return {kind for path in sorted((REPOSITORY / "agent").rglob("*.py")) for kind in _kinds_of(path)}


def events_page() -> str:
    """The text of the page."""
    return page("Events", _INTRODUCTION, _lines())


def _lines() -> Iterator[str]:
    for entry in _table()["event"]:
        yield f"## {', '.join(map(code, entry['kinds']))}"
        yield ""
        yield f"{entry['what'][:1].upper()}{entry['what'][1:]}. Verdicts: {entry['verdicts']}."
        yield ""
        yield from table(("Member of `data`", ""), ((code(name), words) for name, words in _members(entry).items()))


def _table() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text("utf-8"))


def _members(entry: Mapping[str, Any]) -> dict[str, str]:
    shared = _table()["shared"]
    return {**entry.get("data", {}), **{name: shared[name] for name in entry.get("shared", ())}}


def _kinds_of(path: Path) -> Iterator[str]:
    """The kinds that are a text, a constant of the module or a member of an enum."""
    tree = ast.parse(path.read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    for call in calls:
        told = [*(keyword.value for keyword in call.keywords if keyword.arg == "kind"), *call.args]
        if getattr(call.func, "id", "") not in _MAKERS or not told:
            continue
        kind = told[0]
        if isinstance(kind, ast.Constant):
            yield str(kind.value)
        elif isinstance(kind, ast.Name | ast.Attribute) and ast.unparse(kind).partition(".")[0][0].isupper():
            module = importlib.import_module(".".join(path.relative_to(REPOSITORY).with_suffix("").parts))
            yield str(eval(ast.unparse(kind), vars(module)))  # noqa: S307 - a name of our own module
