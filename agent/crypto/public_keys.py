"""The key set that a coordinator serves: which answers are one (payload section 5).

    {"keys": [{"id": "5f0c...", "key": "<base64 of 32 bytes>"}]}

One breach rejects the whole set, as in Chromium; other members are ignored.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

KEYS_PATH = "/.well-known/aggregation-service/v1/public-keys"
MAX_KEYS = 10
MAX_ID_LENGTH = 128
"""Characters."""
KEY_BYTES = 32
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class CoordinatorKey:
    """An X25519 key that payloads are sealed to."""

    id: str
    public_key: bytes


class BadKeySetError(ValueError):
    """What was served is no key set; the message says where and why."""


def parse_key_set(body: bytes) -> tuple[CoordinatorKey, ...]:
    """The keys, 1 to 10, in their order. Raises BadKeySetError."""
    try:
        document = json.loads(body.decode(), parse_constant=_no_json)
    except (ValueError, RecursionError) as error:
        raise BadKeySetError(f"it is no JSON: {error}") from None
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise BadKeySetError('it is no object with a list "keys"')
    if not 1 <= len(entries) <= MAX_KEYS:
        raise BadKeySetError(f"it has {len(entries)} keys; 1 to {MAX_KEYS} are allowed")
    keys = tuple(_key(entry, f"keys[{position}]") for position, entry in enumerate(entries))
    seen: set[str] = set()
    for position, key in enumerate(keys):
        if key.id in seen:
            raise BadKeySetError(f"keys[{position}].id {_shown(key.id)} is there twice")
        seen.add(key.id)
    return keys


def decode_key(text: object) -> bytes | None:
    """The 32 bytes that ``text`` is the base64 of, or None."""
    try:
        raw = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == KEY_BYTES else None


def _key(entry: object, where: str) -> CoordinatorKey:
    if not isinstance(entry, dict):
        raise BadKeySetError(f"{where} is no object")
    identifier = entry.get("id")
    if not isinstance(identifier, str):
        raise BadKeySetError(f"{where}.id is no string")
    if len(identifier) > MAX_ID_LENGTH:
        raise BadKeySetError(f"{where}.id has {len(identifier)} characters; {MAX_ID_LENGTH} are allowed")
    public_key = decode_key(entry.get("key"))
    if public_key is None:
        raise BadKeySetError(f"{where}.key is not the base64 of {KEY_BYTES} bytes")
    return CoordinatorKey(identifier, public_key)


def _no_json(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
