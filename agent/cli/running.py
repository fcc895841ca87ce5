"""Where a running agent says how it is reached: ``control.json`` with its address and token.

An agent with a profile folder writes it there. Agents whose profile is in memory share one file of the user's
state folder, which names the one that started last.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from platformdirs import user_state_path

from agent.cli.config import MEMORY
from agent.version import DISTRIBUTION
from storage.profile import Control, write_private

CONTROL_FILE = "control.json"


def control_file(profile: str) -> Path:
    """Where the agent of this profile says how it is reached."""
    folder = user_state_path(DISTRIBUTION) if profile == MEMORY else Path(profile).expanduser().resolve()
    return folder / CONTROL_FILE


def announce(profile: str, control: Control) -> None:
    """Write how the agent of this profile is reached, readable by its owner alone."""
    path = control_file(profile)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, json.dumps(asdict(control)))


def withdraw(profile: str, control: Control) -> None:
    """Remove what :func:`announce` wrote, unless another agent has taken its place."""
    if find_running(profile) == control:
        control_file(profile).unlink(missing_ok=True)


def find_running(profile: str) -> Control | None:
    """How the agent of this profile is reached, or None; whether it still answers is for the caller to try."""
    try:
        return Control(**json.loads(control_file(profile).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
