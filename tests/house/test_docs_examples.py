"""Every example of the README is run, as somebody would who follows it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conformance_data import REPOSITORY
from tests.pytest_projects import run_project, write_project
from tests.test_pytest_readme import pytest_blocks

README = (REPOSITORY / "README.md").read_text("utf-8")
COLLECTOR = "open_collector"
"""A word of the example that tests/runtime/test_collecting.py runs."""
_SOURCE = '{"destination": "https://shop.test", "source_event_id": "7", "debug_key": "1"}'
_TRIGGER = '{"event_trigger_data": [{"trigger_data": "1"}]}'
_REACH = """
<script>
(async () => {
  await sharedStorage.worklet.addModule("reach.js");
  await sharedStorage.run("reach");
})();
</script>
"""


@dataclass(frozen=True, slots=True)
class Example:
    """An example: a word that is in it alone, the pages that it needs, and what it prints."""

    word: str
    pages: Mapping[str, str]
    prints: str = ""


SCRIPTS = (
    Example("saveImpression({histogramIndex: 3", {"news/index.html": "news"}, r"\(0, 0, 0, 1, 0\)\n"),
    Example(
        "# past every reporting window",
        {
            "news/index.html": '<img attributionsrc="https://adtech.test/source">',
            "shop/thanks/index.html": '<img src="https://adtech.test/trigger">',
        },
        r"event-level sent EventLevelContent\(.*source_event_id=7.*\n",
    ),
    Example(
        "# the same frame, and it is counted no more",
        {
            "adtech/index.html": _REACH,
            "news/index.html": '<iframe src="https://adtech.test/"></iframe>',
            "blog/index.html": '<iframe src="https://adtech.test/"></iframe>',
        },
        r"\(Contribution\(bucket=1234, value=128.*\n.*Entry\(key='counted', value='yes'.*\n",
    ),
)
TESTS = (
    Example(
        "expect_event_level(source_event_id=7",
        {
            "news/index.html": '<img attributionsrc="https://adtech.test/source">',
            "shop/index.html": '<img src="https://adtech.test/trigger">',
        },
        "1 passed",
    ),
)
"""Examples that are tests; what they print is pytest's last line. Those of a section of their own are run by theirs."""


def blocks(language: str) -> list[str]:
    """The README's fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def block(word: str) -> str:
    """The one Python example with ``word`` in it."""
    (found,) = [each for each in blocks("python") if word in each and each not in pytest_blocks()]
    return found


class _Server(BaseHTTPRequestHandler):
    """What the examples map to ``http://localhost:3000``: a shop's page, and an ad tech's registrations."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        if self.path == "/source":
            self.send_header("Attribution-Reporting-Register-Source", _SOURCE)
        if self.path == "/trigger":
            self.send_header("Attribution-Reporting-Register-Trigger", _TRIGGER)
        self.end_headers()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of the server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in ``folder``, with this tallyhost."""
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def pages_of(example: Example, folder: Path) -> None:
    """Write what the example serves."""
    for name, text in example.pages.items():
        path = folder / "pages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<!doctype html><title>example</title>{text}", encoding="utf-8")
    (script,) = blocks("js")
    (folder / "pages" / "adtech").mkdir(parents=True, exist_ok=True)
    (folder / "pages" / "adtech" / "reach.js").write_text(script, encoding="utf-8")


def test_every_python_example_is_run() -> None:
    words = [*(example.word for example in (*SCRIPTS, *TESTS)), COLLECTOR]
    assert sorted([*map(block, words), *pytest_blocks()]) == sorted(blocks("python"))


@pytest.mark.browser
@pytest.mark.parametrize("example", SCRIPTS, ids=lambda example: example.word)
def test_a_script_prints_what_it_says(example: Example, server: str, tmp_path: Path) -> None:
    pages_of(example, tmp_path)
    text = block(example.word).replace("http://localhost:3000", server)
    if "asyncio.run" not in text:
        text = f"import asyncio\n\nfrom agent.runtime import Agent\n\n{text}\nasyncio.run(main())\n"
    (tmp_path / "script.py").write_text(text, encoding="utf-8")
    done = run(tmp_path, "script.py")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(example.prints, done.stdout), done.stdout


@pytest.mark.browser
@pytest.mark.parametrize("example", TESTS, ids=lambda example: example.word)
def test_a_test_passes(example: Example, tmp_path: Path) -> None:
    write_project(tmp_path, block(example.word))
    pages_of(example, tmp_path)
    done = run_project(tmp_path)
    assert example.prints in done.stdout, done.stdout + done.stderr


@pytest.mark.browser
def test_the_journey_passes(server: str, tmp_path: Path) -> None:
    (text,) = blocks("yaml")
    write_project(tmp_path, "")
    (tmp_path / "sale.yaml").write_text(text.replace("http://localhost:3000", server), encoding="utf-8")
    done = run(tmp_path, "-m", "agent", "run", "sale.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
