"""Projects of their own for the plugin's tests: pytest is run there as its users run it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

from tests.conformance_data import REPOSITORY

SETTINGS = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = session
"""
PAGES = {
    "news/index.html": """<!doctype html><title>News</title>
<a href="https://shop.test/" attributionsrc="https://adtech.test/source">Summer sale</a>""",
    "shop/index.html": """<!doctype html><title>Shop</title>
<button onclick="new Image().src = 'https://adtech.test/trigger'">Buy now</button>""",
    "adtech/index.html": "<!doctype html><title>Ad tech</title>",
    "adtech/reach.js": """register("reach", class {
  async run() { privateAggregation.contributeToHistogram({ bucket: 1234n, value: 128 }); }
});""",
}
OTHERS = ("playwright", "playwright-asyncio")
"""Plugins that run beside ours only where a test says so."""


def write_project(folder: Path, tests: str, *, settings: str = SETTINGS, name: str = "test_mine.py") -> None:
    """A project with one file of tests, and pages of a news site, of a shop and of an ad tech."""
    (folder / "pytest.ini").write_text(settings)
    (folder / name).write_text(tests)
    for path, text in PAGES.items():
        file = folder / "pages" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def run_project(folder: Path, *arguments: str, beside: str = "") -> subprocess.CompletedProcess[str]:
    """Run pytest in ``folder``, ``beside`` the plugin of that name; ours is named where no installed tallyhost is."""
    installed = any(one.name == "tallyhost" for one in entry_points(group="pytest11"))
    plugins = [] if installed else ["-p", "agent.pytest_plugin"]
    plugins += [part for other in OTHERS if other != beside for part in ("-p", f"no:{other}")]
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "-p", "no:cacheprovider", *arguments],
        cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
