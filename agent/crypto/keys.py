"""Key pairs of an aggregation service: made from an Rng, named by their public key, kept as one JSON document.

    {"keys": [{"id": "5f0c...", "public_key": "<base64>", "private_key": "<base64>", "made": 1767603600000}],
     "rotation": 604800000}

Times are milliseconds; ``made`` and ``rotation`` may be absent. The document with private keys belongs in a file of
mode 0600; a service publishes :meth:`KeyRing.public_entries`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from agent.crypto.hpke import derive_key_pair, public_key_of
from agent.model.errors import UsageError
from agent.model.rng import Draw, Rng

KEY_ID_BYTES = 8
_X25519_BYTES = 32


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An X25519 key to seal to."""

    id: bytes
    """First 8 bytes of the SHA-256 of the key."""
    public_key: bytes


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An X25519 key pair to open with."""

    private_key: bytes = field(repr=False)
    public_key: bytes
    made: int = 0
    """Milliseconds since 1970; 0 where nobody noted it."""

    @property
    def id(self) -> bytes:
        """First 8 bytes of the SHA-256 of the public key."""
        return key_id(self.public_key)

    @property
    def public(self) -> PublicKey:
        """The half that the agent seals to."""
        return PublicKey(self.id, self.public_key)


class KeyRing:
    """The keys of one service: reports are sealed to the last one, and every key that ever was one still opens.

    Keys never leave a ring. A report may come late by as long as its browser was offline, and a local service has no
    reason to make it unreadable.
    """

    def __init__(self, *keys: KeyPair, rotation: int | None = None, keep: Callable[[str], None] | None = None) -> None:
        """``rotation``: milliseconds after which a newer key is due, None for never.

        ``keep`` makes the document of :meth:`to_json` durable, or raises; a change takes effect once it has returned.
        """
        self._by_id = {key.id: key for key in keys}
        self._rotation, self._keep = rotation, keep

    @property
    def current(self) -> KeyPair:
        """The key to seal to. Raises ValueError where there is none."""
        if not self._by_id:
            raise ValueError("a key ring without keys seals nothing")
        return next(reversed(self._by_id.values()))

    @property
    def rotation(self) -> int | None:
        """Milliseconds after which a newer key is due; None for never."""
        return self._rotation

    @property
    def next_rotation(self) -> int | None:
        """The instant at which a newer key is due; None where none ever is."""
        return None if self._rotation is None else self.current.made + self._rotation

    def newest(self, count: int) -> list[KeyPair]:
        """At most ``count`` keys, the current one first."""
        return list(reversed(self._by_id.values()))[:count]

    def find(self, wanted: bytes) -> KeyPair | None:
        """The key of that id, or None."""
        return self._by_id.get(wanted)

    def private_keys(self) -> dict[str, bytes]:
        """What opens: the private key of each id, as reports name it."""
        return {key.id.hex(): key.private_key for key in self}

    def rotate(self, rng: Rng, now: int) -> KeyPair:
        """Make a new current key, at ``now`` (milliseconds); gives it once it is kept. Raises what keeping it raises.

        A key is kept before anyone can learn its public half: nothing is ever sealed to a key that could be lost.
        """
        made = generate_key(rng, now)
        while made.id in self._by_id:  # a seed that began anew repeats its draws
            made = generate_key(rng, now)
        self._change({**self._by_id, made.id: made}, self._rotation)
        return made

    def rotate_every(self, rotation: int | None) -> None:
        """Have a newer key due this many milliseconds after each, or never. Raises what keeping that raises."""
        self._change(self._by_id, rotation)

    def rotate_if_due(self, rng: Rng, now: int) -> KeyPair | None:
        """Make one new key where one is due at ``now``, however long ago it was; gives it, or None."""
        due = self.next_rotation
        return self.rotate(rng, now) if due is not None and due <= now else None

    def __iter__(self) -> Iterator[KeyPair]:
        return iter(self._by_id.values())

    def to_json(self) -> str:
        """The document with the private keys."""
        return _document(self._by_id.values(), self._rotation)

    def public_entries(self) -> list[dict[str, str]]:
        """The public half of each key, as plain JSON values."""
        return [_public_entry(key.public) for key in self]

    @classmethod
    def from_json(cls, text: str, *, where: str, keep: Callable[[str], None] | None = None) -> KeyRing:
        """Read :meth:`to_json`'s document; ``where`` names the file in messages. Raises UsageError."""
        try:
            document = json.loads(text)
            pairs = _read_entries(document["keys"])
            rotation = _milliseconds(document["rotation"], "rotation") if "rotation" in document else None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UsageError(
                f"no key file: {error}",
                where=where,
                rule='{"keys": [{"id", "public_key", "private_key"}]}, keys of 32 bytes in base64',
                fix="restore the file, or remove it to have new keys made; reports sealed to old keys stay unreadable",
            ) from error
        return cls(*pairs, rotation=rotation or None, keep=keep)

    def _change(self, keys: dict[bytes, KeyPair], rotation: int | None) -> None:
        if self._keep is not None:
            self._keep(_document(keys.values(), rotation))
        self._by_id, self._rotation = keys, rotation


def generate_key(rng: Rng, now: int = 0) -> KeyPair:
    """A new key pair, from 32 bytes of ``Draw.HPKE_KEY``, made at ``now`` (milliseconds)."""
    private_key, public_key = derive_key_pair(rng.bytes(Draw.HPKE_KEY, _X25519_BYTES))
    return KeyPair(private_key, public_key, now)


def key_id(public_key: bytes) -> bytes:
    """The name of a public key: the first 8 bytes of its SHA-256."""
    return hashlib.sha256(public_key).digest()[:KEY_ID_BYTES]


def _document(keys: Iterable[KeyPair], rotation: int | None) -> str:
    document: dict[str, Any] = {"keys": [_private_entry(key) for key in keys]}
    if rotation is not None:
        document["rotation"] = rotation
    return json.dumps(document, indent=2) + "\n"


def _public_entry(key: PublicKey) -> dict[str, str]:
    return {"id": key.id.hex(), "public_key": _encode(key.public_key)}


def _private_entry(key: KeyPair) -> dict[str, str | int]:
    made = {"made": key.made} if key.made else {}
    return {**_public_entry(key.public), "private_key": _encode(key.private_key), **made}


def _read_entries(entries: list[dict[str, Any]]) -> list[KeyPair]:
    if not entries:
        raise ValueError("it has no key")
    return [_read_entry(entry) for entry in entries]


def _read_entry(entry: dict[str, Any]) -> KeyPair:
    private_key = base64.b64decode(entry["private_key"], validate=True)
    public_key = base64.b64decode(entry["public_key"], validate=True)
    if len(private_key) != _X25519_BYTES or len(public_key) != _X25519_BYTES:
        raise ValueError("a key is not 32 bytes long")
    pair = KeyPair(private_key, public_key, _milliseconds(entry.get("made", 0), "made"))
    if public_key_of(private_key) != public_key:
        raise ValueError("a private key does not belong to its public key")
    if entry["id"] != pair.id.hex():
        raise ValueError(f"key id {entry['id']!r} does not belong to its public key, whose id is {pair.id.hex()}")
    return pair


def _milliseconds(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{name} {value!r} is no number of milliseconds")
    return value


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
