from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from agent.crypto import hpke
from agent.crypto.keys import KeyRing, generate_key
from agent.model.errors import UsageError
from agent.model.rng import SeededRng

FIRST = generate_key(SeededRng(1))
SECOND = generate_key(SeededRng(2))


def document(**changes: Any) -> str:
    entry = {
        "id": FIRST.id.hex(),
        "public_key": base64.b64encode(FIRST.public_key).decode(),
        "private_key": base64.b64encode(FIRST.private_key).decode(),
    }
    return json.dumps({"keys": [entry | changes]})


def test_a_seed_repeats_its_keys_and_the_next_key_differs() -> None:
    rng = SeededRng(1)
    assert generate_key(rng) == FIRST
    assert generate_key(rng).public_key != FIRST.public_key


def test_the_two_halves_of_a_key_belong_together() -> None:
    assert hpke.public_key_of(FIRST.private_key) == FIRST.public_key


def test_a_key_is_named_by_the_first_8_bytes_of_its_sha_256() -> None:
    assert FIRST.id == hashlib.sha256(FIRST.public_key).digest()[:8]
    assert FIRST.public.id == FIRST.id


def test_reports_are_sealed_to_the_last_key_and_older_ones_are_still_found() -> None:
    ring = KeyRing(FIRST, SECOND)
    assert ring.current == SECOND
    assert ring.find(FIRST.id) == FIRST
    assert ring.find(bytes(8)) is None
    with pytest.raises(ValueError, match="without keys"):
        _ = KeyRing().current


def test_a_key_file_gives_back_the_keys_in_their_order() -> None:
    again = KeyRing.from_json(KeyRing(FIRST, SECOND).to_json(), where="keys.json")
    assert list(again) == [FIRST, SECOND]


def test_a_key_file_has_the_documented_members() -> None:
    assert json.loads(KeyRing(FIRST).to_json()) == json.loads(document())


def test_private_keys_are_neither_published_nor_shown() -> None:
    private = base64.b64encode(FIRST.private_key).decode()
    published = KeyRing(FIRST).public_entries()
    assert published == [{"id": FIRST.id.hex(), "public_key": base64.b64encode(FIRST.public_key).decode()}]
    assert private not in repr(FIRST)
    assert repr(FIRST.private_key) not in repr(FIRST)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no json", "Expecting value"),
        ("[]", "indices"),
        ("{}", "keys"),
        ('{"keys": [1]}', "subscriptable"),
        (document(public_key="AAAA"), "32 bytes"),
        (document(private_key="AAAA"), "32 bytes"),
        (document(private_key="?"), "base64"),
        (document(private_key=base64.b64encode(SECOND.private_key).decode()), "does not belong to its public key"),
        (document(id=SECOND.id.hex()), FIRST.id.hex()),
    ],
)
def test_a_bad_key_file_is_refused_with_its_name_and_what_was_expected(text: str, told: str) -> None:
    with pytest.raises(UsageError, match="no key file") as refused:
        KeyRing.from_json(text, where="/profile/keys.json")
    assert refused.value.where == "/profile/keys.json"
    assert told in refused.value.what
    assert "32 bytes in base64" in refused.value.rule
