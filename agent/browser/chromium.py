"""Finding a Chromium, and getting one where there is none.

Order of search: the ``chromium`` setting (``TALLYHOST_CHROMIUM``), what set-up chose and recorded in the virtual
environment, Playwright's own download, the system's Chromium or Chrome. ``python -m agent.browser.chromium`` is the
set-up step: it prints the Chromium that it found or fetched and records it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from agent.model.errors import HostEnvironmentError, TallyhostError

SETTING = "TALLYHOST_CHROMIUM"
HEADLESS_SHELL = "chromium-headless-shell"
HOW_TO_GET = (
    "run `playwright install chromium-headless-shell` (`playwright install chromium` for --headed), install Chromium "
    f"or Chrome with your system's package manager, or set {SETTING} to the path of one"
)
_SYSTEM_COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MAC_APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_EXECUTABLE_NAMES = ("headless_shell", "chrome-headless-shell", "chrome", "Chromium", "Google Chrome for Testing")
_VERSION_TIMEOUT = 30
_DOWNLOAD_TIMEOUT = 300
_PACKAGE_TIMEOUT = 900


class Origin(StrEnum):
    """Which way a Chromium was found."""

    SETTING = "setting"
    PLAYWRIGHT = "playwright"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Chromium:
    """A Chromium executable."""

    path: Path
    origin: Origin
    headless_only: bool = False
    """Whether this is Playwright's headless shell, which cannot show a window."""


def find_chromium(*, setting: str | Path | None = None, headed: bool = False) -> Chromium:
    """The Chromium to launch; nothing is started or downloaded to find it.

    Raises HostEnvironmentError, exit code 3, when there is none or when ``setting`` names none.
    """
    if chosen := setting or os.environ.get(SETTING):
        return _from_setting(Path(chosen).expanduser(), "setting chromium" if setting else SETTING)
    for candidate in _candidates():
        if not (headed and candidate.headless_only):
            return candidate
    raise _missing()


def chromium_version(chromium: Chromium) -> str:
    """What ``--version`` prints, for example ``Chromium 156.0.8078.73``.

    Raises HostEnvironmentError when the executable does not start, as with missing system libraries.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the path was found by find_chromium or set by the user
            [chromium.path, "--version"], capture_output=True, text=True, timeout=_VERSION_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _does_not_start(chromium.path, str(error)) from error
    if done.returncode != 0 or not done.stdout.strip():
        raise _does_not_start(chromium.path, (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1])
    return done.stdout.strip().splitlines()[-1]


def ensure_chromium() -> Chromium:
    """A Chromium that starts: one that is there, else Playwright's download, the system's, the distribution's package.

    The choice is recorded in the virtual environment. Raises HostEnvironmentError when every way failed.
    """
    if os.environ.get(SETTING):
        chromium = find_chromium()
        chromium_version(chromium)
        return chromium
    chromium = _recorded() or _playwright_download() or _system_or_package()
    chromium_version(chromium)
    _record(chromium)
    return chromium


def _playwright_download() -> Chromium | None:
    if (there := _first_that_starts(_from_playwright())) is not None:
        return there
    _say("no Chromium of Playwright's yet: downloading it")
    command = [sys.executable, "-m", "playwright", "install", HEADLESS_SHELL]
    if not _run(command, _DOWNLOAD_TIMEOUT, PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT="15000"):
        _say("Playwright's download is not to be had here: looking for the system's Chromium")
    return _first_that_starts(_from_playwright())


def _system_or_package() -> Chromium:
    if (there := _first_that_starts(_from_system())) is not None:
        return there
    apt = shutil.which("apt-get")
    if apt is not None and os.geteuid() == 0:
        _say("no Chromium on this system: installing the distribution's package")
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        _run([apt, "update"], _PACKAGE_TIMEOUT, **quiet)
        _run([apt, "install", "-y", "chromium"], _PACKAGE_TIMEOUT, **quiet)
        if (installed := _first_that_starts(_from_system())) is not None:
            return installed
    raise _missing()


def _candidates() -> Iterator[Chromium]:
    if (recorded := _recorded()) is not None:
        yield recorded
    yield from _from_playwright()
    yield from _from_system()


def _from_setting(path: Path, where: str) -> Chromium:
    found = shutil.which(path)
    if found is None:
        raise HostEnvironmentError(
            f"{path} is no executable file", where=where, rule="it names the Chromium to launch", fix=HOW_TO_GET
        )
    return Chromium(Path(found), Origin.SETTING, headless_only=path.name in _EXECUTABLE_NAMES[:2])


def _from_playwright() -> Iterator[Chromium]:
    revisions = _playwright_revisions()
    for name in (HEADLESS_SHELL, "chromium"):
        folder = playwright_folder() / f"{name.replace('-', '_')}-{revisions.get(name, '')}"
        if (folder / "INSTALLATION_COMPLETE").exists():
            for path in sorted(folder.glob("*/**/*")):
                if path.name in _EXECUTABLE_NAMES and path.is_file() and os.access(path, os.X_OK):
                    yield Chromium(path, Origin.PLAYWRIGHT, headless_only=name == HEADLESS_SHELL)
                    break


def _playwright_revisions() -> dict[str, str]:
    spec = importlib.util.find_spec("playwright")
    if spec is None or not spec.submodule_search_locations:
        return {}
    listing = Path(spec.submodule_search_locations[0]) / "driver" / "package" / "browsers.json"
    browsers = json.loads(listing.read_text(encoding="utf-8"))["browsers"]
    return {browser["name"]: browser["revision"] for browser in browsers}


def playwright_folder() -> Path:
    """Where Playwright keeps its downloads."""
    if chosen := os.environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        return Path(chosen)
    cache = Path.home() / "Library/Caches" if sys.platform == "darwin" else Path.home() / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME", cache) if sys.platform != "darwin" else cache) / "ms-playwright"


def _from_system() -> Iterator[Chromium]:
    for name in (*_SYSTEM_COMMANDS, *_MAC_APPLICATIONS):
        if (found := shutil.which(name)) is not None:
            yield Chromium(Path(found), Origin.SYSTEM)


def _first_that_starts(candidates: Iterator[Chromium]) -> Chromium | None:
    for candidate in candidates:
        try:
            chromium_version(candidate)
        except HostEnvironmentError as error:
            _say(str(error).splitlines()[0])
        else:
            return candidate
    return None


def _record_path() -> Path | None:
    """Where set-up notes its choice: inside the virtual environment, so it goes when that goes."""
    return Path(sys.prefix) / "tallyhost-chromium.json" if sys.prefix != sys.base_prefix else None


def _recorded() -> Chromium | None:
    record = _record_path()
    try:
        noted = json.loads(record.read_text(encoding="utf-8")) if record is not None else {}
        chromium = Chromium(Path(noted["path"]), Origin(noted["origin"]), headless_only=noted["headless_only"])
    except (OSError, ValueError, KeyError):
        return None
    return chromium if os.access(chromium.path, os.X_OK) else None


def _record(chromium: Chromium) -> None:
    if (record := _record_path()) is not None:
        noted = {"path": str(chromium.path), "origin": chromium.origin, "headless_only": chromium.headless_only}
        record.write_text(json.dumps(noted) + "\n", encoding="utf-8")


def _run(command: list[str], timeout: int, **environment: str) -> bool:
    """Whether the command succeeded; its progress shows on a terminal, of its error messages the last line."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed commands of this module
            command,
            env={**os.environ, **environment},
            stdout=sys.stderr if sys.stderr.isatty() else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        _say(f"{command[0]}: {error}")
        return False
    if done.returncode != 0:
        reasons = [line for line in done.stderr.splitlines() if line.startswith(("Error", "E:"))]
        _say((reasons or done.stderr.splitlines() or [f"exit code {done.returncode}"])[-1])
    return done.returncode == 0


def _say(line: str) -> None:
    sys.stderr.write(f"tallyhost: {line}\n")


def _missing() -> HostEnvironmentError:
    return HostEnvironmentError(
        "no Chromium was found on this machine",
        rule="pages are rendered by a real Chromium: Playwright's own, or the system's Chromium or Chrome",
        fix=HOW_TO_GET,
    )


def _does_not_start(path: Path, reason: str) -> HostEnvironmentError:
    return HostEnvironmentError(f"this Chromium does not start: {reason}", where=str(path), fix=HOW_TO_GET)


def main() -> int:
    """Set-up: make sure that there is a Chromium, print its path, origin and version; the exit code."""
    try:
        chromium = ensure_chromium()
        sys.stdout.write(f"{chromium.path}  ({chromium.origin}, {chromium_version(chromium)})\n")
    except TallyhostError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
