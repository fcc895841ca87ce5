"""Key pairs of an aggregation service: made from an Rng, named by their public key, kept as one JSON document.

    {"keys": [{"id": "5f0c...", "public_key": "<base64>", "private_key": "<base64>"}]}

The document with private keys belongs in a file of mode 0600; a service publishes :meth:`KeyRing.public_entries`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

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

    @property
    def id(self) -> bytes:
        """First 8 bytes of the SHA-256 of the public key."""
        return key_id(self.public_key)

    @property
    def public(self) -> PublicKey:
        """The half that the agent seals to."""
        return PublicKey(self.id, self.public_key)


class KeyRing:
    """The keys of one service; reports are sealed to the last one, older ones still open."""

    def __init__(self, *keys: KeyPair) -> None:
        self._by_id = {key.id: key for key in keys}

    @property
    def current(self) -> KeyPair:
        """The key to seal to. Raises ValueError where there is none."""
        if not self._by_id:
            raise ValueError("a key ring without keys seals nothing")
        return next(reversed(self._by_id.values()))

    def find(self, wanted: bytes) -> KeyPair | None:
        """The key of that id, or None."""
        return self._by_id.get(wanted)

    def __iter__(self) -> Iterator[KeyPair]:
        return iter(self._by_id.values())

    def to_json(self) -> str:
        """The document with the private keys."""
        entries = [_public_entry(key.public) | {"private_key": _encode(key.private_key)} for key in self]
        return json.dumps({"keys": entries}, indent=2) + "\n"

    def public_entries(self) -> list[dict[str, str]]:
        """The public half of each key, as plain JSON values."""
        return [_public_entry(key.public) for key in self]

    @classmethod
    def from_json(cls, text: str, *, where: str) -> KeyRing:
        """Read :meth:`to_json`'s document; ``where`` names the file in messages. Raises UsageError."""
        try:
            pairs = [_read_entry(entry) for entry in json.loads(text)["keys"]]
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"no key file: {error}",
                where=where,
                rule='{"keys": [{"id", "public_key", "private_key"}]}, keys of 32 bytes in base64',
                fix="restore the file, or remove it to have new keys made; reports sealed to old keys stay unreadable",
            ) from error
        return cls(*pairs)


def generate_key(rng: Rng) -> KeyPair:
    """A new key pair, from 32 bytes of ``Draw.HPKE_KEY``."""
    private_key, public_key = derive_key_pair(rng.bytes(Draw.HPKE_KEY, _X25519_BYTES))
    return KeyPair(private_key, public_key)


def key_id(public_key: bytes) -> bytes:
    """The name of a public key: the first 8 bytes of its SHA-256."""
    return hashlib.sha256(public_key).digest()[:KEY_ID_BYTES]


def _public_entry(key: PublicKey) -> dict[str, str]:
    return {"id": key.id.hex(), "public_key": _encode(key.public_key)}


def _read_entry(entry: dict[str, str]) -> KeyPair:
    private_key = base64.b64decode(entry["private_key"], validate=True)
    public_key = base64.b64decode(entry["public_key"], validate=True)
    if len(private_key) != _X25519_BYTES or len(public_key) != _X25519_BYTES:
        raise ValueError("a key is not 32 bytes long")
    pair = KeyPair(private_key, public_key)
    if public_key_of(private_key) != public_key:
        raise ValueError("a private key does not belong to its public key")
    if entry["id"] != pair.id.hex():
        raise ValueError(f"key id {entry['id']!r} does not belong to its public key, whose id is {pair.id.hex()}")
    return pair


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
