"""Plain YAML with places: what a journey may be written in, and what is refused."""

from __future__ import annotations

import pytest

from agent.journeys.scripted.nodes import MAX_DEPTH, Place, read_document
from agent.model.errors import UsageError


def refusal(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        read_document(text, "j.yaml")
    return str(caught.value)


def test_scalars_stay_the_text_that_was_written() -> None:
    document = read_document("a: 1.50\nb: off\nc: 0x559\nd: 12:30\ne: '7'\nf: 2026-06-01\n", "j.yaml")
    assert document.value == {"a": "1.50", "b": "off", "c": "0x559", "d": "12:30", "e": "7", "f": "2026-06-01"}


@pytest.mark.parametrize("nothing", ["", "~", "null"])
def test_nothing_is_none_and_quoted_it_is_text(nothing: str) -> None:
    assert read_document(f"a: {nothing}\nb: '{nothing}'\n", "j.yaml").value == {"a": None, "b": nothing}


def test_each_key_and_value_has_its_place() -> None:
    document = read_document("name: x\nsteps:\n  - click: {role: link}\n", "j.yaml")
    path = ("steps", 0, "click", "role")
    assert document.place(path, of_key=True) == Place(3, 13)
    assert document.place(path) == Place(3, 19)


def test_what_is_not_there_has_the_place_of_what_it_would_be_in() -> None:
    document = read_document("name: x\nsteps:\n  - click: {}\n", "j.yaml")
    assert document.place(("steps", 0, "click", "role")) == Place(3, 5)


def test_an_anchor_is_refused_so_that_no_text_grows_without_end() -> None:
    assert refusal("a: &x 1\nb: *x\n").startswith("j.yaml:1:4: anchors and aliases are not for journeys")


def test_a_tag_is_refused_so_that_no_text_makes_an_object() -> None:
    assert refusal("a: !!python/object/apply:os.system ['true']\n").startswith("j.yaml:1:4: tags are not for journeys")


def test_what_is_nested_too_deep_is_refused() -> None:
    assert "nested too deep" in refusal("a: " + "[" * (MAX_DEPTH + 1))
    assert "nested too deep" in refusal("[" * 100_000)


def test_a_key_that_stands_twice_is_refused_with_both_lines() -> None:
    told = refusal("name: x\nsteps: []\nname: y\n")
    assert told.startswith("j.yaml:3:1: 'name' stands here for the second time; the first is in line 1")


def test_a_key_that_is_no_text_is_refused() -> None:
    assert refusal("? [a]\n: b\n").startswith("j.yaml:1:3: a key must be text")


@pytest.mark.parametrize(("text", "place"), [("a: [1\n", "2:1"), ("a: b: c\n", "1:5"), ("a: 1\n---\nb: 2\n", "2:1")])
def test_what_is_no_one_document_is_refused_at_its_place(text: str, place: str) -> None:
    assert refusal(text).startswith(f"j.yaml:{place}: this is no YAML")


def test_a_character_that_yaml_cannot_hold_is_refused() -> None:
    assert refusal("a: 1\nb: \x07\n").startswith("j.yaml:2:1: this is no YAML")
