"""Runs the scripts behind the captures of real Chromium against the agent, and says what differs.

``python -m tests.conformance.captures`` runs every capture that is compared and writes ``docs/real-chromium.md``.
"""

from __future__ import annotations

import asyncio
import difflib
import importlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conformance_data import FOLDER, REPOSITORY

AGENT = "py:tests.conformance.real_chromium:launch"
REFERENCE = "chromium143"
COMPARED = ("ara", "auction", "pa", "ss")
"""Families of captures whose API the agent has."""
TABLE = REPOSITORY / "docs" / "real-chromium.md"
REASONS: Mapping[str, str] = {}
"""By capture: why it differs from real Chromium's. One that does not differ has no place here."""
_SECONDS = 90
_HEAD = """# Against captures of real Chromium

The scripts that drove real Chromium 143 drive the agent, and both captures are compared: every request with the headers
that the APIs decide, every report with its key order and its opened payload, every result and exception message in the
page. Left out are the console, and what is random or told by the clock. Made by `python -m tests.conformance.captures`.
"""


def names() -> list[str]:
    """The captures that are compared, such as ``ara/event_basic``."""
    folder = FOLDER / "real-chromium" / "goldens" / REFERENCE
    return [
        path.stem.replace("__", "/", 1)
        for path in sorted(folder.glob("*.json"))
        if path.stem.partition("__")[0] in COMPARED
    ]


async def difference(name: str) -> list[str]:
    """The lines of a unified diff between real Chromium's capture ``name`` and the agent's; none where they are equal.

    Raises AssertionError where the script did not come to its end.
    """
    with _scripts():
        run = importlib.import_module("oracle.run").run
        with tempfile.TemporaryDirectory() as folder:
            await run(AGENT, Path(folder), name, _SECONDS)
            ours = _read(Path(folder), name)
        theirs = _read(FOLDER / "real-chromium" / "goldens" / REFERENCE, name)
        assert ours["ok"], ours.get("error")
        return list(difflib.unified_diff(_lines(theirs), _lines(ours), "real Chromium", "agent", n=2, lineterm=""))


def table(differences: Mapping[str, Sequence[str]]) -> str:
    """The text of ``docs/real-chromium.md``."""
    rows = [
        f"| {name} | {REASONS.get(name, 'not explained') if lines else 'equal'} |"
        for name, lines in differences.items()
    ]
    return "\n".join([_HEAD, "| capture | result |", "|---|---|", *rows, ""])


@contextmanager
def _scripts() -> Iterator[None]:
    """The captures' own packages can be imported, and leave nothing behind in their folder."""
    folder, kept = str(FOLDER / "real-chromium"), sys.dont_write_bytecode
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = kept
        sys.path.remove(folder)


def _read(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name.replace('/', '__')}.json").read_text("utf-8"))


def _lines(capture: Any) -> list[str]:
    normalize = importlib.import_module("oracle.normalize").normalize
    return json.dumps(normalize(capture, console=False), indent=1, sort_keys=True, ensure_ascii=False).splitlines()


async def _main() -> None:
    TABLE.write_text(table({name: await difference(name) for name in names()}), "utf-8")


if __name__ == "__main__":
    asyncio.run(_main())
