"""agent.crypto.hpke against RFC 9180 and against a second implementation."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from pyhpke import AEADId, CipherSuite, KDFId, KEMId

from agent.crypto import hpke

# RFC 9180, appendix A.1.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, base mode.
RFC_INFO = bytes.fromhex("4f6465206f6e2061204772656369616e2055726e")
RFC_IKM_E = bytes.fromhex("7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234")
RFC_PK_E = bytes.fromhex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431")
RFC_IKM_R = bytes.fromhex("6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037")
RFC_SK_R = bytes.fromhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")
RFC_PK_R = bytes.fromhex("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d")
RFC_KEY = bytes.fromhex("4531685d41d65f03dc48f6b8302c05b0")
RFC_BASE_NONCE = bytes.fromhex("56d890e5accaaf011cff4b7d")

PLAINTEXT = b"bucket 2 gets 3"
INFO = b"about this message"


def sealed(plaintext: bytes = PLAINTEXT) -> bytes:
    return hpke.seal(RFC_PK_R, plaintext, info=INFO, ephemeral_ikm=RFC_IKM_E)


def test_a_key_pair_is_derived_as_rfc_9180_derives_it() -> None:
    assert hpke.derive_key_pair(RFC_IKM_R) == (RFC_SK_R, RFC_PK_R)
    assert hpke.public_key_of(RFC_SK_R) == RFC_PK_R


def test_sealing_takes_the_ephemeral_key_and_key_schedule_of_rfc_9180() -> None:
    message = hpke.seal(RFC_PK_R, PLAINTEXT, info=RFC_INFO, ephemeral_ikm=RFC_IKM_E)
    # The vector's own ciphertexts carry associated data, which we leave empty; its key and nonce give what must come.
    assert message == RFC_PK_E + AESGCM(RFC_KEY).encrypt(RFC_BASE_NONCE, PLAINTEXT, b"")


def test_opening_gives_back_what_was_sealed() -> None:
    assert hpke.open_sealed(RFC_SK_R, sealed(), info=INFO) == PLAINTEXT
    assert hpke.open_sealed(RFC_SK_R, sealed(b""), info=INFO) == b""
    assert len(sealed()) == len(PLAINTEXT) + hpke.OVERHEAD_BYTES


def test_pyhpke_opens_what_we_seal() -> None:
    suite = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES128_GCM)
    message = sealed()
    context = suite.create_recipient_context(message[:32], suite.kem.deserialize_private_key(RFC_SK_R), INFO)
    assert context.open(message[32:]) == PLAINTEXT


def test_we_open_what_cryptography_seals() -> None:
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
    message = suite.encrypt(PLAINTEXT, X25519PublicKey.from_public_bytes(RFC_PK_R), INFO)
    assert hpke.open_sealed(RFC_SK_R, message, info=INFO) == PLAINTEXT


@pytest.mark.parametrize(
    ("aead", "ours", "theirs"),
    [
        (hpke.Aead.AES_128_GCM, AEADId.AES128_GCM, AEAD.AES_128_GCM),
        (hpke.Aead.CHACHA20_POLY1305, AEADId.CHACHA20_POLY1305, AEAD.CHACHA20_POLY1305),
    ],
)
def test_each_cipher_opens_with_both_implementations_and_not_with_the_other_cipher(
    aead: hpke.Aead, ours: AEADId, theirs: AEAD
) -> None:
    message = hpke.seal(RFC_PK_R, PLAINTEXT, info=INFO, ephemeral_ikm=RFC_IKM_E, aead=aead)
    suite = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, ours)
    context = suite.create_recipient_context(message[:32], suite.kem.deserialize_private_key(RFC_SK_R), INFO)
    assert context.open(message[32:]) == PLAINTEXT
    other = Suite(KEM.X25519, KDF.HKDF_SHA256, theirs)
    assert other.decrypt(message, X25519PrivateKey.from_private_bytes(RFC_SK_R), INFO) == PLAINTEXT
    assert [one for one in hpke.Aead if hpke.open_sealed(RFC_SK_R, message, info=INFO, aead=one)] == [aead]


def test_a_changed_byte_anywhere_does_not_open() -> None:
    message = sealed()
    for position in range(len(message)):
        # Bit 0: the top bit of an X25519 key's last byte means nothing by RFC 7748.
        changed = bytearray(message)
        changed[position] ^= 1
        assert hpke.open_sealed(RFC_SK_R, bytes(changed), info=INFO) is None, position


def test_another_info_or_key_does_not_open() -> None:
    other_key, _ = hpke.derive_key_pair(b"other".ljust(32))
    assert hpke.open_sealed(RFC_SK_R, sealed(), info=INFO + b"!") is None
    assert hpke.open_sealed(other_key, sealed(), info=INFO) is None


@pytest.mark.parametrize("length", [0, 1, 31, 32, 47])
def test_a_message_too_short_to_be_one_does_not_open(length: int) -> None:
    assert hpke.open_sealed(RFC_SK_R, sealed()[:length], info=INFO) is None


@pytest.mark.parametrize("low_order", [bytes(32), b"\x01" + bytes(31)])
def test_an_encapsulated_key_of_low_order_does_not_open(low_order: bytes) -> None:
    assert hpke.open_sealed(RFC_SK_R, low_order + bytes(64), info=INFO) is None


def test_sealing_repeats_with_its_ephemeral_key_and_only_then() -> None:
    other = hpke.seal(RFC_PK_R, PLAINTEXT, info=INFO, ephemeral_ikm=b"other".ljust(32))
    assert sealed() == sealed()
    assert other[:32] != sealed()[:32]
    assert other[32:] != sealed()[32:]
