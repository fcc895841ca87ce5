"""What every test run has: the conformance folder, a Chromium or a loud failure, and one line on what was skipped."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from agent.browser.chromium import find_chromium
from tests.conformance_data import FOLDER, WHY_SKIPPED


@pytest.fixture(scope="session")
def conformance() -> Path:
    """The folder of other projects' test data; a test that uses it skips where there is none."""
    if not FOLDER.is_dir():
        pytest.skip(WHY_SKIPPED)
    return FOLDER


def pytest_configure() -> None:
    """Hear Ctrl-C: what runs in the background is made to ignore it, and so is all that the tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: at the end nobody waits for one worker that has such a file left."""
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A browser test without a Chromium fails: it is never a silent skip."""
    if item.get_closest_marker("browser") is not None:
        find_chromium()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line with what was skipped and why."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    told = "; ".join(f"{count} x {reason}" for reason, count in sorted(reasons.items()))
    terminalreporter.write_line(f"skipped: {told or 'nothing'}")
