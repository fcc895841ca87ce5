"""agent.crypto.aggregatable_payload against cbor2, a second HPKE implementation, and what others sealed."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st
from pyhpke import AEADId, CipherSuite, KDFId, KEMId

from agent.crypto.aggregatable_payload import (
    Payload,
    contributions_of,
    encode_payload,
    open_as_service,
    open_payload,
    open_under,
    read_payload,
    seal_payload,
)
from agent.crypto.hpke import derive_key_pair
from agent.model.attribution_reporting.reports import Contribution
from agent.model.conversion_report import ReportRefusal, ReportRefusalCode
from agent.model.rng import SeededRng
from tests.conformance_data import conformance_file

PRIVATE_KEY, PUBLIC_KEY = derive_key_pair(b"a coordinator".ljust(32))
SHARED_INFO = '{"api":"attribution-reporting","report_id":"00000000-0000-4000-8000-000000000001","version":"1.0"}'
INFO = b"aggregation_service" + SHARED_INFO.encode()
OTHERS = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)

contributions = st.builds(Contribution, st.integers(0, 2**128 - 1), st.integers(1, 65_536), st.integers(0, 255))


def cases(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in conformance_file(f"payload/{name}").read_text().splitlines()]


def goldens() -> list[dict[str, Any]]:
    return [case for case in cases("goldens.jsonl") if case["kind"] == "encrypted_report"]


@given(st.lists(contributions, max_size=20), st.integers(1, 8), st.sampled_from([20, 23, 24, 100, 255, 256, 1000]))
def test_the_plaintext_is_the_canonical_cbor_of_the_padded_contributions(
    real: list[Contribution], id_bytes: int, length: int
) -> None:
    entries = [*real, *[Contribution(0, 0)] * (length - len(real))]
    data = [
        {
            "id": entry.filtering_id.to_bytes(id_bytes, "big"),
            "value": entry.value.to_bytes(4, "big"),
            "bucket": entry.bucket.to_bytes(16, "big"),
        }
        for entry in entries
    ]
    plaintext = encode_payload(real, id_bytes=id_bytes, length=length)
    assert plaintext == cbor2.dumps({"operation": "histogram", "data": data}, canonical=True)
    assert read_payload(plaintext) == Payload("histogram", tuple(entries))


@pytest.mark.parametrize(
    ("id_bytes", "length", "bytes_"), [(1, 20, 847), (2, 20, 867), (4, 20, 907), (8, 20, 987), (1, 2, 109)]
)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_length_depends_on_width_of_ids_and_number_of_entries_alone(
    id_bytes: int, length: int, bytes_: int, count: int
) -> None:
    real = [Contribution(2**128 - 1, 65_536, 2 ** (8 * id_bytes) - 1)] * count
    plaintext = encode_payload(real, id_bytes=id_bytes, length=length)
    assert len(plaintext) == bytes_
    assert len(seal_payload(plaintext, SHARED_INFO, PUBLIC_KEY, SeededRng(1))) == bytes_ + 48


def test_numbers_stand_big_endian_at_their_boundaries() -> None:
    plaintext = encode_payload([Contribution(2**128 - 1, 65_536, 2**64 - 1)], id_bytes=8, length=20)
    assert plaintext.startswith(
        bytes.fromhex("a2 64 64617461 94 a3 62 6964 48") + b"\xff" * 8 + b"\x65value\x44\x00\x01\x00\x00"
        b"\x66bucket\x50" + b"\xff" * 16
    )


@pytest.mark.parametrize(
    "contribution", [Contribution(2**128, 1), Contribution(-1, 1), Contribution(1, 2**32), Contribution(1, 1, 256)]
)
def test_a_number_that_its_bytes_cannot_hold_is_our_bug(contribution: Contribution) -> None:
    with pytest.raises(OverflowError):
        encode_payload([contribution], id_bytes=1, length=20)


def test_more_contributions_than_entries_are_our_bug() -> None:
    with pytest.raises(ValueError, match="3 contributions are more than the 2"):
        encode_payload([Contribution(1, 1)] * 3, id_bytes=1, length=2)


def test_our_vectors_have_their_length_head_and_hash() -> None:
    vectors = [case for case in cases("vectors.jsonl") if "contributions" in case]
    assert len(vectors) == 5
    for vector in vectors:
        real = [Contribution(int(c["bucket"], 16), c["value"], int(c["id"])) for c in vector["contributions"]]
        plaintext = encode_payload(real, id_bytes=vector["id_bytes"], length=vector["max"])
        assert len(plaintext) == vector["expected_length"]
        assert plaintext.hex().startswith(vector["head_hex"])
        assert hashlib.sha256(plaintext).hexdigest() == vector["sha256"]
        if vector["base64_if_short"]:
            assert plaintext == base64.b64decode(vector["base64_if_short"])


def test_our_hpke_vector_opens_and_not_with_a_byte_of_shared_info_changed() -> None:
    (vector,) = (case for case in cases("vectors.jsonl") if case["name"] == "hpke_vector")
    sealed = base64.b64decode(vector["payload_b64"])
    private_key = bytes.fromhex(vector["skR_hex"])
    assert len(sealed) == vector["payload_length"]
    assert open_payload(sealed, vector["shared_info"], private_key) == base64.b64decode(vector["plaintext_b64"])
    assert open_payload(sealed, vector["shared_info"].replace("3601", "3602"), private_key) is None


def test_every_golden_opens_to_its_clear_text_whatever_its_version() -> None:
    opened = goldens()
    assert {json.loads(case["report"]["shared_info"])["version"] for case in opened} == {"", "0.1", "1.0"}
    for case in opened:
        report = case["report"]
        (payload,) = report["aggregation_service_payloads"]
        private_key = base64.b64decode(case["private_key_b64"])
        plaintext = open_payload(base64.b64decode(payload["payload"]), report["shared_info"], private_key)
        assert plaintext == base64.b64decode(case["cleartext_cbor_b64"]), case["name"]
        read = read_payload(plaintext)
        assert isinstance(read, Payload)
        assert read.operation == "histogram"
        assert len(read.data) == case["n_contributions_padded"]
        assert [entry for entry in read.data if entry != Contribution(0, 0)] == [
            Contribution(int(c["bucket"], 16), c["value"], c.get("id", 0)) for c in case["contributions_non_null"]
        ]


def test_the_encoder_gives_the_clear_text_of_every_golden_with_filtering_ids() -> None:
    checked = 0
    for case in goldens():
        if case["contribution_key_order"] != ["id", "value", "bucket"]:
            continue
        real = [Contribution(int(c["bucket"], 16), c["value"], c["id"]) for c in case["contributions_non_null"]]
        id_bytes = max([c["id_bytes"] for c in case["contributions_non_null"]], default=1)
        plaintext = encode_payload(real, id_bytes=id_bytes, length=case["n_contributions_padded"])
        assert plaintext == base64.b64decode(case["cleartext_cbor_b64"]), case["name"]
        checked += 1
    assert checked


def test_the_other_hpke_implementation_opens_what_we_seal() -> None:
    plaintext = encode_payload([Contribution(0x559, 32_768)], id_bytes=1, length=20)
    sealed = seal_payload(plaintext, SHARED_INFO, PUBLIC_KEY, SeededRng(7))
    assert OTHERS.decrypt(sealed, X25519PrivateKey.from_private_bytes(PRIVATE_KEY), INFO) == plaintext


def test_we_open_what_the_other_hpke_implementation_seals() -> None:
    plaintext = encode_payload([], id_bytes=1, length=20)
    sealed = OTHERS.encrypt(plaintext, X25519PublicKey.from_public_bytes(PUBLIC_KEY), INFO)
    assert open_payload(sealed, SHARED_INFO, PRIVATE_KEY) == plaintext


def test_pyhpke_opens_what_cryptography_seals_and_we_open_both() -> None:
    suite = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.CHACHA20_POLY1305)
    sealed = OTHERS.encrypt(b"a2", X25519PublicKey.from_public_bytes(PUBLIC_KEY), INFO)
    context = suite.create_recipient_context(sealed[:32], suite.kem.deserialize_private_key(PRIVATE_KEY), INFO)
    assert context.open(sealed[32:]) == b"a2" == open_payload(sealed, SHARED_INFO, PRIVATE_KEY)


def test_two_copies_of_one_report_are_sealed_differently() -> None:
    rng = SeededRng(1)
    assert seal_payload(b"x", SHARED_INFO, PUBLIC_KEY, rng) != seal_payload(b"x", SHARED_INFO, PUBLIC_KEY, rng)


@pytest.mark.parametrize(
    "shared_info", ["", "no JSON", "[1]", '{"version":1}', '{"version":""}', "[" * 100_000, "\udc80"]
)
def test_a_shared_info_that_is_not_the_sealed_one_does_not_open(shared_info: str) -> None:
    sealed = seal_payload(b"x", SHARED_INFO, PUBLIC_KEY, SeededRng(1))
    assert open_payload(sealed, shared_info, PRIVATE_KEY) is None


def test_indefinite_lengths_and_short_numbers_can_be_read() -> None:
    plaintext = (
        b"\xbf\x69operation\x69histogram\x64data\x9f\xbf\x66bucket\x44key1\x65value\x44" + bytes([0, 0, 0, 5]) + b"\xff"
        b"\xff\xff"
    )
    assert read_payload(plaintext) == Payload("histogram", (Contribution(int.from_bytes(b"key1", "big"), 5, 0),))


@pytest.mark.parametrize(
    ("plaintext", "told"),
    [
        (b"", "no CBOR"),
        (b"\xff", "no CBOR"),
        (b"\x81" * 5_000, "no CBOR"),
        (b"\x01", "no map"),
        (cbor2.dumps({"operation": "histogram"}), "no map"),
        (cbor2.dumps({"operation": 1, "data": []}), "no map"),
        (cbor2.dumps({"operation": "histogram", "data": [{"bucket": b"1"}]}), "data[0]"),
        (cbor2.dumps({"operation": "histogram", "data": [{"bucket": b"1", "value": 1}]}), "data[0]"),
        (cbor2.dumps({"operation": "histogram", "data": [{"bucket": b"1", "value": b"", "id": 1}]}), "data[0]"),
        (
            cbor2.dumps({"operation": "histogram", "data": [{"bucket": bytes(17), "value": b""}]}),
            '"bucket" of 17 bytes',
        ),
        (cbor2.dumps({"operation": "histogram", "data": [{"bucket": b"1", "value": bytes(5)}]}), '"value" of 5 bytes'),
        (cbor2.dumps({"operation": "histogram", "data": [{"bucket": b"", "value": b"", "id": bytes(9)}]}), '"id" of 9'),
        (cbor2.dumps({"operation": "histogram", "data": []}) + b"\0", "1 bytes follow"),
    ],
)
def test_a_plaintext_that_is_no_payload_is_refused_with_its_reason(plaintext: bytes, told: str) -> None:
    refusal = read_payload(plaintext)
    assert isinstance(refusal, ReportRefusal)
    assert refusal.code is ReportRefusalCode.MALFORMED
    assert told in refusal.detail


@st.composite
def mutated_templates(draw: st.DrawFn) -> bytes:
    """What a browser makes, of version 0.1 or 1.0, with a few bytes changed, put in or taken away."""
    id_bytes = draw(st.integers(0, 8))
    length = draw(st.sampled_from([1, 2, 20, 23, 24, 30, 256]))
    real = draw(st.lists(contributions, max_size=min(length, 4)))
    if draw(st.booleans()):
        real = [Contribution(0, 0)] * draw(st.integers(0, length - len(real))) + real
    if id_bytes:
        whole = encode_payload(real, id_bytes=id_bytes, length=length)
    else:
        entries = [*real, *[Contribution(0, 0)] * (length - len(real))]
        data = [{"value": e.value.to_bytes(4, "big"), "bucket": e.bucket.to_bytes(16, "big")} for e in entries]
        whole = cbor2.dumps({"data": data, "operation": "histogram"})
    plaintext = bytearray(whole)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(plaintext) - 1) | st.integers(0, min(60, len(plaintext) - 1)))
        match draw(st.sampled_from(["change", "put", "take"])):
            case "change":
                plaintext[at] = draw(st.integers(0, 255))
            case "put":
                plaintext.insert(at, draw(st.integers(0, 255)))
            case "take":
                del plaintext[at]
    return bytes(plaintext)


def judged_by_cbor2(plaintext: bytes) -> tuple[str, list[tuple[int, int, int]]] | ReportRefusal:
    """What the payload says when it is read in full, its padding left out."""
    read = read_payload(plaintext)
    if isinstance(read, ReportRefusal):
        return read
    return read.operation, [(one.bucket, one.value, one.filtering_id) for one in read.data if one.bucket or one.value]


@given(mutated_templates())
def test_the_template_gives_what_cbor2_gives_whatever_bytes_differ(plaintext: bytes) -> None:
    assert contributions_of(plaintext) == judged_by_cbor2(plaintext)


@given(st.binary(max_size=200))
def test_no_bytes_raise(plaintext: bytes) -> None:
    assert contributions_of(plaintext) == judged_by_cbor2(plaintext)


@pytest.mark.parametrize("head", range(256))
def test_only_the_head_of_an_array_counts_entries(head: int) -> None:
    entry = encode_payload([Contribution(5, 7, 1)], id_bytes=1, length=1)[7:-20]
    for count in (head & 0x7F, head & 0x1F):
        plaintext = b"\xa2\x64data" + bytes([head]) + entry * count + b"\x69operation\x69histogram"
        assert contributions_of(plaintext) == judged_by_cbor2(plaintext)


def test_what_browsers_make_is_read_without_cbor2(monkeypatch: pytest.MonkeyPatch) -> None:
    checked = 0
    expected = [judged_by_cbor2(base64.b64decode(case["cleartext_cbor_b64"])) for case in goldens()]
    monkeypatch.setattr("agent.crypto.aggregatable_payload.read_payload", None)
    for case, judged in zip(goldens(), expected, strict=True):
        if json.loads(case["report"]["shared_info"])["version"]:
            assert contributions_of(base64.b64decode(case["cleartext_cbor_b64"])) == judged, case["name"]
            checked += 1
    assert checked


def test_padding_is_skipped_and_an_entry_with_a_bucket_or_a_value_is_not() -> None:
    entries = [(0, 0, 0), (0, 1, 0), (5, 0, 0), (0, 0, 7), (9, 9, 9)]
    plaintext = encode_payload([Contribution(*entry) for entry in entries], id_bytes=1, length=20)
    assert contributions_of(plaintext) == ("histogram", [(0, 1, 0), (5, 0, 0), (9, 9, 9)])


def test_numbers_at_the_bounds_of_the_service_are_read_and_other_members_skipped() -> None:
    entry = {"bucket": b"\xff" * 16, "value": b"\xff" * 4, "id": b"\xff" * 8, "extra": [1]}
    plaintext = cbor2.dumps({"operation": "other", "data": [entry, {"bucket": b"\x05", "value": b""}], "more": {}})
    assert contributions_of(plaintext) == ("other", [(2**128 - 1, 2**32 - 1, 2**64 - 1), (5, 0, 0)])


def test_zeros_before_a_contribution_are_no_end_of_the_payload() -> None:
    plaintext = encode_payload([Contribution(0, 0)] * 999 + [Contribution(1, 1)], id_bytes=1, length=1000)
    assert contributions_of(plaintext) == ("histogram", [(1, 1, 0)])


def test_the_service_of_today_opens_no_payload_of_the_oldest_version() -> None:
    shared_info = '{"version":""}'
    sealed = OTHERS.encrypt(
        b"x", X25519PublicKey.from_public_bytes(PUBLIC_KEY), b"aggregation_service\0" + shared_info.encode()
    )
    assert open_payload(sealed, shared_info, PRIVATE_KEY) == b"x"
    assert open_as_service(sealed, shared_info, PRIVATE_KEY) is None
    assert open_under(sealed, b"aggregation_service\0" + shared_info.encode(), PRIVATE_KEY) == b"x"


@pytest.mark.parametrize("sealed", [b"", b"x", bytes(32), bytes(47), bytes(48), bytes(895), b"\xff" * 895])
def test_bytes_that_nobody_sealed_do_not_open(sealed: bytes) -> None:
    assert open_as_service(sealed, SHARED_INFO, PRIVATE_KEY) is None
