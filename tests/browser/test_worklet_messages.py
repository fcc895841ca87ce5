"""What worklets say is read in order; what has not the shape agreed on is dropped."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from agent.browser.worklet_messages import WorkletMessages
from agent.model.attribution_reporting.reports import Contribution
from agent.model.private_aggregation import ConditionalContribution, ErrorEvent
from agent.model.shared_storage import AppendMethod, ClearMethod, DeleteMethod, SetMethod
from agent.model.tasks import Tasks
from agent.model.worklets import OperationResult, ScriptFailure
from tests.browser.worklet_world import Services


class Owner:
    """A worklet without a browser."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.ready: list[int] = []
        self.results: list[tuple[int, OperationResult]] = []
        self.ends: list[str] = []
        self.size = 0
        """Of its answers."""
        self.takes = asyncio.Event()
        """Set: it takes what it is told."""

    def answer(self, call: int, answer: Any) -> int:
        self.answers.append((call, answer))
        return self.size

    async def caught_up(self) -> None:
        await self.takes.wait()

    def end(self, reason: str) -> None:
        self.ends.append(reason)

    def is_ready(self, execution_context: int) -> None:
        self.ready.append(execution_context)

    def finished(self, operation: int, result: OperationResult) -> None:
        self.results.append((operation, result))


class World:
    """Messages between services and an owner that remember."""

    def __init__(self) -> None:
        self.services, self.owner, self.tasks = Services(), Owner(), Tasks()
        self.messages = WorkletMessages(self.services, self.owner, self.tasks)

    def say(self, method: str, args: Any, *, call: int = 0, operation: int = 1) -> None:
        """One message."""
        self.messages.received(json.dumps({"id": call, "operation": operation, "method": method, "args": args}), 3)


@pytest.fixture
def world() -> World:
    """A fresh one."""
    return World()


async def test_questions_are_answered_under_their_number(world: World) -> None:
    world.services.entries_ = {"a": "1"}
    world.say("get", {"key": "a"}, call=1)
    world.say("get", {"key": "b"}, call=2)
    world.say("length", {}, call=3)
    world.say("entries", {}, call=4)
    world.say("remainingBudget", {}, call=5)
    await asyncio.sleep(0.01)
    assert sorted(world.owner.answers, key=lambda pair: pair[0]) == [
        (1, {"value": "1"}),
        (2, {"value": None}),
        (3, {"value": 1}),
        (4, {"entries": (("a", "1"),)}),
        (5, {"value": 12.0}),
    ]


async def test_writes_are_read_by_their_op(world: World) -> None:
    methods = [
        {"op": "set", "key": "a", "value": "1", "ignoreIfPresent": True},
        {"op": "append", "key": "a", "value": "2"},
        {"op": "delete", "key": "a"},
        {"op": "clear"},
    ]
    world.say("update", {"methods": methods, "lock": "l", "batch": True}, call=1, operation=9)
    await asyncio.sleep(0.01)
    read = (SetMethod("a", "1", ignore_if_present=True), AppendMethod("a", "2"), DeleteMethod("a"), ClearMethod())
    assert world.services.told == [("update", 9, read, "l", True)]
    assert world.owner.answers == [(1, {})]


def test_contributions_are_exact_to_128_bits(world: World) -> None:
    most = (1 << 128) - 1
    world.say("contribute", {"bucket": str(most), "value": 2147483647, "filteringId": str((1 << 64) - 1)}, operation=4)
    assert world.services.contributions == [(4, Contribution(most, 2147483647, (1 << 64) - 1))]
    conditional = {"event": "reserved.uncaught-error", "bucket": "1", "value": 2, "filteringId": "0"}
    world.say("contributeOnEvent", conditional, operation=4)
    expected = ConditionalContribution(ErrorEvent.UNCAUGHT_ERROR, Contribution(1, 2))
    assert world.services.told == [("contributed_on_event", 4, expected)]


def test_an_array_of_messages_is_read_in_order(world: World) -> None:
    keys: list[dict[str, Any]] = [
        {"id": 0, "operation": 2, "method": "enableDebugMode", "args": {"key": "18446744073709551615"}},
        {"id": 0, "operation": 2, "method": "enableDebugMode", "args": {"key": None}},
        {"id": 0, "operation": 2, "method": "lateContribution", "args": {}},
    ]
    world.messages.received(json.dumps(keys), 3)
    debug = "debug_mode_enabled"
    assert world.services.told == [(debug, 2, 18446744073709551615), (debug, 2, None)]
    assert world.services.late == 1


def test_the_end_of_an_operation_tells_its_index_or_its_failure(world: World) -> None:
    world.say("finished", {"index": 2, "failure": None, "uncaughtError": False}, operation=1)
    world.say("finished", {"index": None, "failure": "Error: x", "uncaughtError": True}, operation=2)
    world.say("ready", {}, operation=0)
    world.say("flooded", {}, operation=0)
    assert world.owner.results == [
        (1, OperationResult(index=2)),
        (2, OperationResult(failure=ScriptFailure("Error: x"), uncaught_error=True)),
    ]
    assert world.owner.ready == [3]
    assert world.owner.ends == ["it sent too much without a pause"]


async def test_waiting_for_a_lock_ends_with_the_worklet_and_writes_do_not(world: World) -> None:
    lock = {"name": "l", "mode": "exclusive", "ifAvailable": False, "steal": False}
    world.say("requestLock", lock, call=1)
    world.say("update", {"methods": [{"op": "clear"}], "lock": None, "batch": False}, call=2)
    world.messages.close()
    world.services.lock_free.set()
    await asyncio.sleep(0.01)
    assert [call for call, _ in world.owner.answers] == [2]
    assert ("update", 1, (ClearMethod(),), None, False) in world.services.told


async def test_reading_ends_with_the_worklet(world: World) -> None:
    world.say("entries", {}, call=1)
    world.messages.close()
    await asyncio.sleep(0.01)
    assert world.owner.answers == []


async def test_a_loop_that_asks_for_much_is_answered_as_fast_as_it_takes_the_answers(world: World) -> None:
    world.owner.size = 1_000_000
    for call in range(1, 101):
        world.say("entries", {}, call=call)
    await asyncio.sleep(0.01)
    assert len(world.owner.answers) < 20
    world.owner.takes.set()
    await asyncio.sleep(0.01)
    assert [call for call, _ in world.owner.answers] == list(range(1, 101))


@pytest.mark.parametrize("lock", [None, "l"])
async def test_reads_and_writes_take_effect_in_the_order_in_which_they_were_asked_for(
    world: World, lock: str | None
) -> None:
    world.owner.size = 1_000_000
    for call in range(1, 21):
        world.say("entries", {}, call=call)
    world.say("update", {"methods": [{"op": "clear"}], "lock": lock, "batch": False}, call=21)
    await asyncio.sleep(0.01)
    write = ("update", 1, (ClearMethod(),), lock, False)
    assert write not in world.services.told
    world.owner.takes.set()
    await asyncio.sleep(0.01)
    assert world.services.told == [("entries", 1)] * 20 + [write]


async def test_what_waits_for_a_lock_holds_up_nothing_else(world: World) -> None:
    for call in range(1, 21):
        world.say("requestLock", {"name": "l", "mode": "exclusive", "ifAvailable": False, "steal": False}, call=call)
    world.say("length", {}, call=21)
    await asyncio.sleep(0.01)
    assert [call for call, _ in world.owner.answers] == [21]
    await world.tasks.close()


async def test_a_worklet_whose_open_questions_hold_too_much_is_ended(world: World) -> None:
    lock = {"name": "l" * 1_000_000, "mode": "shared", "ifAvailable": False, "steal": False}
    for call in range(1, 61):
        world.say("requestLock", lock, call=call)
    assert world.owner.ends == []
    for call in range(61, 71):
        world.say("requestLock", lock, call=call)
    assert world.owner.ends[0] == "it sent too much without a pause"
    await world.tasks.close()


async def test_answered_questions_count_no_more(world: World) -> None:
    write = {"methods": [{"op": "set", "key": "a", "value": "v" * 1_000_000}], "lock": None, "batch": False}
    for call in range(1, 201):
        world.say("update", write, call=call)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert world.owner.ends == []


async def test_a_lock_remembers_which_operation_asked_until_it_is_given_back(world: World) -> None:
    world.services.lock_free.set()
    lock = {"name": "l", "mode": "shared", "ifAvailable": True, "steal": False}
    world.say("requestLock", lock, call=1, operation=6)
    await asyncio.sleep(0.01)
    assert world.messages.lock_owners == {7: 6}
    world.say("releaseLock", {"lock": 7}, operation=6)
    assert world.messages.lock_owners == {}
    assert world.services.told[-1] == ("release_lock", 7)


@pytest.mark.parametrize(
    ("method", "args"),
    [
        ("contribute", {"bucket": "x", "value": 1, "filteringId": "0"}),
        ("contribute", {"value": 1}),
        ("contributeOnEvent", {"event": "reserved.nothing", "bucket": "1", "value": 1, "filteringId": "0"}),
        ("enableDebugMode", []),
        ("noSuchMethod", {}),
        ("finished", None),
    ],
)
def test_what_has_not_the_shape_agreed_on_is_dropped(
    world: World, caplog: pytest.LogCaptureFixture, method: str, args: Any
) -> None:
    world.say(method, args)
    assert "was not understood" in caplog.text
    assert (world.services.told, world.services.contributions, world.owner.results) == ([], [], [])
