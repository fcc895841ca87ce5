"""What keys, values and names of locks may be, and the messages of those that may not (shared-storage section 2)."""

from __future__ import annotations

from agent.model.shared_storage import AppendMethod, ClearMethod, ModifierMethod, SetMethod, storage_bytes
from agent.model.shared_storage_limits import SharedStorageLimits


def key_problem(key: str, limits: SharedStorageLimits) -> str | None:
    """What a method says of a key that cannot be one, or None. In the worklet ``get`` adds a full stop."""
    return None if 0 < _units(key) <= limits.max_string_length else 'Length of the "key" parameter is not valid'


def value_problem(value: str, limits: SharedStorageLimits) -> str | None:
    """What a method says of a value that is too long, or None; an empty one is not."""
    return None if _units(value) <= limits.max_string_length else 'Length of the "value" parameter is not valid'


def lock_problem(name: str) -> str | None:
    """What a method says of a lock's name that is reserved, or None; an empty one is not."""
    return "Lock name cannot start with '-'" if name.startswith("-") else None


def method_problem(method: ModifierMethod, limits: SharedStorageLimits) -> str | None:
    """What is wrong with the key or the value of a method, the first first, or None."""
    if isinstance(method, ClearMethod):
        return None
    problem = key_problem(method.key, limits)
    if problem is None and isinstance(method, SetMethod | AppendMethod):
        problem = value_problem(method.value, limits)
    return problem


def _units(text: str) -> int:
    return storage_bytes(text) // 2
