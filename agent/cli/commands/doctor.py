"""``tallyhost doctor``: what was found on this machine, every path in use, and how to mend what is wrong."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

import rich_click as click

from agent.browser.chromium import HOW_TO_GET, chromium_version, find_chromium
from agent.cli.config import MEMORY, Config
from agent.cli.running import control_file
from agent.cli.session import AGENT_FLAGS, Session, with_session
from agent.model.errors import HostEnvironmentError
from agent.version import version
from storage.database import MINIMUM_SQLITE

OLDEST_PYTHON = (3, 11)
CONFORMANCE_VARIABLE = "TALLYHOST_CONFORMANCE"


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


@click.command("doctor")
@with_session(*AGENT_FLAGS)
def doctor(session: Session) -> int:
    """Say what was found on this machine and how to mend what is wrong."""
    findings = list(examine(session.config, session.effective.file))
    failed = any(finding.health is Health.FAIL for finding in findings)
    if session.output.as_json:
        session.output.document({"ok": not failed, "findings": [asdict(finding) for finding in findings]})
    styles = {Health.OK: "green", Health.NOTE: "yellow", Health.FAIL: "bold red"}
    for finding in findings:
        fix = f"  ->  {finding.fix}" if finding.fix else ""
        session.output.line(f"{finding.health:<5} {finding.name:<12} {finding.found}{fix}", styles[finding.health])
    return HostEnvironmentError.exit_code if failed else 0


def examine(config: Config, config_file: Path | None) -> Iterator[Finding]:
    """Every finding, in the order in which it is shown."""
    yield _python()
    yield Finding("tallyhost", Health.OK, f"{version()}  {Path(__file__).parents[2]}")
    yield _playwright()
    yield from _chromium(config)
    yield _sqlite()
    yield _profile(config)
    yield Finding("control", Health.OK, str(control_file(config.profile)))
    yield Finding(
        "config", Health.OK, str(config_file.resolve()) if config_file else "no tallyhost.toml here: defaults"
    )
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


def _profile(config: Config) -> Finding:
    if config.profile == MEMORY:
        return Finding("profile", Health.OK, f"{MEMORY}  (nothing is left behind; --profile DIR keeps it)")
    folder = Path(config.profile).expanduser().resolve()
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Finding("profile", Health.FAIL, f"{there} cannot be written", "name another folder with --profile")
    return Finding("profile", Health.OK, str(folder) if folder.exists() else f"{folder}  (made at the first start)")


def _conformance() -> Finding:
    folder = Path(os.environ.get(CONFORMANCE_VARIABLE, "../shared/conformance")).resolve()
    if folder.is_dir():
        return Finding("conformance", Health.OK, str(folder))
    fix = f"set {CONFORMANCE_VARIABLE} to run the tests that use other projects' data"
    return Finding("conformance", Health.NOTE, f"{folder} is not there", fix)


def _node() -> Finding:
    node = shutil.which("node")
    if node is None:
        return Finding("node", Health.NOTE, "not found", "`make lint` checks the JavaScript only where node is")
    done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    return Finding("node", Health.OK, f"{done.stdout.strip()}  {node}")
