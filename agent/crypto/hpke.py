"""HPKE base mode (RFC 9180): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM or ChaCha20-Poly1305, single-shot.

What must be authenticated beside the plaintext goes into ``info``, as RFC 9180 section 8.1 advises for single-shot
use: the key schedule covers it, so nothing opens under another ``info``. The associated data stays empty.

Sealing takes pyhpke, which lets the ephemeral key be chosen, so that a seed repeats. Opening takes cryptography,
which is faster. The tests hold each against the other and against RFC 9180, appendix A.1.1.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKeyInterface

ENCAPSULATED_KEY_BYTES = 32
TAG_BYTES = 16
OVERHEAD_BYTES = ENCAPSULATED_KEY_BYTES + TAG_BYTES
"""How much longer a sealed message is than its plaintext."""


class Aead(Enum):
    """The cipher of a suite."""

    AES_128_GCM = AEADId.AES128_GCM
    CHACHA20_POLY1305 = AEADId.CHACHA20_POLY1305


_SEALERS = {aead: CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, aead.value) for aead in Aead}
_OPENERS = {
    Aead.AES_128_GCM: Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM),
    Aead.CHACHA20_POLY1305: Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305),
}
_KEM = _SEALERS[Aead.AES_128_GCM].kem


def derive_key_pair(ikm: bytes) -> tuple[bytes, bytes]:
    """DeriveKeyPair of RFC 9180 section 7.1.3: the (private, public) X25519 key, 32 bytes each, of 32 random bytes."""
    pair = _KEM.derive_key_pair(ikm)
    return pair.private_key.to_private_bytes(), pair.public_key.to_public_bytes()


def public_key_of(private_key: bytes) -> bytes:
    """The public half of an X25519 key, 32 bytes each."""
    return _owner(private_key).public_key().public_bytes_raw()


def seal(
    public_key: bytes, plaintext: bytes, *, info: bytes, ephemeral_ikm: bytes, aead: Aead = Aead.AES_128_GCM
) -> bytes:
    """The encapsulated key, ciphertext and tag of ``plaintext`` sealed to an X25519 ``public_key`` of 32 bytes.

    ``ephemeral_ikm``: 32 bytes that must be random and used once; equal ones give equal output.
    Raises ValueError or pyhpke's error for a key that is none.
    """
    encapsulated_key, context = _SEALERS[aead].create_sender_context(
        _recipient(public_key), info, eks=_KEM.derive_key_pair(ephemeral_ikm)
    )
    return encapsulated_key + context.seal(plaintext)


def open_sealed(private_key: bytes, sealed: bytes, *, info: bytes, aead: Aead = Aead.AES_128_GCM) -> bytes | None:
    """The plaintext of what :func:`seal` gave, or None where key, ``info`` or a byte differs from the sealed one.

    ``private_key``: 32 bytes of X25519.
    """
    try:
        return _OPENERS[aead].decrypt(sealed, _owner(private_key), info)
    except InvalidTag:
        return None


@lru_cache(maxsize=16)
def _recipient(public_key: bytes) -> KEMKeyInterface:
    return _KEM.deserialize_public_key(public_key)


@lru_cache(maxsize=16)
def _owner(private_key: bytes) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(private_key)
