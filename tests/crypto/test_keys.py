from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
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


def test_a_ring_gives_its_private_keys_by_the_ids_that_reports_name() -> None:
    ring = KeyRing(FIRST, SECOND)
    assert ring.private_keys() == {FIRST.id.hex(): FIRST.private_key, SECOND.id.hex(): SECOND.private_key}


def test_a_rotation_makes_a_new_current_key_and_keeps_the_others() -> None:
    ring = KeyRing(FIRST)
    made = ring.rotate(SeededRng(2), 5)
    assert list(ring) == [FIRST, made]
    assert ring.current == made == replace(SECOND, made=5)
    assert ring.newest(1) == [made]
    assert ring.newest(5) == [made, FIRST]


def test_a_seed_that_begins_anew_never_gives_a_key_twice() -> None:
    ring = KeyRing()
    ids = [ring.rotate(SeededRng(1), now).id for now in range(5)]
    assert len(set(ids)) == 5
    assert len(list(ring)) == 5


def test_a_change_of_a_ring_is_kept_before_anyone_can_see_it() -> None:
    kept: list[tuple[str, int]] = []

    def keep(document: str) -> None:
        kept.append((document, len(list(ring))))

    ring = KeyRing(FIRST, keep=keep)
    ring.rotate(SeededRng(2), 5)
    ring.rotate_every(7)
    assert [seen for _, seen in kept] == [1, 2]
    assert kept[-1][0] == ring.to_json()
    assert list(KeyRing.from_json(kept[0][0], where="")) == list(ring)


def test_a_change_that_cannot_be_kept_is_none() -> None:
    def keep(_: str) -> None:
        raise OSError(28, "no space")

    ring = KeyRing(FIRST, rotation=7, keep=keep)
    with pytest.raises(OSError, match="no space"):
        ring.rotate(SeededRng(2), 5)
    with pytest.raises(OSError, match="no space"):
        ring.rotate_every(None)
    assert (list(ring), ring.rotation) == ([FIRST], 7)


def test_a_key_is_due_a_rotation_period_after_the_newest_was_made() -> None:
    ring = KeyRing(FIRST, replace(SECOND, made=100), rotation=10)
    assert ring.next_rotation == 110
    assert ring.rotate_if_due(SeededRng(3), 109) is None
    made = ring.rotate_if_due(SeededRng(3), 110)
    assert made is not None
    assert (made, made.made, ring.next_rotation) == (ring.current, 110, 120)
    assert KeyRing(FIRST).rotate_if_due(SeededRng(3), 10**15) is None


def test_a_key_of_unknown_age_is_due_at_once_where_keys_rotate() -> None:
    assert KeyRing.from_json(document(), where="").next_rotation is None
    assert KeyRing.from_json(json.dumps({**json.loads(document()), "rotation": 10}), where="").next_rotation == 10


def test_a_file_keeps_when_each_key_was_made_and_when_the_next_is_due() -> None:
    ring = KeyRing(FIRST, replace(SECOND, made=5), rotation=10)
    assert [entry.get("made") for entry in json.loads(ring.to_json())["keys"]] == [None, 5]
    again = KeyRing.from_json(ring.to_json(), where="")
    assert [key.made for key in again] == [0, 5]
    assert (again.rotation, again.next_rotation) == (10, 15)


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
        (document(made="yesterday"), "made"),
        (document(made=-1), "made"),
        (document(made=True), "made"),
        (json.dumps({**json.loads(document()), "rotation": "7d"}), "rotation"),
        (json.dumps({**json.loads(document()), "rotation": None}), "rotation"),
    ],
)
def test_a_bad_key_file_is_refused_with_its_name_and_what_was_expected(text: str, told: str) -> None:
    with pytest.raises(UsageError, match="no key file") as refused:
        KeyRing.from_json(text, where="/profile/keys.json")
    assert refused.value.where == "/profile/keys.json"
    assert told in refused.value.what
    assert "32 bytes in base64" in refused.value.rule
