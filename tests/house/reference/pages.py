"""The pages, by file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.conformance_data import REPOSITORY
from tests.house.reference.commands import commands_page
from tests.house.reference.configuration import configuration_page
from tests.house.reference.control_api import control_api_page
from tests.house.reference.event_kinds import events_page
from tests.house.reference.fixtures import pytest_page
from tests.house.reference.python_api import python_page
from tests.house.reference.verdicts import verdicts_page

FOLDER = REPOSITORY / "docs" / "reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "configuration.md": configuration_page,
    "control-api.md": control_api_page,
    "events.md": events_page,
    "pytest.md": pytest_page,
    "python.md": python_page,
    "verdicts.md": verdicts_page,
}
"""File and what makes its text."""
