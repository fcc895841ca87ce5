"""docs/reference says what the code has: every name in it exists, and every name that exists is in it."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from agent import pytest_fixtures, pytest_shared, pytest_sync
from agent.cli.config import TABLES, Config
from agent.expectations import SUBJECTS
from agent.pytest_support.choices import KEYS
from tests.conformance_data import REPOSITORY
from tests.house.reference.commands import commands
from tests.house.reference.configuration import keys
from tests.house.reference.fixtures import fixtures, plugin_options
from tests.house.reference.pages import FOLDER, PAGES
from tests.house.reference.verdicts import VERDICTS


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    assert PAGES[name]() == (FOLDER / name).read_text("utf-8"), "python -m tests.house.reference writes it anew"


def test_every_page_is_made_from_the_code() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def test_every_command_and_every_flag_has_a_place_and_words() -> None:
    text = (FOLDER / "commands.md").read_text("utf-8")
    told = set(re.findall(r"^##+ tallyhost (.+)$", text, re.MULTILINE))
    flags = dict(re.findall(r"^\| `(--?[a-z][^`]*)` \| (.*?) \|", text, re.MULTILINE))
    named = {flag for line in flags for flag in re.findall(r"--[a-z][a-z-]*", line)}
    assert told == {name for name, _ in commands()}
    assert {name for name, command in commands() if not command.help} == set()
    assert {
        option
        for _, command in commands()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and not getattr(parameter, "hidden", False)
    } - {"--help"} <= named
    assert [line for line, words in flags.items() if not words] == []


def test_every_setting_has_words() -> None:
    assert [key for key, field in Config.model_fields.items() if not field.description] == []
    text = (FOLDER / "configuration.md").read_text("utf-8")
    told = re.findall(r"^(?:\| `([a-z_]+)` \| |## `\[([a-z_]+)\]`)", text, re.MULTILINE)
    assert {key or table for key, table in told} >= set(keys())
    assert {table for _, table in told if table} == set(TABLES)


def test_every_number_and_switch_of_every_table_has_words() -> None:
    text = (FOLDER / "configuration.md").read_text("utf-8")
    told = dict(re.findall(r"^## `\[(\w+)\]`\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    words = {name: dict(re.findall(r"^\| `(\w+)` \| (.*?) \| ", rows, re.MULTILINE)) for name, rows in told.items()}
    assert {name: set(rows) for name, rows in words.items()} == {
        name: {field.name for field in fields(limits)} for name, limits in TABLES.items()
    }
    assert [f"{table}.{key}" for table, rows in words.items() for key, meaning in rows.items() if not meaning] == []


def test_every_verdict_has_a_meaning() -> None:
    text = (FOLDER / "verdicts.md").read_text("utf-8")
    rows = re.findall(r"^\| `(.+?)` \| (.*) \|$", text, re.MULTILINE)
    assert [verdict for verdict, meaning in rows if not meaning] == []
    assert {verdict for verdict, _ in rows} == {member.value for enum in VERDICTS for member in enum}


def test_every_fixture_option_and_key_has_words() -> None:
    text = (FOLDER / "pytest.md").read_text("utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    assert [row for row in rows if not row[-1].strip(" |") and len(row) == 2] == []
    told = {row[0].strip("| `").partition(" ")[0] for row in rows}
    options = plugin_options()
    names = [name for module in (pytest_fixtures, pytest_shared, pytest_sync) for name, _, _ in fixtures(module)]
    assert {"agent", "sync_agent", "reporting", "sync_reporting"} <= set(names)
    assert {*names, *KEYS, *SUBJECTS["source"].members} <= told
    assert {name.partition(" ")[0] for name, _ in options.options} | {name for name, _, _ in options.ini} <= told


def test_what_the_documents_point_at_exists() -> None:
    links = [
        (path, target)
        for path in sorted((REPOSITORY / "docs").rglob("*.md"))
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text("utf-8"))
    ]
    assert [(path, target) for path, target in links if not (path.parent / target).exists()] == []
