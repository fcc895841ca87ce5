"""What a test chose for its agent: its marker before options of the run before the fixture ``agent_params``."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from agent.model.settings import Settings

KEYS: Mapping[str, str] = {
    "params": "numbers by name: chromium, spec, testing or tiny",
    "noise": "whether there is noise: randomised responses, null reports, and that of summaries",
    "delays": "whether aggregatable reports and those of Private Aggregation wait before they leave",
    "seed": "repeats every random choice; from the test's name by default",
    "now": "where the frozen clock starts: ISO 8601, or milliseconds since 1970",
    "bundle": "retain-on-failure, on or off",
    "page_clock": "whether Date in pages shows the agent's clock",
    "settings": "a Settings instead of the defaults, to which the others apply",
    "maps": "what stands behind hosts, as for Agent.launch",
    "private": "whether the agent is private",
    "opted_out": "whether its user has opted out",
}
"""What the marker and ``agent_params`` take."""
_SWITCHES = ("noise", "delays", "page_clock", "private", "opted_out")
_KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "seed": ((int,), "whole number"),
    "params": ((str,), "name of params"),
    "now": ((int, str), "text such as 2026-12-24T09:00Z, nor milliseconds since 1970"),
    "maps": ((Mapping,), "mapping of hosts"),
}
_WORDS: Mapping[object, bool] = {True: True, False: False, "on": True, "off": False}
_PLAIN = re.compile(r"[A-Za-z0-9_./:]+(\[\w+([.-]\w+)*\])?", re.ASCII)
"""Names of tests that are told apart by what is left of them in the name of a folder."""
_LONGEST = 120


class BundleMode(StrEnum):
    """When a test leaves a bundle behind."""

    RETAIN_ON_FAILURE = "retain-on-failure"
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Choices:
    """What one test's agent is to be."""

    seed: int
    bundle: BundleMode
    folder: Path
    """Where its bundle goes."""
    noise: bool = True
    params: str = "chromium"
    delays: bool = True
    now: int | str | None = None
    page_clock: bool = False
    settings: Settings | None = None
    maps: Mapping[str, Any] | None = None
    private: bool = False
    opted_out: bool = False


CHOICES = pytest.StashKey[Choices]()
"""Where a test has what it chose, to be told when it fails."""
FAILURE = pytest.StashKey[str]()
"""What pytest tells of the phase of the test that failed."""
RUNNING = pytest.StashKey[bool]()
"""Is there while the test itself runs; after that, where it was interrupted."""


def choices_of(node: pytest.Item, agent_params: Mapping[str, Any], settings: Settings | None = None) -> Choices:
    """The choices of a test, whose fixture ``agent_settings`` gave ``settings``.

    Raises pytest.UsageError for a key or value that is none.
    """
    config = node.config
    options: dict[str, Any] = {}
    if bundle := config.getoption("--agent-bundle"):
        options["bundle"] = bundle
    if noise := config.getoption("--agent-noise"):
        options["noise"] = noise == "on"
    given: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers("agent"))):
        if marker.args:
            raise pytest.UsageError(f"{node.nodeid}: the marker agent takes its values by name: {', '.join(KEYS)}")
        given |= marker.kwargs
    for where, values in (("agent_params", agent_params), ("the marker agent", given)):
        _check(values, f"{node.nodeid}: {where}")
    defaults = {"seed": zlib.crc32(node.nodeid.encode(errors="surrogatepass")), "bundle": config.getini("agent_bundle")}
    overridden = {} if settings is None else {"settings": settings}
    chosen = {**defaults, **agent_params, **overridden, **options, **given}
    if (seed := config.getoption("--agent-seed")) is not None:
        chosen["seed"] = seed  # to repeat a failure, whatever the test says
    root = Path(config.getoption("--agent-bundle-folder") or config.rootpath / config.getini("agent_bundle_folder"))
    try:
        mode = BundleMode(chosen.pop("bundle"))
    except ValueError as error:
        raise pytest.UsageError(f"{node.nodeid}: {error}; write {', '.join(BundleMode)}") from None
    return Choices(bundle=mode, folder=root / folder_name(node.nodeid), **_plain(chosen, node.nodeid))


def failure_of(node: pytest.Item) -> str | None:
    """Why a test whose fixtures end has not passed; None where all went well so far."""
    return node.stash.get(FAILURE, "the test was interrupted" if RUNNING in node.stash else None)


def folder_name(nodeid: str) -> str:
    """A test's name as that of a folder; where something of it is lost, a hash tells it apart from others."""
    name = re.sub(r"[^A-Za-z0-9_.]+", "-", nodeid).strip("-.")
    if _PLAIN.fullmatch(nodeid) and len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 10]}-{hashlib.sha256(nodeid.encode(errors='surrogatepass')).hexdigest()[:8]}"


def _check(values: Mapping[str, Any], where: str) -> None:
    for name in values:
        if name not in KEYS:
            close = get_close_matches(name, KEYS, 1)
            nearest = f"; nearest is {close[0]}" if close else ""
            raise pytest.UsageError(f"{where} has no {name!r}{nearest}. It takes {', '.join(KEYS)}")


def _plain(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """``values`` with switches as truth values, which may be written ``"on"`` and ``"off"``."""
    switches = {name: values[name] for name in _SWITCHES if name in values}
    for name, value in switches.items():
        if not isinstance(value, bool | str) or value not in _WORDS:
            raise pytest.UsageError(f"{where}: {name}={value!r} is no switch; write True or False")
    for name, (kinds, told) in _KINDS.items():
        value = values.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
            raise pytest.UsageError(f"{where}: {name}={value!r} is no {told}")
    return {**values, **{name: _WORDS[value] for name, value in switches.items()}}
