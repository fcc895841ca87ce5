"""Which answers of a coordinator are a key set."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from agent.crypto.public_keys import BadKeySetError, CoordinatorKey, parse_key_set

KEY = base64.b64encode(bytes(range(32))).decode()


def served(*keys: Any, **members: Any) -> bytes:
    return json.dumps({"keys": list(keys), **members}).encode()


def entry(identifier: object = "a", key: object = KEY) -> dict[str, object]:
    return {"id": identifier, "key": key}


def test_a_key_set_is_a_list_of_ids_and_keys_whose_other_members_are_ignored() -> None:
    keys = parse_key_set(served({**entry("é"), "x": 1}, entry(""), version=3))
    assert keys == (CoordinatorKey("é", bytes(range(32))), CoordinatorKey("", bytes(range(32))))


def test_ten_keys_are_a_set_and_eleven_are_not() -> None:
    assert len(parse_key_set(served(*(entry(str(n)) for n in range(10))))) == 10
    with pytest.raises(BadKeySetError, match="11 keys; 1 to 10"):
        parse_key_set(served(*(entry(str(n)) for n in range(11))))


def test_an_id_of_128_characters_passes_and_one_of_129_does_not() -> None:
    assert parse_key_set(served(entry("x" * 128)))[0].id == "x" * 128
    with pytest.raises(BadKeySetError, match=r"keys\[0\]\.id has 129 characters"):
        parse_key_set(served(entry("x" * 129)))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b'{"keys":[NaN]}', "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", 'no object with a list "keys"'),
        (b"{}", 'no object with a list "keys"'),
        (b'{"keys":{}}', 'no object with a list "keys"'),
        (served(), "0 keys"),
        (served(entry(), 7), "keys[1] is no object"),
        (served(entry(7)), "keys[0].id is no string"),
        (served({"key": KEY}), "keys[0].id is no string"),
        (served({"id": "a"}), "keys[0].key"),
        (served(entry(key=7)), "keys[0].key"),
        (served(entry(key=base64.b64encode(bytes(31)).decode())), "keys[0].key"),
        (served(entry(key=base64.b64encode(bytes(33)).decode())), "keys[0].key"),
        (served(entry(key=base64.urlsafe_b64encode(b"\xff" * 32).decode())), "keys[0].key"),
        (served(entry(key=KEY.rstrip("="))), "keys[0].key"),
        (served(entry(key=KEY + "\n")), "keys[0].key"),
        (served(entry(key="é" * 44)), "keys[0].key"),
        (served(entry("a"), entry("b"), entry("a")), "keys[2].id 'a' is there twice"),
    ],
)
def test_one_breach_rejects_the_whole_set_with_its_place(body: bytes, told: str) -> None:
    with pytest.raises(BadKeySetError) as caught:
        parse_key_set(body)
    assert told in str(caught.value)
