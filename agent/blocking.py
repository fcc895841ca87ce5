"""Asynchronous objects for synchronous tests: an event loop in a thread of its own, and stand-ins that wait for it."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import is_dataclass
from enum import Enum
from types import TracebackType
from typing import Any, Self, TypeVar

from greenlet import getcurrent, greenlet

__tracebackhide__ = True
"""pytest shows the test's line, not those in here."""
T = TypeVar("T")
_WRAPPED_PACKAGES = ("playwright.", "agent.")


class BackgroundLoop:
    """An event loop that runs in a thread of its own for the time of a ``with``."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="tallyhost", daemon=True)
        self._callbacks: dict[Callable[..., Any], Callable[..., Any]] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run ``coroutine`` there and wait for what it gives or raises; Ctrl-C cancels it."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result()
        except AssertionError as failed:
            # Where in the loop it was raised says nothing to the test's author.
            raise failed.with_traceback(None) from failed.__cause__
        except BaseException:
            future.cancel()
            raise

    def waited(self, get: Callable[[], Any]) -> Any:
        """What ``get`` gives there; what it gives to be awaited is awaited."""
        if threading.current_thread() is not self._thread:
            return self.run(_awaited(get))
        value = get()
        if not inspect.isawaitable(value):
            return value
        # A function of the test's that the loop calls: it pauses here, and the loop goes on.
        return getcurrent().parent.switch(value)

    def blocking(self, value: Any) -> Any:
        """A stand-in for ``value`` whose methods wait; see :class:`Blocking`. Plain data come as they are.

        Of a list or a dictionary, for its elements.
        """
        if type(value) in {list, tuple}:
            return type(value)(map(self._stand_in, value))
        if type(value) is dict:
            return {key: self._stand_in(one) for key, one in value.items()}
        return self._stand_in(value)

    def asynchronous(self, value: Any) -> Any:
        """What ``value`` stands for; a function of the test's as one that the loop can call.

        An aiohttp application happens to be callable, and is none; what is asynchronous itself stays so.
        """
        if isinstance(value, Blocking):
            return value.asynchronous
        if type(value) in {list, tuple}:
            return type(value)(one.asynchronous if isinstance(one, Blocking) else one for one in value)
        if callable(value) and not isinstance(value, type) and not _is_for_the_loop(value):
            # The same one each time: who removes a handler names what was added.
            return self._callbacks.setdefault(value, _callback(value, self))
        return value

    def _stand_in(self, value: Any) -> Any:
        return Blocking(value, self) if _is_asynchronous(value) else value

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            self.loop.close()


class Blocking:
    """A stand-in for an asynchronous object, such as Playwright's Page: what is awaited there is waited for here.

    Methods take and give stand-ins; an ``async with`` is a ``with``, an ``async for`` a ``for``. Functions given to it,
    such as handlers of routes and events, are called with stand-ins while the test's own thread goes on.
    """

    __slots__ = ("_loop", "_of")

    def __init__(self, of: Any, loop: BackgroundLoop) -> None:
        object.__setattr__(self, "_of", of)
        object.__setattr__(self, "_loop", loop)

    @property
    def asynchronous(self) -> Any:
        """What this stands for."""
        return self._of

    def like(self, value: Any) -> Any:
        """A stand-in for ``value`` on the same loop."""
        return self._loop.blocking(value)

    def __getattr__(self, name: str) -> Any:
        return self.like(self._loop.waited(lambda: getattr(self._of, name)))

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._of, name, self._loop.asynchronous(value))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the method that this stands for, and wait for what it gives."""
        given = [self._loop.asynchronous(value) for value in args]
        named = {name: self._loop.asynchronous(value) for name, value in kwargs.items()}
        return self.like(self._loop.waited(lambda: self._of(*given, **named)))

    def __enter__(self) -> Any:
        return self.like(self._loop.waited(self._of.__aenter__))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Any:
        return self._loop.waited(lambda: self._of.__aexit__(kind, error, traceback))

    def __iter__(self) -> Iterator[Any]:
        steps = self._of.__aiter__()
        while True:
            try:
                yield self.like(self._loop.waited(steps.__anext__))
            except StopAsyncIteration:
                return

    def __eq__(self, other: object) -> bool:
        return bool(self._of == (other.asynchronous if isinstance(other, Blocking) else other))

    def __hash__(self) -> int:
        return hash(self._of)

    def __repr__(self) -> str:
        return repr(self._of)

    def __dir__(self) -> list[str]:
        return dir(self._of)


def _is_asynchronous(value: Any) -> bool:
    """Whether ``value`` may have something to wait for: a method, or an object of Playwright's or of the agent's."""
    if isinstance(value, type | BaseException | Enum | Blocking) or is_dataclass(value):
        return False
    if callable(value) or type(value).__module__.startswith(_WRAPPED_PACKAGES):
        return True
    return hasattr(value, "__aenter__") or hasattr(value, "__aiter__")


def _is_for_the_loop(value: Callable[..., Any]) -> bool:
    """Whether a callable is for the loop as it is: an application, or a coroutine function of the test's."""
    asynchronous = inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(type(value).__call__)
    return asynchronous or type(value).__module__.startswith("aiohttp.")


async def _awaited(get: Callable[[], Any]) -> Any:
    value = get()
    return await value if inspect.isawaitable(value) else value


def _callback(function: Callable[..., Any], loop: BackgroundLoop) -> Callable[..., Any]:
    """``function`` as the loop can call it: at once, and to be awaited where it waits for something itself."""

    def call(*args: Any) -> Any:
        given = [loop.blocking(value) for value in args[: _arity(function)]]
        running = greenlet(lambda: loop.asynchronous(function(*given)))
        outcome = running.switch()
        return outcome if running.dead else _rest(running, outcome)

    return call


async def _rest(running: greenlet, waits_for: Awaitable[Any]) -> Any:
    """The rest of a function that waits for something, however often."""
    outcome: Any = waits_for
    while not running.dead:
        try:
            value = await outcome
        except BaseException as error:  # noqa: BLE001 - the function's to handle
            outcome = running.throw(error)
        else:
            outcome = running.switch(value)
    return outcome


def _arity(function: Callable[..., Any]) -> int | None:
    """How many arguments ``function`` takes; None where that is not known, or any number."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return None
    return sum(one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD} for one in parameters)
