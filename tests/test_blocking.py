"""Stand-ins for asynchronous objects."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from agent.blocking import BackgroundLoop, Blocking


@pytest.fixture
def loop() -> Iterator[BackgroundLoop]:
    with BackgroundLoop() as loop:
        yield loop


@dataclass(frozen=True)
class Plain:
    number: int


class Thing:
    """Something asynchronous, with members of each kind."""

    name = "thing"

    def __init__(self) -> None:
        self.handlers: list[Callable[..., Any]] = []
        self.other: Thing | None = None

    async def double(self, number: int) -> int:
        await asyncio.sleep(0)
        return 2 * number

    async def fail(self) -> None:
        raise ValueError("no")

    def thread(self) -> str:
        return threading.current_thread().name

    def plain(self) -> Plain:
        return Plain(1)

    def both(self) -> list[Any]:
        return [self, Plain(1)]

    @property
    def later(self) -> Awaitable[str]:
        return asyncio.sleep(0, "later")

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Thing]:
        yield self

    async def numbers(self) -> AsyncIterator[int]:
        for number in range(3):
            yield number

    def on(self, handler: Callable[..., Any]) -> None:
        self.handlers.append(handler)

    def off(self, handler: Callable[..., Any]) -> None:
        self.handlers.remove(handler)

    async def emit(self, *args: Any) -> list[Any]:
        results = [handler(*args) for handler in self.handlers]
        return [await one if asyncio.iscoroutine(one) else one for one in results]


Thing.__module__ = "agent.thing"  # such as the agent's own classes


def test_what_is_awaited_there_is_waited_for_here(loop: BackgroundLoop) -> None:
    thing = loop.blocking(Thing())
    assert thing.double(4) == 8
    assert thing.later == "later"
    assert thing.thread() == "tallyhost"
    assert thing.name == "thing"
    assert list(thing.numbers()) == [0, 1, 2]


def test_stand_ins_are_given_taken_and_equal_what_they_stand_for(loop: BackgroundLoop) -> None:
    thing = loop.blocking(Thing())
    with thing.opened() as same:
        assert isinstance(same, Blocking)
        assert same == thing
        assert hash(same) == hash(thing)
    first, second = thing.both()
    assert (first, second) == (thing, Plain(1))
    assert isinstance(second, Plain)
    assert isinstance(thing.plain(), Plain)
    thing.other = same
    assert thing.asynchronous.other is thing.asynchronous
    assert repr(thing) == repr(thing.asynchronous)
    assert "double" in dir(thing)


def test_what_is_raised_there_is_raised_here(loop: BackgroundLoop) -> None:
    with pytest.raises(ValueError, match="no"):
        loop.blocking(Thing()).fail()


def test_a_failed_assertion_does_not_show_the_loop(loop: BackgroundLoop) -> None:
    async def fails() -> None:
        raise AssertionError("it is not so")

    with pytest.raises(AssertionError, match="it is not so") as failed:
        loop.run(fails())
    assert all("concurrent" not in str(entry.path) for entry in failed.traceback)


def test_a_handler_is_called_at_once_with_stand_ins_and_as_many_as_it_takes(loop: BackgroundLoop) -> None:
    thing, seen = loop.blocking(Thing()), list[Any]()
    thing.on(seen.append)
    thing.on(lambda one, two: seen.append((one, two)))
    thing.on(lambda *all_of_them: seen.append(all_of_them))
    thing.emit(thing, 2)
    assert seen[-2:] == [(thing, 2), (thing, 2)]
    assert all(isinstance(one, Blocking) for one, _ in seen[-2:])


def test_a_handler_may_wait_itself_and_its_result_is_awaited(loop: BackgroundLoop) -> None:
    thing = loop.blocking(Thing())
    thing.on(lambda number: thing.double(thing.double(number)))
    assert thing.emit(3) == [12]


def test_what_a_handler_waits_for_in_vain_is_raised_in_it(loop: BackgroundLoop) -> None:
    thing, caught = loop.blocking(Thing()), list[str]()

    def handler() -> None:
        try:
            thing.fail()
        except ValueError as error:
            caught.append(str(error))

    thing.on(handler)
    thing.emit()
    assert caught == ["no"]


def test_a_handler_is_taken_off_by_its_name(loop: BackgroundLoop) -> None:
    thing, seen = loop.blocking(Thing()), list[Any]()

    def handler(value: int) -> None:
        seen.append(value)

    thing.on(handler)
    thing.off(handler)
    thing.emit(1)
    assert seen == []


def test_a_result_that_holds_itself_comes_as_it_is(loop: BackgroundLoop) -> None:
    circle: dict[str, Any] = {}
    circle["self"] = circle
    assert loop.blocking(circle)["self"] is circle


def test_the_thread_ends_with_the_with() -> None:
    with BackgroundLoop() as loop:
        assert loop.run(asyncio.sleep(0, "done")) == "done"
    assert not [one for one in threading.enumerate() if one.name == "tallyhost"]
