"""What the entry point must know of the command that ran."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class RunState:
    """What main must know of the command that ran when it failed."""

    as_json: bool = False
    verbosity: int = 0
