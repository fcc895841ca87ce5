"""What README.md and docs name exists."""

from __future__ import annotations

import re

from agent.cli.main import COMMANDS
from tests.conformance_data import REPOSITORY
from tests.house.reference.pages import FOLDER
from tests.house.reference.python_api import facades
from tests.house.reference.signatures import methods

README = (REPOSITORY / "README.md").read_text("utf-8")
BY_HAND = [README, *(path.read_text("utf-8") for path in sorted((REPOSITORY / "docs").glob("*.md")))]


def test_every_command_that_is_named_exists() -> None:
    named = {name for text in BY_HAND for name in re.findall(r"tallyhost ([a-z]+(?:-[a-z]+)?)\b(?=[^\n`]*`)", text)}
    assert {"demo", "up", "explain"} <= named
    assert named <= set(COMMANDS)


def test_every_method_of_the_agent_s_parts_that_the_readme_names_exists() -> None:
    (paragraph,) = re.findall(r"^`agent\.clock` tells.*?(?=\n\n)", README, re.MULTILINE | re.DOTALL)
    existing = {name: {signature.partition("(")[0] for signature, _ in methods(cls)} for name, cls in facades()}
    told = re.split(r"`agent\.(\w+)`", paragraph.partition(" `private=True`")[0])[1:]
    for name, words in zip(told[::2], told[1::2], strict=True):
        asked = set(re.findall(r"`(\w+)\(", words))
        assert asked <= {one.removeprefix("await ") for one in existing[name]}, name


def test_the_readme_leads_to_every_page_of_the_reference() -> None:
    assert {path.name for path in FOLDER.iterdir()} <= set(re.findall(r"docs/reference/([\w-]+\.md)", README))


def test_the_readme_leads_to_every_document() -> None:
    documents = {path.name for path in (REPOSITORY / "docs").glob("*.md")}
    assert documents <= set(re.findall(r"docs/([\w-]+\.md)", README))


def test_every_heading_that_is_linked_to_is_there() -> None:
    anchors = {
        re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")
        for head in re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", README)) <= anchors
