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
    "params": "numbers by name: chromium, testing or tiny",
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
    defaults = {"seed": zlib.crc32(node.nodeid.encode()), "bundle": config.getini("agent_bundle")}
    overridden = {} if settings is None else {"settings": settings}
    chosen = {**defaults, **agent_params, **overridden, **options, **given}
    if (seed := config.getoption("--agent-seed")) is not None:
        chosen["seed"] = seed  # to repeat a failure, whatever the test says
    root = Path(config.getoption("--agent-bundle-folder") or config.rootpath / config.getini("agent_bundle_folder"))
    try:
        mode = BundleMode(chosen.pop("bundle"))
    except ValueError as error:
        raise pytest.UsageError(f"{node.nodeid}: {error}; write {', '.join(BundleMode)}") from None
    return Choices(bundle=mode, folder=root / folder_name(node.nodeid), **chosen)


def folder_name(nodeid: str) -> str:
    """A test's name as that of a folder; what had to be cut is told apart by a hash."""
    name = re.sub(r"[^A-Za-z0-9_.]+", "-", nodeid).strip("-.")
    if len(name) <= 120:
        return name
    return f"{name[:110]}-{hashlib.sha256(nodeid.encode()).hexdigest()[:8]}"


def _check(values: Mapping[str, Any], where: str) -> None:
    for name in values:
        if name not in KEYS:
            close = get_close_matches(name, KEYS, 1)
            nearest = f"; nearest is {close[0]}" if close else ""
            raise pytest.UsageError(f"{where} has no {name!r}{nearest}. It takes {', '.join(KEYS)}")
