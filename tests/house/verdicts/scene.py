"""How a verdict comes about, and what its explanation must say then."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from agent.model.events import Event, Trace

Made = Event | Trace


@dataclass(frozen=True, slots=True)
class Scene:
    """Something that happens in the engines and verbs themselves; no event is made by hand."""

    made: Callable[[Path], Made | Coroutine[Any, Any, Made]]
    """Gives the event of the decision; of a decision that leaves none, its trace. The folder is empty."""
    rule: str = ""
    """The check that fails; empty where all is well."""
    tells: tuple[str, ...] = ()
    """What the check says that was compared."""
    verdict: str = ""
    """How the event puts it, where that is not the value of the verdict."""


_MADE: dict[Scene, Made] = {}
"""What was played already: several tests look at one scene, and none changes what it came to."""


async def happened(scene: Scene, folder: Path) -> Made:
    """What a scene comes to; it is played once in a process."""
    if scene not in _MADE:
        made = scene.made(folder)
        _MADE[scene] = made if isinstance(made, Event | Trace) else await made
    return _MADE[scene]


Scenes = dict[Enum, Scene]
