from __future__ import annotations

from agent.model.caching import LONGEST, remember_short


def test_short_questions_are_asked_once_and_long_ones_anew() -> None:
    asked: list[str] = []

    @remember_short
    def first(text: str, upper: bool = False) -> str:
        asked.append(text)
        return text[0].upper() if upper else text[0]

    short, long = "a" * LONGEST, "b" * (LONGEST + 1)
    assert [first(short), first(short), first(short, upper=True)] == ["a", "a", "A"]
    assert [first(long), first(long)] == ["b", "b"]
    assert asked == [short, short, long, long]


def test_what_is_remembered_is_bounded() -> None:
    asked: list[str] = []

    @remember_short
    def same(text: str) -> str:
        asked.append(text)
        return text

    for number in range(5000):
        same(str(number))
    same("0")
    same("4999")
    assert len(asked) == 5001
