"""That a coordinator has a new key, as an event."""

from __future__ import annotations

from agent.model.events import Event

KEY_ROTATION = "key-rotation"


def key_rotation(key_id: str, now: int, *, due: bool) -> Event:
    """The event of a rotation at ``now`` (milliseconds): because it was ``due`` by the clock, or asked for."""
    return Event(
        kind=KEY_ROTATION,
        time=now,
        verdict="rotated",
        summary=f"{'a new key was due' if due else 'a new key was asked for'}: reports are sealed to {key_id} now",
        data={"key_id": key_id, "due": due},
    )
