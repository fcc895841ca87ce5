"""docs/reference/pytest.md: fixtures, the marker, options, ini keys, and what can be expected of an agent."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from agent import pytest_fixtures, pytest_plugin, pytest_shared, pytest_sync
from agent.expectations import SUBJECTS, Expectations
from agent.pytest_support.choices import KEYS
from agent.pytest_support.clock import TestClock
from agent.pytest_support.reporting import Reporting
from agent.pytest_support.sites import Sites
from agent.pytest_support.summary import Summary
from tests.house.reference.markdown import code, first_line, page, table
from tests.house.reference.signatures import methods

_INTRODUCTION = """What the package brings for pytest (`pip install 'tallyhost[pytest]'`).

Asynchronous tests need pytest-asyncio; the fixtures with the prefix `sync_` need nothing, and wait by themselves."""
_OBJECTS = {"reporting": Reporting, "sites": Sites, "clock": TestClock, "summary": Summary}
"""Fixtures that give an object of ours."""
_OF_THE_PLUGIN = {"attach", "detach", "hold", "release", "close"}
"""Methods that other fixtures call."""


@dataclass(slots=True)
class PluginOptions:
    """Stands for pytest's parser, and keeps what it is told."""

    options: list[tuple[str, str]] = field(default_factory=list)
    ini: list[tuple[str, str, str]] = field(default_factory=list)

    def getgroup(self, _: str) -> PluginOptions:
        """The same for a group."""
        return self

    def addoption(self, name: str, **about: Any) -> None:
        """Keep an option."""
        choices = " ".join(["", *(["|".join(about["choices"])] if "choices" in about else [])])
        self.options.append((name + choices, about["help"]))

    def addini(self, name: str, help: str, *, default: object = "", **_: object) -> None:  # noqa: A002 - pytest's name
        """Keep a key of the ini file."""
        self.ini.append((name, help, str(default)))


def plugin_options() -> PluginOptions:
    """What the plugin adds to pytest's command line and ini file."""
    told = PluginOptions()
    pytest_plugin.pytest_addoption(told)  # type: ignore[arg-type]
    return told


def fixtures(module: ModuleType) -> Iterator[tuple[str, str, str]]:
    """Name, scope and docstring of each fixture of a module."""
    for node in ast.parse(inspect.getsource(module)).body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for decorator in node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(called, ast.Attribute) and called.attr == "fixture":
                keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
                scopes = [ast.literal_eval(each.value) for each in keywords if each.arg == "scope"]
                yield node.name, (scopes or ["function"])[0], first_line(ast.get_docstring(node))


def pytest_page() -> str:
    """The text of the page."""
    return page("In pytest", _INTRODUCTION, _lines())


def _lines() -> Iterator[str]:
    told = plugin_options()
    for heading, modules in (("Fixtures", (pytest_fixtures, pytest_shared)), ("Synchronous fixtures", (pytest_sync,))):
        yield f"## {heading}"
        yield ""
        rows = [(code(name), scope, words) for module in modules for name, scope, words in fixtures(module)]
        yield from table(("Fixture", "Scope", ""), rows)
    for name, cls in _OBJECTS.items():
        yield f"### {code(name)}"
        yield ""
        yield f"{first_line(cls.__doc__)}"
        yield ""
        yield from table(
            ("", ""), ((code(signature), words) for signature, words in methods(cls, without=_OF_THE_PLUGIN))
        )
    yield "## The marker `agent`, and the keys of `agent_params`"
    yield ""
    yield from table(("Key", ""), ((code(key), words) for key, words in KEYS.items()))
    yield "## Options"
    yield ""
    yield from table(("Option", ""), ((code(name), words) for name, words in told.options))
    yield "## Keys of the ini file"
    yield ""
    yield from table(("Key", "", "Default"), ((code(name), words, code(default)) for name, words, default in told.ini))
    yield "## What can be expected"
    yield ""
    yield "`from agent.expectations import expect`, then `await expect(agent).to_have_source(...)`."
    yield ""
    yield from table(("", ""), ((code(signature), words) for signature, words in methods(Expectations)))
    for name, subject in SUBJECTS.items():
        yield f"### Members of {'an' if name[0] in 'aeiou' else 'a'} {name}"
        yield ""
        yield from table(("Member", ""), ((code(member), words) for member, words in subject.members.items()))
