"""What is found on this machine, every path in use, and how to mend what is wrong: for ``tallyhost doctor``."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from agent.browser.chromium import HOW_TO_GET, chromium_version, find_chromium, playwright_folder
from agent.cli.config import DEFAULT_FILE, FILE_VARIABLE, MEMORY, Config
from agent.cli.running import control_file, find_running
from agent.model.errors import HostEnvironmentError
from agent.version import version
from storage.database import MINIMUM_SQLITE

OLDEST_PYTHON = (3, 11)
CONFORMANCE_VARIABLE = "TALLYHOST_CONFORMANCE"
REPORT_FOLDER = Path("tallyhost-report")
"""Where the demo writes its report; its module needs the Playwright that may be what is missing."""
_ROOT = Path(__file__).parents[2]
_PROFILE_FILES = {"database": "tallyhost.sqlite3", "keys": "keys.json"}
_AT_FIRST_START = "made at the first start"


class Health(StrEnum):
    """What a finding means."""

    OK = "ok"
    NOTE = "note"
    """Something optional is not there."""
    FAIL = "FAIL"
    """Something essential is missing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor."""

    name: str
    health: Health
    found: str
    fix: str = ""


def examine(config: Config, config_file: Path | None) -> Iterator[Finding]:
    """Every finding, in the order in which it is shown."""
    yield _python()
    yield Finding("tallyhost", Health.OK, f"{version()}  {_ROOT}")
    yield _playwright()
    yield from _chromium(config)
    yield _sqlite()
    yield from _profile(config)
    yield _control(config)
    yield _config(config_file)
    yield _temporary()
    yield Finding("browsers", Health.OK, _marked(playwright_folder(), "where Playwright keeps what it downloads"))
    yield _report()
    yield _conformance()
    yield _node()


def _python() -> Finding:
    found = f"{platform.python_implementation()} {platform.python_version()}  {sys.executable}"
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Finding("python", Health.FAIL, found, "install Python 3.11 or newer")
    return Finding("python", Health.OK, found)


def _playwright() -> Finding:
    try:
        return Finding("playwright", Health.OK, metadata.version("playwright"))
    except metadata.PackageNotFoundError:
        return Finding("playwright", Health.FAIL, "not installed", "run `pip install playwright`")


def _chromium(config: Config) -> Iterator[Finding]:
    try:
        chromium = find_chromium(setting=config.chromium, headed=config.headed)
        found = f"{chromium_version(chromium)}  {chromium.path}  (from {chromium.origin})"
    except HostEnvironmentError as error:
        yield Finding("chromium", Health.FAIL, str(error).splitlines()[0], error.fix or HOW_TO_GET)
        return
    yield Finding("chromium", Health.OK, found)
    if os.geteuid() == 0:
        fix = "run as another user to have Chromium's sandbox"
        yield Finding("sandbox", Health.NOTE, "off: Chromium has none for root", fix)
    else:
        yield Finding("sandbox", Health.OK, "on")


def _sqlite() -> Finding:
    if sqlite3.sqlite_version_info < MINIMUM_SQLITE:
        fix = f"use a Python built with SQLite {'.'.join(map(str, MINIMUM_SQLITE))} or newer"
        return Finding("sqlite", Health.FAIL, sqlite3.sqlite_version, fix)
    return Finding("sqlite", Health.OK, sqlite3.sqlite_version)


def _profile(config: Config) -> Iterator[Finding]:
    if config.profile == MEMORY:
        yield Finding("profile", Health.OK, f"{MEMORY}  (nothing is left behind; --profile DIR keeps it)")
        yield Finding("database", Health.OK, f"{MEMORY}  (gone with the agent)")
        yield Finding("keys", Health.OK, "in the temporary folder, gone with the agent")
        return
    folder = Path(config.profile).expanduser().resolve()
    if (stop := _not_writable(folder)) is not None:
        yield Finding("profile", Health.FAIL, f"{stop} cannot be written", "name another folder with --profile")
    elif folder.exists() and any(folder.iterdir()) and not (folder / _PROFILE_FILES["database"]).exists():
        found = f"{folder} is not empty and holds no profile"
        yield Finding("profile", Health.FAIL, found, "name an empty or a new folder with --profile")
    else:
        yield Finding("profile", Health.OK, _marked(folder, _AT_FIRST_START))
    for name, file in _PROFILE_FILES.items():
        path = folder / file
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            fix = "make it readable and writable for you, or name another folder with --profile"
            yield Finding(name, Health.FAIL, f"{path} cannot be read and written", fix)
        else:
            yield Finding(name, Health.OK, _marked(path, _AT_FIRST_START))


def _control(config: Config) -> Finding:
    path = control_file(config.profile)
    running = find_running(config.profile)
    if running is None:
        if path.exists():
            return Finding("control", Health.NOTE, f"{path} cannot be read", "remove it; the next agent writes it anew")
        return Finding("control", Health.OK, _marked(path, "no agent running"))
    if not _is_alive(running.pid):
        found = f"{path}  present: left behind by process {running.pid}, which is gone"
        return Finding("control", Health.NOTE, found, "nothing to do, the next agent replaces it")
    return Finding("control", Health.OK, f"{path}  present: process {running.pid} at {running.address}")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _config(file: Path | None) -> Finding:
    absent = f"defaults apply; --config and {FILE_VARIABLE} name another"
    return Finding("config", Health.OK, _marked((file or DEFAULT_FILE).absolute(), absent))


def _temporary() -> Finding:
    fix = "free space in it, or set TMPDIR to a folder that you can write to"
    try:
        folder = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        return Finding("temporary", Health.FAIL, str(error), fix)
    if _not_writable(folder) is not None:
        return Finding("temporary", Health.FAIL, f"{folder} cannot be written", fix)
    return Finding("temporary", Health.OK, _marked(folder) + " (for the browser and the run's certificate authority)")


def _report() -> Finding:
    folder = REPORT_FOLDER.absolute()
    if (stop := _not_writable(folder)) is not None:
        return Finding("report", Health.NOTE, f"{stop} cannot be written", "run `tallyhost demo` in another folder")
    return Finding("report", Health.OK, _marked(folder, "`tallyhost demo` makes it"))


def _conformance() -> Finding:
    chosen = os.environ.get(CONFORMANCE_VARIABLE)
    folder = Path(chosen).absolute() if chosen else _ROOT.parent / "shared" / "conformance"
    if folder.is_dir():
        return Finding("conformance", Health.OK, _marked(folder))
    fix = f"set {CONFORMANCE_VARIABLE} to run the tests that use other projects' data"
    return Finding("conformance", Health.NOTE, _marked(folder), fix)


def _marked(path: Path, absent: str = "") -> str:
    """The path, and whether it is there; ``absent`` says what that means where it is not."""
    return f"{path}  present" if path.exists() else f"{path}  absent" + (f": {absent}" if absent else "")


def _not_writable(path: Path) -> Path | None:
    """What keeps ``path`` from being made or written: itself or the nearest folder above that is there; else None."""
    there = next(parent for parent in (path, *path.parents) if parent.exists())
    return None if there.is_dir() and os.access(there, os.R_OK | os.W_OK | os.X_OK) else there


def _node() -> Finding:
    node = shutil.which("node")
    if node is None:
        return Finding("node", Health.NOTE, "not found", "`make lint` checks the JavaScript only where node is")
    done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    return Finding("node", Health.OK, f"{done.stdout.strip()}  {node}")
