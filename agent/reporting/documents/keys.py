"""A key ring as JSON values, without what must stay private."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.model.clock import format_instant

if TYPE_CHECKING:
    from agent.crypto.keys import KeyRing


def key_documents(ring: KeyRing) -> dict[str, Any]:
    """The public half of each key, the current one first, and when the next is due.

    ``rotation``: milliseconds; it and ``next_rotation`` are None where no key is ever due by itself.
    """
    keys = [
        {
            **entry,
            "made": format_instant(key.made) if key.made else None,
            "current": key == ring.current,
        }
        for key, entry in zip(ring, ring.public_entries(), strict=True)
    ]
    due = ring.next_rotation if keys else None
    return {
        "keys": keys[::-1],
        "rotation": ring.rotation,
        "next_rotation": None if due is None else format_instant(due),
    }
